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
