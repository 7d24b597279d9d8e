// The small behaviours of every page.
(() => {
  // Gives a place in the keyboard's order to what scrolls sideways, and only to that.
  const SCROLLERS = ".math, .u-drawing, .shapes, pre, .pst-scrollable-table-container";

  function mark(box) {
    // a slanted letter sticks out of its box by a pixel or two: nothing to scroll
    if (box.scrollWidth > box.clientWidth + 3) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }

  // measuring a long page at once would hold up the reader: a few boxes at a time
  function markAll() {
    const boxes = [...document.querySelectorAll(SCROLLERS)];
    const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 20));
    const some = (deadline) => {
      do boxes.splice(0, 4).forEach(mark);
      while (boxes.length && deadline?.timeRemaining?.() > 8);
      if (boxes.length) idle(some);
      else document.documentElement.dataset.measured = innerWidth;
    };
    idle(some);
  }

  document.fonts.ready.then(markAll);
  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(markAll, 200);
  });

  // What is folded opens where a link, or a word that was searched for, is inside.
  function openAround(element) {
    for (let fold = element?.closest("details"); fold; fold = fold.parentElement.closest("details"))
      fold.open = true;
  }

  function openTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.closest("details:not([open])")) return;
    openAround(target);
    target.scrollIntoView();
  }

  addEventListener("hashchange", openTarget);
  addEventListener("load", () => {
    document.querySelectorAll("details .highlighted").forEach(openAround);
    openTarget();
  });

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
