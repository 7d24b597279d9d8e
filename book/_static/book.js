// Gives a place in the keyboard's order to what scrolls sideways, and only to that.
const SCROLLERS = ".math, .u-drawing, .shapes, pre, .pst-scrollable-table-container";

function mark(entries) {
  for (const { target } of entries) {
    // a slanted letter sticks out of its box by a pixel or two: nothing to scroll
    if (target.scrollWidth > target.clientWidth + 3) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
}

const observer = new ResizeObserver(mark);
document.querySelectorAll(SCROLLERS).forEach((box) => observer.observe(box));
document.fonts.ready.then(() =>
  mark([...document.querySelectorAll(SCROLLERS)].map((target) => ({ target }))),
);
