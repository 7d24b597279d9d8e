// "Check yourself": says at once whether a choice or a number is right.
(() => {
  const RIGHT = "Right.";

  function say(box, right, why) {
    const line = box.querySelector(".u-verdict");
    line.textContent = right ? RIGHT : "Not this." + (why ? "" : " Try once more, or open the answer.");
    line.dataset.right = right;
    if (right) box.querySelector("details").open = true;
  }

  function choose(box, input) {
    for (const choice of box.querySelectorAll(".u-choice")) {
      const why = choice.querySelector(".u-why");
      const chosen = choice.contains(input);
      if (why) why.hidden = !chosen;
      choice.classList.toggle("u-chosen", chosen);
    }
    const right = input.hasAttribute("data-right");
    say(box, right, input.closest(".u-choice").querySelector(".u-why"));
  }

  // "0,5", "1e-3", "1/3", "70 %": what people write for a number
  function read(text) {
    const plain = text.trim().replace(",", ".").replace(/\u2212/g, "-");
    const [, top, bottom, percent] = plain.match(/^([-+\d.e]+)(?:\/([-+\d.e]+))?\s*(%?)$/i) ?? [];
    if (top === undefined) return NaN;
    return (Number(top) / Number(bottom ?? 1)) / (percent ? 100 : 1);
  }

  function measure(box) {
    const field = box.querySelector("[data-number]");
    const [wanted, within] = [Number(field.dataset.number), Number(field.dataset.within)];
    const given = read(field.value);
    if (Number.isNaN(given)) {
      const line = box.querySelector(".u-verdict");
      line.textContent = "Write a number, such as 0.25 or 1/4.";
      delete line.dataset.right;
      return;
    }
    const slack = Math.max(within, 1e-9 * Math.abs(wanted));
    say(box, Math.abs(given - wanted) <= slack, false);
  }

  // What is filled in is made when it comes near (book/_ext/questions.py says why).
  function field(place, attributes) {
    const input = Object.assign(document.createElement("input"), attributes);
    Object.assign(input.dataset, place.dataset);
    const focused = place === document.activeElement;
    place.replaceWith(input);
    if (focused) input.focus();
    return input;
  }

  function wake(box) {
    for (const place of box.querySelectorAll(".u-pick"))
      field(place, { type: "radio", name: place.dataset.name });
    const place = box.querySelector(".u-write");
    if (!place) return;
    const input = field(place, { type: "text", inputMode: "decimal", autocomplete: "off" });
    input.setAttribute("aria-labelledby", box.getAttribute("aria-labelledby"));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") measure(box);
    });
  }

  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      wake(target);
    }
  }, { rootMargin: "100% 0px" });

  for (const box of document.querySelectorAll(".u-check")) {
    near.observe(box);
    box.addEventListener("focusin", () => wake(box));
    box.addEventListener("change", (event) => {
      if (event.target.type === "radio") choose(box, event.target);
    });
    const number = box.querySelector(".u-number");
    if (!number) continue;
    number.hidden = false;
    number.querySelector("button:last-child").addEventListener("click", () => measure(box));
  }
})();
