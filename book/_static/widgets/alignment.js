// Alignments. attention: {rows, cols, weights}; ctc: {labels, probs, path, target, blank}.
(function () {
  "use strict";
  const U = Unrolled;

  function table(name, rows, many, wide) {
    if (!Array.isArray(rows) || rows.length !== many) throw new Error(`\`${name}\` has ${rows ? rows.length : "no"} rows for ${many}.`);
    rows.forEach((r, k) => {
      if (r.length !== wide) throw new Error(`row ${k} of \`${name}\` has ${r.length} numbers for ${wide}.`);
    });
    return rows;
  }
  const largest = (values) => values.indexOf(Math.max(...values));
  // a word from above, slanted, so that long ones do not collide
  const slanted = (x, y, word, look) => U.text(0, 0, word, { transform: `translate(${x.toFixed(1)} ${y}) rotate(-48)`, size: 12.5, ...look });
  const extent = (words, limit) => Math.min(limit, Math.max(...words.map((w) => [...w].length)) * 7 + 10);

  // 1. Attention: each output row is a distribution over the inputs.

  function readAttention({ rows, cols, weights, rowName = "output", colName = "input" }) {
    return { rows: rows.map(String), cols: cols.map(String), weights: table("weights", weights, rows.length, cols.length), rowName, colName };
  }
  const entropy = (p) => p.reduce((sum, x) => sum - (x > 0 ? x * Math.log2(x) : 0), 0);

  function drawAttention({ state, data, width, narrow, alt }) {
    const { rows, cols, weights } = data, left = extent(rows, narrow ? 92 : 150), high = extent(cols, 110) * 0.78 + 8;
    const w = Math.min(46, (width - left - (narrow ? 20 : 60)) / cols.length), h = U.clamp(w, 17, 26), top = high;
    const at = (k, j) => [left + j * w, top + (k + 0.5) * h, w - 1, weights[k][j]];
    const parts = [U.heat(rows.flatMap((_, k) => cols.map((__, j) => at(k, j))), h - 1, 1, 1, 20)];
    const focus = weights[state.at];
    cols.forEach((word, j) => parts.push(slanted(left + (j + 0.5) * w + 3, top - 6, word, { bold: focus[j] > 0.3 })));
    rows.forEach((word, k) => parts.push(U.text(left - 8, top + (k + 0.5) * h + 4, word, { anchor: "end", bold: k === state.at, size: 12.5 })));
    if (w >= 34) rows.forEach((_, k) => cols.forEach((__, j) => {
      const value = weights[k][j];
      if (value >= 0.1) parts.push(U.text(left + (j + 0.5) * w - 0.5, top + (k + 0.5) * h + 4, U.fixed(value), { size: 11, anchor: "middle", fill: value > 0.5 ? "paper" : "ink" }));
    }));
    parts.push(U.rect(left - 0.5, top, cols.length * w, rows.length * h, { fill: "none", stroke: "grid" }));
    parts.push(U.ring(left - 2, top + state.at * h - 1, cols.length * w + 3, h + 1.5));
    parts.push(U.target(0, top, left + cols.length * w, rows.length * h, null, ["at", 0, rows.length - 1]));
    const below = top + rows.length * h + 34, column = 8.2, { places, rows: lines } = U.flow(cols, true, Math.floor((width - 12) / column));
    parts.push(U.text(4, below - 10, `what “${rows[state.at]}” looks at`, { fill: "muted" }));
    parts.push(U.heat(places.map((p, j) => [4 + p.column * column, below + p.row * 26 + 10, p.width * column + 4, focus[j]]), 22, 1, 0.6, 20));
    places.forEach((p, j) => parts.push(U.text(6 + p.column * column, below + p.row * 26 + 15, cols[j], { mono: true, size: 13.2, textLength: p.width * column })));
    return U.drawing(width, below + lines * 26 + 4, alt, parts);
  }
  function toldAttention({ at }, { rows, cols, weights }) {
    const order = cols.map((_, j) => j).sort((a, b) => weights[at][b] - weights[at][a]).slice(0, 3).filter((j) => weights[at][j] >= 0.05);
    return `“${rows[at]}” looks at ${order.map((j) => `“${cols[j]}” (${U.fixed(weights[at][j])})`).join(", ")}`;
  }
  U.define("attention", {
    title: "Attention",
    read: readAttention,
    state: () => ({ at: 0 }),
    settle: (state, { rows }) => ({ at: U.clamp(Number(state.at), 0, rows.length - 1) }),
    controls: (state, { rows, rowName }) => [{ type: "choice", key: "at", label: `Row (${U.escape(rowName)})`, name: `Row, ${rowName}`, options: rows.map((word, k) => [k, `${k + 1}: ${word}`]) }],
    keys: ({ at }, key) => ({ ArrowUp: { at: at - 1 }, ArrowDown: { at: at + 1 } })[key],
    cursor: { key: "at", label: "Row of the attention", range: (state, { rows }) => [0, rows.length - 1], says: toldAttention },
    hint: "In the figure: ↑ ↓ choose a row.",
    draw: drawAttention,
    says: (state, data) => U.escape(`${toldAttention(state, data)}. Its entropy is ${U.fixed(entropy(data.weights[state.at]))} bits of at most ${U.fixed(Math.log2(data.cols.length))}.`),
  });

  // 2. CTC: a label or the blank for each frame; repeats are joined, then blanks are dropped.

  const collapse = (path, blank) => path.filter((label, t) => label !== blank && label !== path[t - 1]);
  const logPath = (probs, path) => path.reduce((sum, label, t) => sum + Math.log(probs[t][label]), 0);
  const logAdd = (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))));
  // The log probability of a labelling: all paths that collapse to it.
  function logTarget(probs, target, blank) {
    const states = [blank, ...target.flatMap((label) => [label, blank])], log = Math.log;
    let alpha = states.map((label, s) => (s < 2 ? log(probs[0][label]) : -Infinity));
    for (const frame of probs.slice(1))
      alpha = states.map((label, s) => {
        const from = [alpha[s], alpha[s - 1] ?? -Infinity];
        if (s > 1 && label !== blank && label !== states[s - 2]) from.push(alpha[s - 2]);
        return log(frame[label]) + from.reduce((a, b) => (a === -Infinity && b === -Infinity ? a : logAdd(a, b)));
      });
    const end = alpha.slice(-2);
    return end.length < 2 ? end[0] : logAdd(end[0], end[1]);
  }
  function readCtc({ labels, probs, path, target, blank = 0 }) {
    table("probs", probs, probs.length, labels.length);
    const chosen = path || probs.map(largest);
    if (chosen.length !== probs.length) throw new Error(`\`path\` has ${chosen.length} labels for ${probs.length} frames.`);
    // with many labels only those that matter get a row
    const rows = labels.map((_, v) => v).filter((v) => labels.length <= 14 || v === blank || chosen.includes(v) || probs.some((p) => p[v] > 0.1));
    return { labels: labels.map(String), probs, path: chosen, greedy: !path, target, blank, rows };
  }
  const written = ({ labels, path, blank }, until) => collapse(path.slice(0, until + 1), blank).map((v) => labels[v]).join("");

  function drawCtc({ state, data, width, narrow, alt }) {
    const { labels, probs, path, rows, blank } = data, left = narrow ? 34 : 58, right = width - 8, T = probs.length;
    const w = (right - left) / T, h = U.clamp(260 / rows.length, 12, 24), top = 24, bottom = top + rows.length * h;
    const x = (t) => left + t * w, y = (v) => top + (rows.indexOf(v) + 0.5) * h, parts = [U.text(4, 12, "labels over frames; the line is the path")];
    parts.push(U.heat(rows.flatMap((v) => probs.map((p, t) => [x(t), y(v), w + 0.2, p[v]])), h - 1, 1, 1, 12));
    rows.forEach((v) => parts.push(U.text(left - 7, y(v) + 4, labels[v] === " " ? "␣" : labels[v], { mono: true, anchor: "end", size: 13, fill: v === blank ? "muted" : "ink", bold: v === path[state.at] })));
    parts.push(U.rect(left, top, right - left, bottom - top, { fill: "none", stroke: "grid" }));
    parts.push(U.polyline(path.flatMap((v, t) => [[x(t), y(v)], [x(t + 1), y(v)]]), { stroke: "carry", "stroke-width": 2.4, "stroke-linejoin": "round" }));
    for (const t of U.ticks(0, T - 1, narrow ? 4 : 8)) parts.push(U.text(x(t + 0.5), bottom + 15, t, { size: 12, anchor: "middle", fill: "muted" }));
    parts.push(U.ring(x(state.at) - 1, top - 2, w + 2, bottom - top + 4));
    // the same frames, joined to runs: what is written, and what is dropped
    const line = bottom + 32;
    for (let t = 0, end; t < T; t = end) {
      for (end = t + 1; end < T && path[end] === path[t]; end++);
      const label = path[t] !== blank, on = state.at >= t && state.at < end;
      parts.push(U.rect(x(t) + 0.5, line, (end - t) * w - 1, 24, { rx: 2, fill: label ? "carry" : "ink", "fill-opacity": label ? (on ? 0.55 : 0.28) : 0.06 }));
      if (label || (end - t) * w > 9) parts.push(U.text(x((t + end) / 2), line + 17, labels[path[t]] === " " ? "␣" : labels[path[t]], { mono: true, anchor: "middle", size: 13, fill: label ? "ink" : "muted", bold: label }));
    }
    parts.push(U.target(left, top, right - left, line + 24 - top, ["at", 0, T - 1]));
    const before = written(data, state.at), all = written(data, T - 1);
    parts.push(U.text(left, line + 50, before, { mono: true, size: 16, bold: true }), U.text(left + [...before].length * 9.6, line + 50, [...all].slice([...before].length).join(""), { mono: true, size: 16, fill: "muted" }));
    return U.drawing(width, line + 58, alt, parts);
  }
  function toldCtc({ at }, data) {
    const v = data.path[at], again = at > 0 && data.path[at - 1] === v;
    const what = v === data.blank ? "the blank, dropped" : `“${data.labels[v]}”${again ? " again, joined" : ""}`;
    return `frame ${at}: ${what}, probability ${U.fixed(data.probs[at][v])}; written so far “${written(data, at)}”`;
  }
  function saysCtc(state, data) {
    const { probs, path, target, blank, greedy } = data, words = toldCtc(state, data);
    const paths = target ? ` All paths to “${target.map((v) => data.labels[v]).join("")}” together have ${U.short(Math.exp(logTarget(probs, target, blank)))}.` : "";
    return U.escape(`${words[0].toUpperCase()}${words.slice(1)}. The path${greedy ? " of the best label at each frame" : ""} has probability ${U.short(Math.exp(logPath(probs, path)))}.${paths}`);
  }
  U.define("ctc", {
    title: "A CTC alignment",
    read: readCtc,
    state: () => ({ at: 0 }),
    settle: (state, { probs }) => ({ at: U.clamp(state.at, 0, probs.length - 1) }),
    controls: (state, { probs }) => [
      { type: "range", key: "at", label: "Frame", min: 0, max: probs.length - 1 },
      { type: "buttons", name: "Reading", items: [["play", "Read", "read the frames from here"]] },
    ],
    act: () => ({ at: 0 }),
    next: ({ at }, { probs }) => (at + 1 < probs.length ? { at: at + 1 } : null),
    pace: 220,
    cursor: { key: "at", label: "Frame", range: (state, { probs }) => [0, probs.length - 1], says: toldCtc },
    hint: "In the figure: ← → move from frame to frame.",
    draw: drawCtc, says: saysCtc,
  });

  U.models.alignment = { collapse, logPath, logTarget, entropy };
})();
