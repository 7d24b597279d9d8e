// Hover cards: rest on a link inside the book, or reach it with the keyboard, and see
// what it leads to. Escape closes; the pointer may move into the card. A touch follows
// the link as ever.
(() => {
  const WAIT = 250;
  const root = document.documentElement.dataset.content_root ?? "./";
  const base = new URL(root, location.href).href;
  const pages = new Map(); // page -> promise of {anchor: html}
  const arrived = new Map(); // page -> what to call with its cards
  const card = document.createElement("div");
  card.className = "u-card";
  card.id = "u-card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  document.querySelector(".bd-article")?.append(card);
  let current = null;
  let timer;

  // each file of _static/cards calls this
  window.unrolledCards = (page, cards) => arrived.get(page)?.(cards);

  function load(page) {
    if (!pages.has(page)) {
      pages.set(page, new Promise((done) => {
        arrived.set(page, done);
        const script = document.createElement("script");
        script.src = `${base}_static/cards/${page.replaceAll("/", "~")}.js`;
        script.onerror = () => done({});
        document.head.append(script);
      }));
    }
    return pages.get(page);
  }

  function target(link) {
    const url = new URL(link.href);
    const page = url.href.split(/[?#]/)[0];
    if (!url.hash || !page.startsWith(base)) return null;
    return { page: decodeURI(page.slice(base.length)), anchor: decodeURIComponent(url.hash.slice(1)) };
  }

  async function show(link) {
    const { page, anchor } = target(link);
    const html = (await load(page))[anchor];
    if (!html || current !== link) return;
    card.innerHTML = html.replaceAll(' src="_images/', ` src="${base}_images/`);
    card.hidden = false;
    place(link);
    link.setAttribute("aria-describedby", "u-card");
  }

  function place(link) {
    const line = link.getClientRects()[0];
    const around = card.offsetParent.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(line.left, room - card.offsetWidth - 8));
    const below = innerHeight - line.bottom;
    const above = below < card.offsetHeight + 16 && line.top > below;
    card.style.left = `${left - around.left}px`;
    const top = above ? line.top - card.offsetHeight - 6 : line.bottom + 6;
    card.style.top = `${top - around.top}px`;
  }

  function hide() {
    clearTimeout(timer);
    current?.removeAttribute("aria-describedby");
    current = null;
    card.hidden = true;
  }

  function soon(link, wait) {
    if (current === link) return clearTimeout(timer);
    hide();
    current = link;
    timer = setTimeout(() => show(link), wait);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(hide, 200);
  }

  for (const link of document.querySelectorAll(".bd-article a.internal[href*='#']")) {
    if (!target(link)) continue;
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && soon(link, WAIT));
    link.addEventListener("pointerleave", later);
    link.addEventListener("focus", () => link.matches(":focus-visible") && soon(link, WAIT));
    link.addEventListener("blur", hide);
    link.addEventListener("click", hide);
    // the browser's own tip would lie on top of ours
    link.removeAttribute("title");
  }
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("pointerleave", later);
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
