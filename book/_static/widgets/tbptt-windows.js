// Truncated backpropagation through time over a stream: which pairs of an action and a look are kept.
(function () {
  "use strict";
  const U = Unrolled;

  // 1. The counting. Steps and looks are 1 ... T; every k1 steps an update goes back k2 steps.

  function run({ k1, k2, T }) {
    const windows = [];
    for (let end = k1; end - k1 < T; end += k1) {
      const last = Math.min(end, T);
      windows.push({ first: Math.max(1, last - k2 + 1), fresh: end - k1 + 1, last });
    }
    const home = (k) => windows[Math.ceil(k / k1) - 1];
    const looks = [...Array(T).keys()].map((k) => k + 1);
    const from = looks.map((k) => home(k).first); // tau(k), for k = 1 ... T
    const kept = looks.reduce((sum, k) => sum + k - from[k - 1] + 1, 0);
    const lags = looks.map((_, d) => {
      const able = looks.filter((k) => k - d >= 1);
      return able.filter((k) => k - d >= from[k - 1]).length / able.length;
    });
    const work = windows.reduce((sum, w) => sum + w.last - w.first + 1, 0);
    return { windows, from, kept, all: (T * (T + 1)) / 2, lags, work, home: looks.map((k) => windows.indexOf(home(k))) };
  }

  // 2. The drawing. One column for each step, from the windows down to the pairs.

  function columns({ state, width, narrow }) {
    const left = narrow ? 30 : 62, right = width - (narrow ? 4 : 14);
    const w = (right - left) / state.T;
    return { left, right, w, x: (t) => left + (t - 1) * w, mid: (t) => left + (t - 0.5) * w };
  }
  function brackets({ state, model }, { x, w }, top, height) {
    const rows = Math.min(model.windows.length, Math.ceil(state.k2 / state.k1)), pitch = Math.min(26, height / rows);
    const chosen = model.home[state.at - 1];
    return model.windows.map(({ first, fresh, last }, n) => {
      const y = top + height - pitch * (rows - (n % rows)), tall = Math.max(2, pitch - 3), on = n === chosen;
      return U.rect(x(first), y, (last - first + 1) * w - 1.5, tall, { fill: "carry", "fill-opacity": on ? 0.4 : 0.16, rx: 1.5 }) +
        U.rect(x(fresh), y, (last - fresh + 1) * w - 1.5, tall, { fill: "step", "fill-opacity": on ? 0.85 : 0.4, rx: 1.5 }) +
        (on ? U.ring(x(first) - 1, y - 1, (last - first + 1) * w + 0.5, tall + 2, { "stroke-width": 1.4 }) : "");
    }).join("");
  }
  function stream({ state, model, narrow }, { x, w, mid }, y) {
    const { at, T } = state, first = model.from[at - 1], r = Math.min(8, w * 0.3), parts = [];
    for (let t = 1; t < T; t++) parts.push(U.arrow(mid(t) + r, y, mid(t + 1) - r - 1, y, { stroke: "state", "stroke-width": 1.1, opacity: 0.7 }));
    for (let t = 1; t <= T; t++) parts.push(U.circle(mid(t), y, r, { stroke: "state", "stroke-width": 1.6, fill: t === at ? "step" : t >= first && t < at ? "carry" : "paper" }));
    if (at > first) parts.push(U.arrow(mid(at) - r, y + 19, mid(first), y + 19, { stroke: "carry", "stroke-width": 3.2 }));
    if (first > 1) {
      const cut = x(first);
      parts.push(U.line(cut, y - 14, cut, y + 28, { stroke: "carry", "stroke-width": 2, "stroke-dasharray": "3 3" }));
      parts.push(U.text(cut - 5, y + 24, narrow ? "cut" : "gradient cut here", { size: 12, anchor: "end", fill: "carry" }));
    }
    return parts.join("");
  }
  function pairs({ state, model, narrow }, { left, x, w, mid }, top, height) {
    const parts = [], { T, at } = state;
    for (let k = 1; k <= T; k++) {
      const y = top + (k - 1) * height, first = model.from[k - 1];
      for (let t = 1; t <= k; t++) {
        const kept = t >= first;
        const look = kept ? { fill: "carry", "fill-opacity": k === at ? 1 : 0.62 } : { fill: "none", stroke: "grid" };
        parts.push(U.rect(x(t) + 1, y + 1, w - 2, height - 2, { rx: 1.5, ...look }));
      }
      const named = T <= 12 || k === 1 || k % 3 === 0;
      if (named || k === at) parts.push(U.text(left - 5, y + height - 3, k, { size: 11, anchor: "end", fill: k === at ? "ink" : "muted", bold: k === at }));
    }
    parts.push(U.ring(x(1) - 1, top + (at - 1) * height - 1, at * w + 2, height + 2));
    const below = top + T * height + 14;
    for (let t = 1; t <= T; t++) if (T <= 12 || t === 1 || t % 3 === 0) parts.push(U.text(mid(t), below, t, { size: 11, anchor: "middle", fill: "muted" }));
    parts.push(U.text(x(T) + w, below + 17, "step t at which the weight acts", { anchor: "end" }));
    parts.push(U.text(4, top - 8, narrow ? "loss of step k" : "loss of step k: filled pairs (t, k) are kept", {}));
    parts.push(U.target(x(1), top, T * w, T * height, null, ["at", 1, T]));
    return parts.join("");
  }
  // In the empty corner: the share of looks that still reach back d steps.
  function lags({ state, model, width, narrow }, top, tall) {
    const left = width * (narrow ? 0.55 : 0.6), right = width - (narrow ? 4 : 14), bottom = top + tall, { T, k1, k2 } = state;
    const x = U.scale(0, T, left, right), y = U.scale(0, 1, bottom, top), w = x(1) - x(0);
    const bars = model.lags.map((share, d) => U.rect(x(d) + 0.6, y(share), Math.max(1, w - 1.2), bottom - y(share), { fill: "carry", "fill-opacity": 0.62 }));
    const formula = [...Array(T).keys()].map((d) => [x(d + 0.5), y(U.clamp((k2 - d) / k1, 0, 1))]);
    return U.axes({ left, right, top, bottom }, {
      x: { at: (d) => x(d + 0.5), ticks: U.ticks(0, T - 1, narrow ? 3 : 5).filter(Number.isInteger) },
      y: { at: y, ticks: [0, 1], format: (v) => `${100 * v} %` },
    }) + bars.join("") + U.polyline(formula, { stroke: "ink", "stroke-width": 1.4 }) + U.text(right, top - 9, narrow ? "kept, by lag d" : "share kept, by lag d = k − t", { anchor: "end" });
  }
  function draw(view) {
    const grid = columns(view), { narrow, state } = view;
    const windowsTop = 24, high = 78, streamY = windowsTop + high + 26, pairsTop = streamY + 66;
    const height = U.clamp(270 / state.T, 11, 22);
    const target = U.target(grid.x(1), streamY - 14, state.T * grid.w, 44, ["at", 1, state.T]);
    return U.drawing(view.width, pairsTop + state.T * height + 38, view.alt,
      U.text(4, 14, "windows: "), U.text(narrow ? 62 : 62, 14, "new steps", { fill: "step", bold: true }), U.text(130, 14, narrow ? "read again" : "read again, to go back through", { fill: "carry", bold: true }),
      brackets(view, grid, windowsTop, high), stream(view, grid, streamY), target, pairs(view, grid, pairsTop, height), lags(view, pairsTop + 4, state.T * height * 0.36));
  }

  function told(state, model) {
    const { at } = state, first = model.from[at - 1], kept = at - first + 1;
    return `The loss at step ${at} reaches back to step ${first}: ${kept} of its ${at} path${at === 1 ? "" : "s"} survive${kept === 1 ? "s" : ""}`;
  }
  function says(state, data, model) {
    const { windows } = model, w = windows[model.home[state.at - 1]];
    const work = U.fixed(model.work / state.T, 1);
    return `<p>${told(state, model)}. It is new in the window from ${w.first} to ${w.last}.</p><p>In all, ${model.kept} of ${model.all} pairs are kept, ${U.percent(model.kept / model.all)}; ` +
      `${windows.length} updates go back through ${model.work} steps, ${work} for each step of the stream.</p>`;
  }
  U.define("tbptt-windows", {
    title: "Windows of truncated backpropagation through time",
    state: () => ({ k1: 3, k2: 6, T: 18, at: 11 }),
    settle: (state) => {
      const k1 = Math.min(state.k1, state.T), k2 = U.clamp(state.k2, k1, state.T);
      return { ...state, k1, k2, at: U.clamp(state.at, 1, state.T) };
    },
    controls: ({ k1, T }) => [
      { type: "range", key: "k1", label: U.math("k_1") + ", steps between updates", name: "k1, steps between updates", min: 1, max: Math.min(12, T) },
      { type: "range", key: "k2", label: U.math("k_2") + ", steps back", name: "k2, steps back", min: k1, max: T },
      { type: "range", key: "T", label: U.math("T") + ", length", name: "T, length of the stream", min: 6, max: 24 },
    ],
    cursor: { key: "at", label: "Step of the loss", range: ({ T }) => [1, T], says: (state) => told(state, run(state)) },
    hint: "In the figure: ← → choose the step whose loss looks back.",
    model: run, draw, says,
  });
  U.models.tbptt = { run };
})();
