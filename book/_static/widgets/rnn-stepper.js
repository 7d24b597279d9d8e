// A small RNN, three steps forward and backward, one operation at a time.
(function () {
  "use strict";
  const U = Unrolled;

  // 1. The maths. One sample, D = 1, H = 2: the numbers of the chapters' example.

  const CELL = { W_xh: [[1, -0.5]], W_hh: [[0.5, 0.25], [-0.5, 0.5]], b_h: [0, 0.1] };
  const INPUT = { xs: [[0.6], [-1], [0.9]], h0: [0.2, -0.4] };
  const T = INPUT.xs.length, LOOK = [1, 2];
  const arriving = (loss) => INPUT.xs.map((_, t) => (loss === "every" || t === T - 1 ? LOOK : [0, 0]));

  // Index 0 of h, dh and next is the initial state; a, da, out and the shares begin at 1.
  function run({ xs, h0 }, { W_xh, W_hh, b_h }, dhs) {
    const steps = xs.length, a = [null], h = [h0], parts = [null];
    for (let t = 1; t <= steps; t++) {
      parts[t] = [U.times(xs[t - 1], W_xh), U.times(h[t - 1], W_hh), b_h];
      a[t] = U.plus(...parts[t]);
      h[t] = a[t].map(Math.tanh);
    }
    const out = [null, ...dhs], next = [], dh = [], da = [], dx = [], shares = [];
    next[steps] = h0.map(() => 0);
    for (let t = steps; t >= 1; t--) {
      dh[t] = U.plus(out[t], next[t]);
      da[t] = dh[t].map((g, i) => g * (1 - h[t][i] ** 2));
      shares[t] = { dW_xh: U.outer(xs[t - 1], da[t]), dW_hh: U.outer(h[t - 1], da[t]), db_h: [da[t]] };
      next[t - 1] = U.times(da[t], U.transpose(W_hh));
      dx[t] = U.times(da[t], U.transpose(W_xh));
    }
    dh[0] = next[0];
    const add = (A, B) => A.map((r, i) => U.plus(r, B[i]));
    // what stands in an accumulator when the steps from t on have added to it
    const total = (name, from) => shares.slice(from).map((s) => s[name]).reduce(add, shares[steps][name].map((r) => r.map(() => 0)));
    return { x: [null, ...xs], a, h, parts, out, next, dh, da, dx, shares, total, names: ["dW_xh", "dW_hh", "db_h"] };
  }

  // 2. The frames: 0 is the start, then a and h of each step, then four a step on the way back.

  const LAST = 6 * T;
  function frame(at) {
    if (at === 0) return { phase: "start", t: 0 };
    if (at <= 2 * T) return { phase: at % 2 ? "a" : "h", t: Math.ceil(at / 2) };
    const back = at - 2 * T - 1;
    return { phase: ["sum", "tanh", "add", "carry"][back % 4], t: T - Math.floor(back / 4) };
  }
  const since = { // the frame from which on a value is known
    x: () => 0, a: (t) => 2 * t - 1, h: (t) => 2 * t, out: () => 2 * T + 1,
    next: (t) => (t === T ? 2 * T + 1 : 2 * T + 4 * (T - t)),
    dh: (t) => 2 * T + 4 * (T - t) + 1, da: (t) => 2 * T + 4 * (T - t) + 2, add: (t) => 2 * T + 4 * (T - t) + 3,
  };

  // 3. The drawing: a column for each step, a row for each quantity.

  const ROWS = [
    ["x", "x_t", "input"], ["a", "a_t", "state"], ["h", "h_t", "state"],
    ["out", "`dh_t^{out}", "step"], ["next", "`dh_t^{next}", "carry"], ["dh", "`dh_t", "ink"], ["da", "`da_t", "ink"],
  ];
  const COLOUR = Object.fromEntries(ROWS.map(([name, , colour]) => [name, colour]));
  const Y = { x: 34, a: 92, h: 150, out: 222, next: 252, dh: 284, da: 342 };
  const CELL_H = 22;

  function places(narrow) {
    const cell = narrow ? 33 : 46, first = narrow ? 80 : 138, apart = narrow ? 74 : 150;
    return { cell, size: narrow ? 11.4 : 13, cx: (t) => first + t * apart };
  }
  function cells(cx, y, values, { cell, size }, colour, { active, used, hidden, height = CELL_H } = {}) {
    const left = cx - (values.length * cell) / 2;
    const look = { stroke: colour, "stroke-width": active ? 2.4 : used ? 1.8 : 0.9, fill: colour, "fill-opacity": hidden ? 0 : active ? 0.24 : 0.08 };
    const dotted = hidden ? { "stroke-dasharray": "2 3", "stroke-opacity": 0.55 } : {};
    return values.map((v, i) => U.rect(left + i * cell, y, cell, height, { ...look, ...dotted }) +
      (hidden ? "" : U.text(left + (i + 0.5) * cell, y + height / 2 + size * 0.34, U.fixed(v), { size, anchor: "middle", bold: active }))).join("");
  }
  // Which quantities a frame reads, and which it makes.
  function touched({ phase, t }) {
    const made = { a: ["a", t], h: ["h", t], sum: ["dh", t], tanh: ["da", t], carry: ["next", t - 1] }[phase];
    const read = { a: [["x", t], ["h", t - 1]], h: [["a", t]], sum: [["out", t], ["next", t]], tanh: [["dh", t], ["h", t]],
      add: [["da", t], ["x", t], ["h", t - 1]], carry: [["da", t]] }[phase] || [];
    return { made: made && made.join(), read: read.map((r) => r.join()) };
  }
  function grid({ state, model }, geometry) {
    const { made, read } = touched(frame(state.at)), parts = [];
    for (const [name, , colour] of ROWS)
      for (let t = 0; t <= T; t++) {
        const values = model[name][t];
        if (!values) continue;
        if (name === "dh" && t === 0) continue; // the same as what is carried there
        const hidden = state.at < since[name](t), id = [name, t].join();
        parts.push(cells(geometry.cx(t), Y[name], values, geometry, colour, { hidden, active: made === id, used: read.includes(id) }));
      }
    return parts.join("");
  }
  function names({ narrow }, geometry) {
    const size = narrow ? 13 : 15;
    const rows = ROWS.map(([name, tex, colour]) => U.text(4, Y[name] + 16, tex, { size, tex: true, fill: colour }));
    const times = [...Array(T + 1).keys()].map((t) => U.text(geometry.cx(t), 20, `t = ${t}`, { size: 12, anchor: "middle", fill: "muted" }));
    return [...rows, ...times, U.line(4, 200, geometry.cx(T) + geometry.cell + 2, 200, { stroke: "grid" })].join("");
  }
  function arrows({ state, narrow }, geometry) {
    const { phase, t } = frame(state.at), { cx, cell } = geometry, parts = [];
    const on = (p, s) => (phase === p && t === s ? 3 : 1.3);
    for (let s = 1; s <= T; s++) {
      const x = cx(s), known = (frameOf) => (state.at >= frameOf ? 1 : 0.3);
      const down = (from, to, p, stroke, f) => U.arrow(x, Y[from] + CELL_H + 1, x, Y[to] - 2, { stroke, "stroke-width": on(p, s), opacity: known(f) });
      parts.push(down("x", "a", "a", "input", since.a(s)), down("a", "h", "h", "state", since.h(s)));
      parts.push(U.arrow(cx(s - 1) + cell * 0.7, Y.h - 2, x - cell - 2, Y.a + CELL_H / 2 + 4, { stroke: "state", "stroke-width": on("a", s), opacity: known(since.a(s)) }));
      parts.push(down("dh", "da", "tanh", "ink", since.da(s)));
      parts.push(U.arrow(x - cell - 2, Y.da + 6, cx(s - 1) + cell + 3, Y.next + CELL_H / 2, { stroke: "carry", "stroke-width": phase === "carry" && t === s ? 4 : 2, opacity: known(since.next(s - 1)) }));
      if (narrow) continue;
      const sign = { anchor: "middle", fill: "muted" };
      parts.push(U.text(x - cell - 9, Y.next + 15, "+", sign), U.text(x - cell - 9, Y.dh + 15, "=", sign));
    }
    return parts.join("");
  }
  // Three accumulators: the total so far, and the share of the step that is adding.
  function accumulators({ state, model, narrow }, geometry, top) {
    const { phase, t } = frame(state.at), adding = phase === "add";
    const from = [...Array(T).keys()].map((k) => k + 1).find((s) => state.at >= since.add(s)) || T + 1;
    const { cell } = geometry, parts = [];
    const spot = narrow ? [[0, 0], [0, 34], [0, 92]] : [[0, 0], [218, 0], [446, 0]];
    model.names.forEach((name, k) => {
      const x = spot[k][0], y = top + spot[k][1], share = model.shares[adding ? t : 1][name];
      const total = model.total(name, from), start = x + (narrow ? 58 : 8), label = `\`${name.replace("_", "_{")}}`;
      parts.push(narrow ? U.text(4, y + 16, label, { size: 13, tex: true, fill: "weight" }) : U.text(start, y - 8, label, { size: 15, tex: true, fill: "weight" }));
      total.forEach((r, i) => parts.push(cells(start + cell, y + i * CELL_H, r, geometry, "weight", { active: adding, hidden: from > T })));
      if (!adding) return;
      const gap = narrow ? 34 : 26;
      parts.push(U.text(start + 2 * cell + gap / 2, y + 16, "+=", { anchor: "middle", fill: "weight", bold: true }));
      share.forEach((r, i) => parts.push(cells(start + 3 * cell + gap, y + i * CELL_H, r, geometry, "weight", { used: true })));
    });
    if (adding) {
      const x = geometry.cx(t);
      parts.push(U.arrow(x, Y.da + CELL_H + 2, x, top - (narrow ? 8 : 24), { stroke: "weight", "stroke-width": 2.5, "stroke-dasharray": "5 3" }));
    }
    return parts.join("");
  }
  function draw(view) {
    const geometry = places(view.narrow), top = view.narrow ? 396 : 420;
    return U.drawing(view.width, top + (view.narrow ? 122 : 54), view.alt,
      names(view, geometry), arrows(view, geometry), grid(view, geometry), accumulators(view, geometry, top));
  }

  // 4. The words.

  const f = (xs) => U.row(xs), c = U.inColour, m = U.math;
  const says = {
    start: () => ["Known before the first step: the initial state, the inputs and the weights.",
      `${m("W_{xh}")} = ((1, −0.5)), ${m("W_{hh}")} = ((0.5, 0.25), (−0.5, 0.5)), ${m("b_h")} = (0, 0.1)`, "B = 1, D = 1, H = 2, T = 3"],
    a: (t, { a, parts: p }) => [`Forward, step ${t}: the input and the old state go through their weights.`,
      `${m(`a_${t} = x_${t} W_{xh} + h_${t - 1} W_{hh} + b_h`)} = ${c("input", f(p[t][0]))} + ${c("state", f(p[t][1]))} + ${c("weight", f(p[t][2]))} = ${f(a[t])}`,
      "(1, 2) = (1, 1) @ (1, 2) + (1, 2) @ (2, 2) + (2,)"],
    h: (t, { h, a }) => [`Forward, step ${t}: the state.${t === T ? " The way there is done." : ""}`, `${m(`h_${t}`)} = tanh ${f(a[t])} = ${c("state", f(h[t]))}`, "(1, 2) = tanh (1, 2)"],
    sum: (t, { out, next, dh }) => [`Back at step ${t}: ${t === T ? "nothing is carried in yet" : "two channels meet"}.`,
      `${m(`\`dh_${t}`)} = ${c("step", f(out[t]))} arrives here + ${c("carry", f(next[t]))} carried from ${t === T ? "nowhere" : `step ${t + 1}`} = ${f(dh[t])}`, "(1, 2) = (1, 2) + (1, 2)"],
    tanh: (t, { h, dh, da }) => [`Back at step ${t}: through the tanh, times its slope.`,
      `${m(`\`da_${t} = \`dh_${t} ⊙ (1 − h_${t}^2)`)} = ${f(dh[t])} ⊙ ${f(h[t].map((v) => 1 - v * v))} = ${f(da[t])}`, "(1, 2) = (1, 2) * (1, 2)"],
    add: (t, { da, x, h }) => [`Back at step ${t}: this step’s shares are ${c("weight", "<b>added</b>")}; what later steps left stays.`,
      `${m("`dW_{xh}")} += ${c("input", f(x[t]))}${m("^⊤")} ${f(da[t])}, ${m("`dW_{hh}")} += ${c("state", f(h[t - 1]))}${m("^⊤")} ${f(da[t])}, ${m("`db_h")} += ${f(da[t])}`,
      "(1, 2) += (1, 1) @ (1, 2);  (2, 2) += (2, 1) @ (1, 2);  (2,) += (2,)"],
    carry: (t, { da, next }) => [`Back at step ${t}: what is carried is ${c("carry", "<b>replaced</b>")}${t === 1 ? ", and comes out as the gradient of the initial state" : ""}.`,
      `${m(`\`dh_${t - 1}^{next} = \`da_${t} W_{hh}^⊤`)} = ${f(da[t])} ${m("W_{hh}^⊤")} = ${c("carry", f(next[t - 1]))}`, "(1, 2) = (1, 2) @ (2, 2)"],
  };
  function told({ at }, model) {
    const { phase, t } = frame(at), [words, numbers, shapes] = says[phase](t, model);
    return `<p>${words}</p><p>${numbers}</p><p><code>${shapes}</code></p>`;
  }

  const model = (state) => run(INPUT, CELL, arriving(state.loss));
  U.define("rnn-stepper", {
    title: "An RNN, step by step, forward and backward",
    state: () => ({ at: 0, loss: "last" }),
    controls: () => [
      {
        type: "buttons", name: "Steps", items: [
          ["first", "Start"], ["back", "‹ Back"], ["forward", "Next ›"], ["turn", "Way back"], ["end", "End"], ["play", "Play"],
        ],
      },
      { type: "choice", key: "loss", label: "The loss looks at", options: [["last", "the last state"], ["every", "every state"]] },
    ],
    act: ({ at }, name) => ({ first: { at: 0 }, back: { at: Math.max(0, at - 1) }, forward: { at: Math.min(LAST, at + 1) }, turn: { at: 2 * T + 1 }, end: { at: LAST } })[name],
    disabled: ({ at }) => ({ first: at === 0, back: at === 0, forward: at === LAST, end: at === LAST }),
    next: ({ at }) => (at < LAST ? { at: at + 1 } : null),
    pace: 1500,
    cursor: {
      key: "at", label: "Operation", range: () => [0, LAST],
      says: ({ at }) => `${at} of ${LAST}: ${{ start: "start", a: "forward, a", h: "forward, h", sum: "back, two channels", tanh: "back, through tanh", add: "back, accumulate", carry: "back, carry" }[frame(at).phase]}${at ? ` at step ${frame(at).t}` : ""}`,
    },
    hint: "In the figure: → does the next operation, ← takes it back.",
    model, draw, says: (state, data, found) => told(state, found),
  });
  U.models.rnnStepper = { run: (...given) => { const { total, ...rest } = run(...given); return { ...rest, totals: Object.fromEntries(rest.names.map((n) => [n, total(n, 1)])) }; }, frame, since, CELL, INPUT };
})();
