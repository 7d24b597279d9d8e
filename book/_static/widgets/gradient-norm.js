// Spectral radius, kind of matrix, activation, length -> what is left of a gradient, and the bound.
(function () {
  "use strict";
  const U = Unrolled;
  const H = 16, SETTLE = 50, MOST = 100;

  // 1. The maths: row vectors, S_k = diag(slope_k) W', J_{T,t} = S_T ... S_{t+1}.

  function orthogonal(A) {
    const Q = [];
    for (const row of A) {
      let v = row;
      for (let twice = 0; twice < 2; twice++)
        for (const q of Q) v = U.plus(v, q.map((x) => -U.dot(q, v) * x));
      Q.push(v.map((x) => x / U.norm(v)));
    }
    return Q;
  }
  function beginning(matrix) {
    const rng = U.random(11), G = U.zeros(H, H).map((r) => r.map(rng.normal));
    if (matrix === "orthogonal") return orthogonal(G);
    if (matrix === "symmetric") return G.map((r, i) => r.map((x, j) => x + G[j][i]));
    if (matrix === "chain") return U.eye(H).map((r, i) => r.map((x, j) => (j === i + 1 ? 0.6 : x)));
    return G;
  }
  const memory = {};
  function weights(matrix, rho) {
    const A = (memory[matrix] = memory[matrix] || beginning(matrix));
    const size = (memory[`${matrix} radius`] = memory[`${matrix} radius`] || U.radius(A));
    return A.map((r) => r.map((x) => (rho * x) / size));
  }
  const ACTIVATIONS = {
    tanh: (a) => [Math.tanh(a), 1 - Math.tanh(a) ** 2],
    relu: (a) => [Math.max(0, a), +(a > 0)],
    linear: (a) => [a, 1],
  };
  // The slopes of the last T steps of a cell that reads noise, and a gradient at the end.
  function forward(W, { activation, loud, length }) {
    const rng = U.random(5), f = ACTIVATIONS[activation];
    let h = new Array(H).fill(0);
    const gradient = h.map(rng.normal), slopes = [];
    for (let t = 0; t < SETTLE + length; t++) {
      const both = U.plus(U.times(h, W), h.map(() => loud * rng.normal())).map(f);
      h = both.map(([value]) => value);
      if (t >= SETTLE) slopes.push(both.map(([, slope]) => slope));
    }
    return { slopes, gradient };
  }
  function backward(W, slopes, gradient) {
    const Wt = U.transpose(W);
    let J = U.eye(H), row = gradient, bound = 1;
    const norms = [1], rows = [1], bounds = [1];
    for (const slope of slopes.slice().reverse()) {
      const S = Wt.map((r, i) => r.map((x) => slope[i] * x));
      J = U.matmul(J, S);
      row = U.times(row, S);
      bound *= U.singular(S)[0];
      norms.push(U.singular(J)[0]);
      rows.push(U.norm(row) / U.norm(gradient));
      bounds.push(bound);
    }
    return { norms, rows, bounds };
  }
  function run(state) {
    const W = weights(state.matrix, state.rho), { slopes, gradient } = forward(W, state);
    return { W, slopes, gradient, sigma: U.singular(W)[0], ...backward(W, slopes, gradient) };
  }

  // 2. The drawing.

  const LOW = -16, HIGH = 12;
  const log = (x) => Math.log10(Math.max(x, 1e-300));

  const LOOKS = [
    ["norm", "largest stretch of any gradient", { stroke: "carry", "stroke-width": 2.6 }],
    ["row", "one gradient", { stroke: "carry", "stroke-width": 1.1 }],
    ["bound", "bound", { stroke: "ink", "stroke-width": 1.6, "stroke-dasharray": "6 4" }],
    ["power", "ρ^k", { stroke: "muted", "stroke-width": 1.6, "stroke-dasharray": "1.5 3.5" }],
  ];
  function legend(narrow, top) {
    const at = narrow ? [[4, 0], [4, 20], [130, 20], [222, 20]] : [[48, 0], [282, 0], [408, 0], [492, 0]];
    return LOOKS.map(([name, words, look], k) => {
      const [x, y] = [at[k][0], top + at[k][1]];
      return U.line(x, y, x + 26, y, look) + U.text(x + 32, y + 4, words, { tex: name === "power" });
    }).join("");
  }
  function chart({ state, model, width, narrow }, top) {
    const left = 48, right = width - 12, bottom = top + (narrow ? 210 : 220), { length, rho, at } = state;
    const x = U.scale(0, length, left, right), y = U.scale(LOW, HIGH, bottom, top);
    const frame = U.axes({ left, right, top, bottom }, {
      x: { at: x, ticks: U.ticks(0, length, narrow ? 4 : 6), label: "steps back, k" },
      y: { at: y, ticks: U.ticks(LOW, HIGH, 7), format: (v) => (v ? `10^{${v}}` : "1"), tex: true },
    });
    const power = model.norms.map((_, k) => rho ** k);
    const lines = { norm: model.norms, row: model.rows, bound: model.bounds, power };
    const drawn = LOOKS.map(([name, , look]) => U.polyline(lines[name].map((v, k) => [x(k), y(log(v))]), look)).reverse();
    // an inner svg cuts off what runs out of the axes, without an id
    const inside = U.tag("svg", { x: left, y: top, width: right - left, height: bottom - top, viewBox: `${left} ${top} ${right - left} ${bottom - top}`, overflow: "hidden" },
      U.line(left, y(0), right, y(0), { stroke: "muted" }), drawn,
      U.line(x(at), top, x(at), bottom, { stroke: "ink", opacity: 0.45 }),
      [["bound", "ink"], ["norm", "carry"]].map(([name, fill]) => U.circle(x(at), y(log(lines[name][at])), 4.5, { fill, stroke: "paper", "stroke-width": 1.5 })));
    return { svg: frame + inside + U.target(left, top, right - left, bottom - top, ["at", 0, length]), bottom, x };
  }
  function slopes({ model, state, width, narrow }, x, top) {
    const height = 5.4, bottom = top + H * height, w = x(1) - x(0);
    // the step from k - 1 to k steps back is the k-th from the end
    const squares = model.slopes.slice().reverse().map((slope, k) => slope.map((s, i) => [x(k), top + (i + 0.5) * height, w + 0.2, s]));
    const byUnit = U.transpose(squares).flat();
    return U.text(narrow ? 4 : 48, top - 7, `slopes of the ${H} units: faint is where gradient is lost`) +
      U.heat(byUnit, height + 0.1, 1, 1, 8) + U.rect(48, top, width - 60, bottom - top, { fill: "none", stroke: "muted" }) +
      U.line(x(state.at), top, x(state.at), bottom, { stroke: "ink", opacity: 0.45 }) + U.target(48, top, width - 60, bottom - top, ["at", 0, state.length]);
  }
  function draw(view) {
    const top = view.narrow ? 44 : 30, { svg, bottom, x } = chart(view, top);
    const below = bottom + 62;
    return U.drawing(view.width, below + H * 5.4 + 4, view.alt, legend(view.narrow, 10), svg, slopes(view, x, below));
  }

  const told = ({ at }, model) =>
    `${at} step${at === 1 ? "" : "s"} back: at most ${U.short(model.norms[at])} of a gradient is left, and the bound allows ${U.short(model.bounds[at])}.`;
  function verdict({ length }, { norms }) {
    const end = norms[length], peak = Math.max(...norms), after = norms.indexOf(peak);
    const climbs = after > 0 && after < length && peak > 3 ? `It climbs to ${U.short(peak)} at step ${after} first. ` : "";
    return `${climbs}Over all ${length} steps ${end < 1e-3 ? "it vanishes" : end > 1e3 ? "it explodes" : "it comes through"}: ${U.short(end)}.`;
  }
  function says(state, data, model) {
    const numbers = `<i>ρ</i> = ${U.fixed(state.rho)}, largest singular value ${U.fixed(model.sigma)}.`;
    return `<p>${told(state, model)} ${verdict(state, model)}</p><p>${numbers}</p>`;
  }
  let last = [];
  function model(state) {
    const { at, ...rest } = state, key = JSON.stringify(rest);
    if (last[0] !== key) last = [key, run(state)];
    return last[1];
  }

  const number = (x) => U.fixed(x);
  U.define("gradient-norm", {
    title: "What is left of a gradient",
    state: () => ({ rho: 0.95, matrix: "gaussian", activation: "tanh", loud: 0.3, length: 50, at: 20 }),
    settle: (state) => ({ ...state, at: Math.min(state.at, state.length) }),
    controls: () => [
      { type: "range", key: "rho", label: "Spectral radius <i>ρ</i>", name: "Spectral radius", min: 0.2, max: 2, step: 0.01, show: number },
      { type: "range", key: "length", label: "Length <i>T</i>", name: "Length T", min: 5, max: MOST },
      { type: "range", key: "loud", label: "Size of the input", min: 0, max: 2, step: 0.05, show: number },
      { type: "choice", key: "activation", label: "Activation", options: [["tanh", "tanh"], ["relu", "ReLU"], ["linear", "none (linear)"]] },
      {
        type: "choice", key: "matrix", label: "Matrix",
        options: [["gaussian", "Gaussian"], ["orthogonal", "orthogonal"], ["symmetric", "symmetric"], ["chain", "chain, not normal"]],
      },
    ],
    cursor: { key: "at", label: "Steps back", range: (state) => [0, state.length], says: (state) => told(state, model(state)) },
    hint: "In the figure: ← → move the line of steps back.",
    model, draw, says,
  });
  U.models.gradientNorm = { run, weights, forward, backward, orthogonal };
})();
