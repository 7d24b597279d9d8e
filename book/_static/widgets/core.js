// Live figures: what all of them share. A classic script, since modules do not load
// from the disk; no dependency. A figure is a kind: {title, state, controls, draw, says}.
// draw() makes SVG text and needs no browser, so the build draws the stills with it.
(function () {
  "use strict";

  // 1. Colours: the palette of unrolled/plots.py. In a page a CSS variable decides.

  const palette = {
    ink: "#1c1f26", muted: "#626977", grid: "#d9d9d6", paper: "#fdfdfb",
    input: "#0f766e", state: "#1f5fbf", weight: "#8a5a00", output: "#a21a6b",
    carry: "#c2410c", step: "#7138d6",
  };
  const colour = (name) => (name in palette ? `var(--u-${name}, ${palette[name]})` : name);

  const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

  // 2. Numbers as text.

  const signed = (text) => text.replace("-", "\u2212");
  const fixed = (x, digits = 2) => {
    const text = x.toFixed(digits);
    return signed(Number(text) === 0 ? text.replace("-", "") : text);
  };
  const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const raised = (n) => String(n).replace(/./g, (c) => SUPER[c]);
  function short(x) {
    if (x === 0 || !Number.isFinite(x)) return x === 0 ? "0" : x > 0 ? "∞" : "−∞";
    const size = Math.abs(x);
    if (size >= 0.01 && size < 1000) return fixed(x, size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
    const [front, power] = x.toExponential(1).split("e");
    return `${signed(front)}·10${raised(Number(power))}`;
  }
  const percent = (x) => `${Math.round(100 * x)} %`;
  const row = (xs, digits = 2) => `(${xs.map((x) => fixed(x, digits)).join(", ")})`;
  const escape = (s) => String(s).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

  // 3. A little linear algebra on lists of rows. Vectors are rows, as in the book.

  const zeros = (n, m) => Array.from({ length: n }, () => new Array(m).fill(0));
  const eye = (n) => zeros(n, n).map((r, i) => r.map((_, j) => +(i === j)));
  const transpose = (A) => A[0].map((_, j) => A.map((r) => r[j]));
  const dot = (u, v) => u.reduce((sum, x, i) => sum + x * v[i], 0);
  const times = (u, A) => A[0].map((_, j) => u.reduce((sum, x, i) => sum + x * A[i][j], 0)); // row @ A
  const matmul = (A, B) => A.map((r) => times(r, B));
  const plus = (...rows) => rows[0].map((_, i) => rows.reduce((sum, r) => sum + r[i], 0));
  const mul = (u, v) => u.map((x, i) => x * v[i]);
  const outer = (u, v) => u.map((x) => v.map((y) => x * y));
  const norm = (u) => Math.sqrt(dot(u, u));
  const frobenius = (A) => Math.sqrt(A.reduce((sum, r) => sum + dot(r, r), 0));
  const sigmoid = (a) => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)));

  // Singular values by one-sided Jacobi rotations of the rows, largest first.
  function singular(A) {
    const R = A.map((r) => Float64Array.from(r)), many = R.length, wide = A[0].length;
    for (let sweep = 0, moved = true; moved && sweep < 60; sweep++) {
      moved = false;
      for (let p = 0; p < many; p++)
        for (let q = p + 1; q < many; q++) {
          const u = R[p], v = R[q];
          let a = 0, b = 0, c = 0;
          for (let k = 0; k < wide; k++) {
            a += u[k] * u[k];
            b += v[k] * v[k];
            c += u[k] * v[k];
          }
          if (Math.abs(c) <= 1e-13 * Math.sqrt(a * b)) continue;
          moved = true;
          const z = (b - a) / (2 * c);
          const t = (z >= 0 ? 1 : -1) / (Math.abs(z) + Math.sqrt(1 + z * z));
          const cos = 1 / Math.sqrt(1 + t * t), sin = cos * t;
          for (let k = 0; k < wide; k++) {
            const x = u[k], y = v[k];
            u[k] = cos * x - sin * y;
            v[k] = sin * x + cos * y;
          }
        }
    }
    return R.map((r) => Math.hypot(...r)).sort((x, y) => y - x);
  }

  // Gelfand: rho = lim ||A^k||^(1/k), here k = 2^44 by squaring. A triangular matrix
  // has its eigenvalues on the diagonal, and may lose them on that way.
  function radius(A) {
    if (A.every((r, i) => r.every((x, j) => j >= i || x === 0))) return Math.max(...A.map((r, i) => Math.abs(r[i])));
    let log = 0, k = 1;
    for (let n = 0; n < 44; n++) {
      const s = frobenius(A);
      if (s === 0) return 0;
      log += Math.log(s) / k;
      A = A.map((r) => r.map((x) => x / s));
      A = matmul(A, A);
      k *= 2;
    }
    return Math.exp(log + Math.log(frobenius(A)) / k);
  }

  // The same numbers on every machine: mulberry32, and Box and Muller's normals.
  function random(seed) {
    const uniform = () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    return { uniform, normal };
  }

  // 4. SVG as text. fill and stroke name colours of the palette.

  const place = (x) => (typeof x === "number" ? String(Math.round(x * 100) / 100) : x);
  const STYLED = { fill: 1, stroke: 1 };
  function tag(name, attributes = {}, ...inside) {
    let styled = "", plain = "";
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (key === "style") styled += `${value};`;
      else if (key in STYLED) styled += `${key}:${colour(value)};`;
      else plain += ` ${key}="${escape(place(value))}"`;
    }
    if (styled) plain += ` style="${styled}"`;
    const body = inside.flat(9).join("");
    return body || name === "text" ? `<${name}${plain}>${body}</${name}>` : `<${name}${plain}/>`;
  }
  const rect = (x, y, width, height, look) => tag("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), ...look });
  const line = (x1, y1, x2, y2, look) => tag("line", { x1, y1, x2, y2, stroke: "muted", ...look });
  const circle = (cx, cy, r, look) => tag("circle", { cx, cy, r, ...look });
  const polyline = (points, look) =>
    tag("path", { d: points.map(([x, y], k) => `${k ? "L" : "M"}${place(x)} ${place(y)}`).join(""), fill: "none", ...look });
  function arrow(x1, y1, x2, y2, look = {}) {
    const length = Math.hypot(x2 - x1, y2 - y1) || 1, width = look["stroke-width"] || 1.5;
    const head = Math.min(length, 4 + 2 * width), ux = (x2 - x1) / length, uy = (y2 - y1) / length;
    const bx = x2 - head * ux, by = y2 - head * uy, w = head * 0.5;
    const tip = [[x2, y2], [bx - w * uy, by + w * ux], [bx + w * uy, by - w * ux]];
    const stroke = look.stroke || "muted", opacity = look.opacity;
    return line(x1, y1, bx, by, look) + tag("polygon", { points: tip.map((p) => p.map(place).join(",")).join(" "), fill: stroke, opacity });
  }

  const SANS = "'Source Sans 3', 'Helvetica Neue', Arial, sans-serif";
  const MONO = "'Source Code Pro', Menlo, Consolas, monospace";
  const LETTER = "KaTeX_Math, 'Latin Modern Math', 'Times New Roman', serif";
  const ROMAN = "KaTeX_Main, 'Latin Modern Math', 'Times New Roman', serif";

  // Formulas are split into runs: "h_{t-1}", "10^{-4}". Words are upright, and so is `d.
  function runs(tex) {
    const found = [];
    const add = (text, level) => {
      for (const piece of text.match(/`\p{L}|\p{L}+|[^`\p{L}]+/gu) || [])
        found.push(piece[0] === "`" ? { text: piece.slice(1), level } : { text: piece, level, slanted: /^\p{L}{1,2}$/u.test(piece) });
    };
    const parts = tex.match(/[_^]\{[^}]*\}|[_^].|[^_^]+/gu) || [];
    for (const part of parts) {
      const level = { _: 1, "^": -1 }[part[0]] || 0;
      add(level ? part.slice(1).replace(/^\{|\}$/g, "") : part, level);
    }
    return found;
  }
  const minus = (s) => s.replace(/-/g, "−");
  function text(x, y, words, look = {}) {
    const { size, anchor, mono, bold, tex, ...rest } = look;
    const style = { "font-size": size, "text-anchor": anchor, "font-family": mono && MONO, "font-weight": bold && 600 };
    return tag("text", { x, y, fill: "ink", ...style, ...rest }, tex ? formula(words, size || 13) : escape(words));
  }
  function formula(tex, size) {
    let before = 0;
    return runs(tex).map(({ text: words, level, slanted }) => {
      const dy = place(((level - before) * size) / 4);
      before = level;
      const small = level ? place(size * 0.74) : place(size * 1.06);
      const style = slanted ? { "font-family": LETTER, "font-style": "italic" } : { "font-family": ROMAN };
      return tag("tspan", { dy, "font-size": small, ...style }, escape(minus(words)));
    });
  }
  // The same for text in HTML.
  const math = (tex) =>
    `<span class="w-math">${runs(tex).map(({ text: words, level, slanted }) => {
      const name = { 0: "span", 1: "sub", "-1": "sup" }[level];
      return `<${name}${slanted ? ' class="w-letter"' : ""}>${escape(minus(words))}</${name}>`;
    }).join("")}</span>`;
  const inColour = (name, html) => `<span class="u-${name}">${html}</span>`;

  // Where each token of a text stands, {row, column, width}, in lines of so many columns.
  function flow(tokens, words, columns) {
    let row = 0, column = 0;
    const blank = (token) => !token.trim();
    // of single letters, a word that fits into a line goes into one
    function ahead(k) {
      if (words || blank(tokens[k]) || (k && !blank(tokens[k - 1]))) return 0;
      let end = k;
      while (end < tokens.length && !blank(tokens[end])) end++;
      return end - k <= columns ? end - k : 0;
    }
    const places = tokens.map((token, k) => {
      const width = token === "\n" ? 1 : [...token].length;
      if (column && column + Math.max(width, ahead(k)) > columns) [row, column] = [row + 1, 0];
      const found = { row, column, width };
      column += width + (words ? 1 : 0);
      if (token === "\n") [row, column] = [row + 1, 0];
      return found;
    });
    return { places, rows: row + (column ? 1 : 0) };
  }

  const drawing = (width, height, label, ...inside) =>
    tag("svg", {
      xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${place(width)} ${place(height)}`, class: "w-svg",
      "font-family": SANS, "font-size": 13, role: "img", "aria-label": label, style: `max-width:${place(width * 1.12)}px`,
    }, inside);

  // 5. Axes.

  const scale = (from, to, start, end) => (x) => start + ((end - start) * (x - from)) / (to - from);
  function ticks(from, to, count = 5) {
    const rough = (to - from) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
    const found = [];
    for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9 * step; k++) found.push(k * step);
    return found;
  }
  // box: {left, right, top, bottom}; x and y: {at: scale, ticks, label, format}
  function axes({ left, right, top, bottom }, { x, y }) {
    const parts = [];
    for (const value of y.ticks || []) {
      const h = y.at(value);
      parts.push(line(left, h, right, h, { stroke: "grid" }));
      parts.push(text(left - 6, h + 4, (y.format || String)(value), { size: 12, anchor: "end", fill: "muted", tex: y.tex }));
    }
    for (const value of (x && x.ticks) || []) {
      parts.push(line(x.at(value), bottom, x.at(value), bottom + 4, { stroke: "muted" }));
      parts.push(text(x.at(value), bottom + 17, (x.format || String)(value), { size: 12, anchor: "middle", fill: "muted" }));
    }
    parts.push(line(left, bottom, right, bottom, { stroke: "muted" }));
    if (x && x.label) parts.push(text(right, bottom + 33, x.label, { anchor: "end" }));
    if (y.label) parts.push(text(left, top - 9, y.label, { tex: y.labelTex }));
    return parts.join("");
  }
  // One square of a heat map: STATE above zero, CARRY below, opacity is the size.
  const shade = (value, most = 1, cap = 1) => ({
    fill: value < 0 ? "carry" : "state", "fill-opacity": place(cap * Math.min(1, Math.abs(value) / (most || 1))),
  });
  // Many squares [x, y, width, value]: those of one strength are one path, or the page
  // would grow heavy. y is a square's middle.
  function heat(squares, height, most = 1, cap = 1, steps = 10) {
    const paths = new Map(), tenth = (v) => Math.round(v * 10) / 10;
    const strength = ([, , , value]) => Math.round(steps * clamp(value / (most || 1), -1, 1));
    for (let k = 0, end; k < squares.length; k = end) {
      const [x, y, width] = squares[k], here = strength(squares[k]);
      let right = x + width;
      for (end = k + 1; end < squares.length; end++) {
        const [nextX, nextY, nextWidth] = squares[end];
        if (strength(squares[end]) !== here || nextY !== y || Math.abs(nextX - right) > 0.5) break;
        right = nextX + nextWidth;
      }
      if (here) paths.set(here, `${paths.get(here) || ""}M${tenth(x)} ${tenth(y)}h${tenth(right - x)}`);
    }
    return [...paths].map(([here, d]) =>
      tag("path", { d, "stroke-width": place(height), stroke: here < 0 ? "carry" : "state", "stroke-opacity": place((cap * Math.abs(here)) / steps) })).join("");
  }
  // What can be pointed at: along x the values from first to last of a key, and along y.
  const target = (x, y, width, height, along, down) =>
    rect(x, y, width, height, { fill: "transparent", "data-set": "", "data-along": along && along.join(":"), "data-down": down && down.join(":") });
  const ring = (x, y, width, height, look) =>
    rect(x, y, width, height, { fill: "none", stroke: "ink", "stroke-width": 1.8, rx: 2, ...look });

  // 6. The controls around a drawing.

  // Asleep it is no form control: a browser that offers to fill those in would lay out
  // every section that holds one, as soon as the page is read.
  const longest = (options) => options.map(([, words]) => String(words)).reduce((a, b) => (b.length > a.length ? b : a));
  const select = (c, v) =>
    `<select data-key="${c.key}" aria-label="${escape(c.name)}">${c.options
      .map(([value, words]) => `<option value="${escape(value)}"${String(value) === String(v) ? " selected" : ""}>${escape(words)}</option>`)
      .join("")}</select>`;
  const CONTROL = {
    range: (c, v) =>
      `<label class="w-range"><span><span>${c.label}</span> <b data-shown="${c.key}">${c.show(v)}</b></span>
<input type="range" data-key="${c.key}" min="${c.min}" max="${c.max}" step="${c.step || 1}" value="${v}" aria-label="${escape(c.name)}" aria-valuetext="${escape(c.show(v))}"></label>`,
    choice: (c, v, live) =>
      `<label class="w-choice"><span>${c.label}</span>${live ? select(c, v) : `<span class="w-asleep">${escape(longest(c.options))}</span>`}</label>`,
    buttons: (c) =>
      `<div class="w-buttons" role="group" aria-label="${escape(c.name)}">${c.items
        .map(([act, words, name]) => `<button type="button" data-act="${act}"${name ? ` aria-label="${escape(name)}" title="${escape(name)}"` : ""}>${words}</button>`)
        .join("")}</div>`,
  };
  function filled(kind, state, data) {
    return kind.controls(state, data).map((c) => ({ show: String, name: c.label, ...c }));
  }
  const controlsOf = (kind, state, data, live) =>
    filled(kind, state, data).map((c) => CONTROL[c.type](c, state[c.key], live)).join("");

  const WIDTH = { wide: 660, narrow: 340 };
  const BREAK = 560; // pixels of the figure's own width
  function pictures(kind, state, data, which, alt) {
    const model = kind.model ? kind.model(state, data) : null;
    const svgs = which.map((size) => {
      const svg = kind.draw({ state, data, model, narrow: size === "narrow", width: WIDTH[size], alt: alt || kind.title });
      return `<div class="w-${size}"${size === "narrow" && which.length > 1 ? ' style="display:none"' : ""}>${svg}</div>`;
    });
    return { svg: svgs.join(""), says: kind.says(state, data, model) };
  }
  // The whole inside of an element; the same in the built page and in the browser.
  function frame(kind, state, data, { alt, which, live }) {
    const { svg, says } = pictures(kind, state, data, which, alt);
    const asleep = live ? "" : " hidden"; // a notebook without the script shows no dead knobs
    const hint = kind.hint ? `<p class="w-hint"${asleep}>${kind.hint}</p>` : "";
    const read = alt && live && kind.cursor ? `<p class="w-alt">${escape(alt)}</p>` : "";
    return `${read}<div class="w-controls"${asleep}>${controlsOf(kind, state, data, live)}</div>
<div class="w-figure">${svg}</div>${hint}
<div class="w-says"${live ? ' role="status"' : ""}>${says}</div>`;
  }

  // 7. A figure that lives.

  const kinds = {};
  const reduced = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  class Figure {
    constructor(element, kind, { given, json }) {
      this.element = element;
      this.kind = kind;
      this.data = kind.read ? kind.read(given.data) : given.data;
      this.state = { ...kind.state(this.data), ...given.state };
      this.alt = given.alt;
      this.narrow = this.isNarrow();
      this.build(json);
      new ResizeObserver(() => this.isNarrow() !== this.narrow && this.draw()).observe(element);
    }
    isNarrow() {
      return this.element.clientWidth < BREAK;
    }
    get which() {
      return [this.narrow ? "narrow" : "wide"];
    }
    build(json) {
      const { element, kind } = this, focused = element === document.activeElement;
      element.innerHTML = frame(kind, this.state, this.data, { alt: this.alt, which: this.which, live: true });
      if (json) element.append(json);
      element.removeAttribute("tabindex");
      this.figure = element.querySelector(".w-figure");
      this.says = element.querySelector(".w-says");
      this.listen();
      this.sync();
      element.setAttribute("ready", "");
      if (focused) element.querySelector("input, select, button").focus();
    }
    listen() {
      const { element, figure } = this;
      element.addEventListener("input", ({ target }) => {
        const { key } = target.dataset, { value } = target;
        if (!key) return;
        this.stop();
        this.set({ [key]: target.type === "range" ? Number(value) : value });
      });
      element.addEventListener("click", ({ target }) => {
        const button = target.closest("button[data-act]");
        if (button) this.act(button.dataset.act);
      });
      figure.addEventListener("keydown", (event) => this.key(event));
      figure.addEventListener("pointerdown", (event) => this.press(event));
    }
    act(name) {
      if (name === "play") return this.playing ? this.stop() : this.play();
      this.stop();
      this.set(this.kind.act(this.state, name, this.data));
    }
    play() {
      if (!this.kind.next(this.state, this.data)) this.set(this.kind.act(this.state, "first", this.data));
      const step = () => {
        const next = this.kind.next(this.state, this.data);
        if (next) this.set(next);
        else this.stop();
      };
      this.playing = setInterval(step, this.kind.pace || 900);
      this.sync();
    }
    stop() {
      if (!this.playing) return;
      clearInterval(this.playing);
      this.playing = null;
      this.sync();
    }
    set(change) {
      if (!change) return;
      const next = { ...this.state, ...change };
      this.state = this.kind.settle ? this.kind.settle(next, this.data) : next;
      if (!this.waiting) this.waiting = requestAnimationFrame(() => this.draw());
    }
    draw() {
      this.waiting = null;
      this.narrow = this.isNarrow();
      const { svg, says } = pictures(this.kind, this.state, this.data, this.which, this.alt);
      this.figure.innerHTML = svg;
      if (this.says.innerHTML !== says) this.says.innerHTML = says;
      this.sync();
    }
    sync() {
      const find = (selector) => this.element.querySelector(selector);
      for (const c of filled(this.kind, this.state, this.data)) {
        if (c.type === "buttons") {
          const off = this.kind.disabled ? this.kind.disabled(this.state, this.data) : {};
          for (const [act] of c.items) find(`[data-act="${act}"]`).setAttribute("aria-disabled", Boolean(off[act]));
          continue;
        }
        const input = find(`[data-key="${c.key}"]`), value = this.state[c.key];
        if (c.type === "range") {
          Object.assign(input, { min: c.min, max: c.max });
          input.setAttribute("aria-valuetext", c.show(value));
          find(`[data-shown="${c.key}"]`).innerHTML = c.show(value);
        }
        if (input.value !== String(value)) input.value = value;
      }
      const play = find('[data-act="play"]');
      if (play) {
        play.hidden = reduced();
        play.setAttribute("aria-pressed", Boolean(this.playing));
      }
      this.announce();
    }
    // The drawing itself is a slider over what the arrows move.
    announce() {
      const { cursor } = this.kind;
      if (!cursor) return;
      const [low, high] = cursor.range(this.state, this.data);
      const at = cursor.value ? cursor.value(this.state, this.data) : this.state[cursor.key];
      const given = {
        role: "slider", tabindex: 0, "aria-label": cursor.label, "aria-valuemin": low, "aria-valuemax": high,
        "aria-valuenow": at, "aria-valuetext": cursor.says ? cursor.says(this.state, this.data) : at,
      };
      for (const [name, value] of Object.entries(given)) this.figure.setAttribute(name, value);
    }
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const change = this.own(event) || this.move(event.key);
      if (!change) return;
      event.preventDefault();
      event.stopPropagation(); // the theme turns pages with the arrows
      this.stop();
      this.set(change);
    }
    // the kind's own keys come first
    own(event) {
      return this.kind.keys && this.kind.keys(this.state, event.key, this.data, event.shiftKey);
    }
    move(key) {
      const { cursor } = this.kind;
      if (!cursor || !cursor.key) return null;
      const [low, high] = cursor.range(this.state, this.data), at = this.state[cursor.key];
      const page = Math.max(1, Math.round((high - low) / 10));
      const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -page, PageUp: page, Home: low - at, End: high - at };
      return key in steps ? { [cursor.key]: clamp(at + steps[key], low, high) } : null;
    }
    // What can be pointed at carries data-set="key:value ..."; bars carry data-drag.
    press(event) {
      if (event.button) return;
      const bar = event.target.closest("[data-drag]");
      const move = bar ? this.dragger(bar) : (e) => this.point(e);
      move(event);
      const end = () => {
        window.removeEventListener("pointermove", move);
        window.removeEventListener("pointerup", end);
        window.removeEventListener("pointercancel", end);
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", end);
      window.addEventListener("pointercancel", end);
    }
    dragger(bar) {
      const { top, height } = bar.getBoundingClientRect(), what = { ...bar.dataset };
      return (event) => {
        event.preventDefault();
        this.set(this.kind.drag(this.state, what, clamp(1 - (event.clientY - top) / height, 0, 1), this.data));
      };
    }
    point(event) {
      const under = document.elementFromPoint(event.clientX, event.clientY);
      const found = under && this.figure.contains(under) && under.closest("[data-set]");
      if (!found) return;
      this.stop();
      const { left, top, width, height } = found.getBoundingClientRect();
      const part = (given, share) => {
        const [key, first, last] = given.split(":");
        return [key, clamp(+first + Math.floor(share * (last - first + 1)), +first, +last)];
      };
      const { set, along, down } = found.dataset, pairs = [];
      if (set) pairs.push(...set.split(" ").map((pair) => pair.split(":")).map(([key, value]) => [key, Number(value)]));
      if (along) pairs.push(part(along, (event.clientX - left) / width));
      if (down) pairs.push(part(down, (event.clientY - top) / height));
      this.set(Object.fromEntries(pairs));
    }
  }

  // A kind may come after its elements, and elements after their kind. Data may be in a
  // script beside the page, which says Unrolled.data[name] = ...
  const data = {};
  function start(element) {
    const kind = kinds[element.getAttribute("kind")];
    if (!kind || element.figure) return;
    const json = element.querySelector('script[type="application/json"]');
    const given = JSON.parse(json ? json.textContent : "{}");
    if (given.name in data) given.data = data[given.name];
    else if (given.from) return bring(given.from, () => given.name in data && start(element));
    element.figure = new Figure(element, kind, { given, json });
  }
  function bring(src, onload) {
    document.head.append(Object.assign(document.createElement("script"), { src, onload }));
  }
  // A figure wakes up when it comes near: a page with several is there at once.
  const near = typeof IntersectionObserver === "undefined" ? null : new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      start(target);
    }
  }, { rootMargin: "100% 0px" });
  // Who comes by the keyboard may come from far away: then it is a place to stop at.
  function wake(element) {
    const kind = kinds[element.getAttribute("kind")];
    if (!kind || element.figure) return;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", kind.title);
    if (!near) return start(element);
    near.observe(element);
    element.tabIndex = 0;
    element.addEventListener("focus", () => start(element), { once: true });
  }
  function define(name, kind) {
    kinds[name] = kind;
    if (typeof document === "undefined") return;
    document.querySelectorAll(`u-widget[kind="${name}"]`).forEach(wake);
  }
  if (typeof customElements !== "undefined")
    customElements.define("u-widget", class extends HTMLElement {
      connectedCallback() {
        if (document.readyState !== "loading") wake(this);
      }
    });

  globalThis.Unrolled = {
    palette, colour, kinds, define, frame, data, models: {}, clamp, WIDTH,
    fixed, short, percent, row, raised, escape, math, inColour,
    zeros, eye, transpose, dot, times, matmul, plus, mul, outer, norm, frobenius, sigmoid, singular, radius, random,
    tag, rect, line, circle, polyline, arrow, text, flow, drawing, scale, ticks, axes, shade, heat, target, ring,
  };
})();
