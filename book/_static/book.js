// The small behaviours of every page.
(() => {
  // What scrolls sideways has a place in the keyboard's order, and only that. To measure
  // a box that is far away would lay out the page down to it, so each has a place until
  // it comes near; then the browser lays it out, says so, and says so again when its
  // size changes.
  const SCROLLERS =
    ".math, .u-drawing, .shapes, pre, .cell_output > .output, .pst-scrollable-table-container";
  // a slanted letter sticks out of its box by a pixel or two: nothing to scroll
  const scrolls = (box) => box.scrollWidth > box.clientWidth + 3;

  function place(box, needed) {
    if (needed) box.tabIndex = 0;
    else if (box === document.activeElement)
      box.addEventListener("blur", () => place(box, scrolls(box)), { once: true });
    else box.removeAttribute("tabindex");
  }

  const sizes = new ResizeObserver((seen) => {
    const boxes = seen.map(({ target }) => target);
    const needed = boxes.map(scrolls); // all are asked before one is changed
    boxes.forEach((box, i) => place(box, needed[i]));
    document.documentElement.dataset.measured = innerWidth;
  });
  sizes.observe(document.querySelector("h1"));
  for (const box of document.querySelectorAll(SCROLLERS)) {
    box.tabIndex = 0;
    sizes.observe(box);
  }

  // Which section is on the screen is marked in the contents beside it, where they are.
  if (!matchMedia("(min-width: 1200px)").matches) document.body.removeAttribute("data-bs-spy");

  // What is folded opens where a link, or a word that was searched for, is inside.
  function openAround(element) {
    for (let fold = element?.closest("details"); fold; fold = fold.parentElement.closest("details"))
      fold.open = true;
  }

  // What comes near is laid out, gets its true size, and moves the place that was meant.
  function arrive(target, frames) {
    target.scrollIntoView({ behavior: "instant" });
    if (frames) requestAnimationFrame(() => arrive(target, frames - 1));
  }

  function openTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    openAround(target);
    arrive(target, 10);
  }

  addEventListener("hashchange", openTarget);
  function openFound() {
    document.querySelectorAll("details .highlighted").forEach(openAround);
    openTarget();
  }
  if (document.readyState === "complete") openFound();
  else addEventListener("load", openFound);

  // Paper has no folds; code that the page hides stays hidden on it.
  const FOLDS = "details.u-fold, details.u-answer, details.sd-dropdown";
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(FOLDS)].filter((fold) => !fold.open);
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
  });
})();
