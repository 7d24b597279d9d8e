// Gate explorers: an LSTM with one unit, and a GRU with two in both conventions.
// A gate that is set by hand is "pinned": it is a constant, and passes no gradient.
(function () {
  "use strict";
  const U = Unrolled;

  // 1. The maths. Fused weights as in the book: LSTM i, f, g, o; GRU r, z, n.

  const part = (row, k, H) => row.slice(k * H, (k + 1) * H);
  const block = (W, k, H) => W.map((r) => part(r, k, H));
  const slope = { sigmoid: (s) => s * (1 - s), tanh: (g) => 1 - g * g };
  // pins[name][t] is a row with numbers where a gate is held, null where it is not
  const pinOf = (pins, name, t, i) => (((pins[name] || {})[t] || [])[i] ?? null);
  const gate = (a, f, pins, name, t) => a.map((v, i) => pinOf(pins, name, t, i) ?? f(v));
  const through = (d, values, rule, pins, name, t) =>
    d.map((g, i) => (pinOf(pins, name, t, i) === null ? g * rule(values[i]) : 0));

  function lstm({ xs, h0, c0, W_x, W_h, b, pins = {} }, dh_T) {
    const H = h0.length, T = xs.length, s = { i: [], f: [], g: [], o: [], c: [c0], h: [h0] };
    for (let t = 1; t <= T; t++) {
      const a = U.plus(U.times(xs[t - 1], W_x), U.times(s.h[t - 1], W_h), b);
      ["i", "f", "g", "o"].forEach((n, k) => (s[n][t] = gate(part(a, k, H), n === "g" ? Math.tanh : U.sigmoid, pins, n, t)));
      s.c[t] = U.plus(U.mul(s.f[t], s.c[t - 1]), U.mul(s.i[t], s.g[t]));
      s.h[t] = U.mul(s.o[t], s.c[t].map(Math.tanh));
    }
    let dh = dh_T, dc = h0.map(() => 0);
    const dcs = [], dhs = [], dxs = [], highway = [];
    for (let t = T; t >= 1; t--) {
      const bent = s.c[t].map(Math.tanh);
      dc = dc.map((d, j) => d + dh[j] * s.o[t][j] * (1 - bent[j] ** 2));
      [dcs[t], dhs[t]] = [dc, dh];
      highway[t] = t === T ? dc : U.mul(highway[t + 1], s.f[t + 1]);
      const da = [
        ...through(U.mul(dc, s.g[t]), s.i[t], slope.sigmoid, pins, "i", t),
        ...through(U.mul(dc, s.c[t - 1]), s.f[t], slope.sigmoid, pins, "f", t),
        ...through(U.mul(dc, s.i[t]), s.g[t], slope.tanh, pins, "g", t),
        ...through(U.mul(dh, bent), s.o[t], slope.sigmoid, pins, "o", t),
      ];
      dc = U.mul(dc, s.f[t]);
      dh = U.times(da, U.transpose(W_h));
      dxs[t] = U.times(da, U.transpose(W_x));
    }
    [dcs[0], dhs[0], highway[0]] = [dc, dh, U.mul(highway[1], s.f[1])];
    return { ...s, dcs, dhs, dxs, highway };
  }

  function gru({ xs, h0, W_x, W_h, b_x, b_h, pins = {} }, dh_T, reset) {
    const H = h0.length, T = xs.length, s = { r: [], z: [], n: [], h: [h0] }, inner = [];
    const [U_r, U_z, U_n] = [0, 1, 2].map((k) => block(W_h, k, H)), bias = part(b_h, 2, H);
    for (let t = 1; t <= T; t++) {
      const h = s.h[t - 1], ax = U.plus(U.times(xs[t - 1], W_x), b_x), ah = U.plus(U.times(h, W_h), b_h);
      s.r[t] = gate(U.plus(part(ax, 0, H), part(ah, 0, H)), U.sigmoid, pins, "r", t);
      s.z[t] = gate(U.plus(part(ax, 1, H), part(ah, 1, H)), U.sigmoid, pins, "z", t);
      inner[t] = U.plus(U.times(h, U_n), bias);
      const memory = reset === "after" ? U.mul(s.r[t], inner[t]) : U.plus(U.times(U.mul(s.r[t], h), U_n), bias);
      s.n[t] = U.plus(part(ax, 2, H), memory).map(Math.tanh);
      s.h[t] = h.map((v, j) => (1 - s.z[t][j]) * s.n[t][j] + s.z[t][j] * v);
    }
    let dh = dh_T;
    const dhs = [], dxs = [], highway = [];
    dhs[T] = highway[T] = dh;
    for (let t = T; t >= 1; t--) {
      const h = s.h[t - 1], da_n = dh.map((d, j) => d * (1 - s.z[t][j]) * slope.tanh(s.n[t][j]));
      const back = reset === "after" ? U.mul(da_n, s.r[t]) : da_n; // what goes through W_hn
      const sent = U.times(back, U.transpose(U_n));
      const dr = reset === "after" ? U.mul(da_n, inner[t]) : U.mul(sent, h);
      const da_r = through(dr, s.r[t], slope.sigmoid, pins, "r", t);
      const da_z = through(dh.map((d, j) => d * (h[j] - s.n[t][j])), s.z[t], slope.sigmoid, pins, "z", t);
      dxs[t] = U.times([...da_r, ...da_z, ...da_n], U.transpose(W_x));
      dh = U.plus(U.mul(dh, s.z[t]), reset === "after" ? sent : U.mul(sent, s.r[t]),
        U.times(da_r, U.transpose(U_r)), U.times(da_z, U.transpose(U_z)));
      dhs[t - 1] = dh;
      highway[t - 1] = U.mul(highway[t], s.z[t]);
    }
    return { ...s, dhs, dxs, highway };
  }

  // 2. Rows of bars, which both explorers draw. A bar can be dragged where its row is open.

  const LOOK = {
    x: ["input", -2, 2, "input"], i: ["input", 0, 1, "input gate"], f: ["carry", 0, 1, "forget gate"], g: ["state", -1, 1, "candidate"],
    o: ["output", 0, 1, "output gate"], r: ["input", 0, 1, "reset gate"], z: ["carry", 0, 1, "update gate"], n: ["state", -1, 1, "candidate"],
    c: ["state", -1, 1, "cell state"], h: ["state", -1, 1, "hidden state"],
  };
  // values and ghosts: a number for each bar; held: which are set by hand
  function bars({ name, top, height, left, w, values, ghosts, held, most, open, chosen, group = 1, colour }) {
    const [ink, low0, high] = LOOK[name] || [colour, -1, 1], low = most ? -most : low0, to = most || high;
    const y = U.scale(low, to, top + height, top), base = y(0), gap = Math.min(5, w * 0.14), parts = [];
    parts.push(U.rect(left, top, w * values.length, height, { fill: "ink", "fill-opacity": open ? 0.055 : 0.02 }));
    values.forEach((v, k) => {
      const x = left + k * w + gap / 2 + (group > 1 ? (k % group ? -gap / 4 : gap / 4) : 0), width = w - gap, at = y(U.clamp(v, low, to));
      const strong = !open || held[k];
      parts.push(U.rect(x, Math.min(base, at), width, Math.abs(at - base), { fill: ink, "fill-opacity": strong ? 0.9 : 0.42 }));
      if (open) parts.push(U.line(x, at, x + width, at, { stroke: ink, "stroke-width": strong ? 3 : 1.6 }));
      if (ghosts) parts.push(U.line(x - 1, y(U.clamp(ghosts[k], low, to)), x + width + 1, y(U.clamp(ghosts[k], low, to)), { stroke: "ink", "stroke-width": 2 }));
      if (open) parts.push(U.rect(left + k * w, top - 3, w, height + 6, { fill: "transparent", "data-drag": name, "data-index": k }));
    });
    parts.push(U.line(left, base, left + w * values.length, base, { stroke: "muted", "stroke-width": 0.8 }));
    if (chosen >= 0) parts.push(U.ring(left + chosen * w, top - 2, w, height + 4));
    return parts.join("");
  }
  // "by" is the number at the upper edge, where it is not one
  function label({ narrow }, tex, words, x, top, height, colour, by) {
    const y = top + height / 2 + (by ? 0 : 5);
    return (by ? U.text(x, y + 17, `±${U.short(by)}`, { size: 11, fill: "muted" }) : "") + U.text(x, y, tex, { size: 15, tex: true, fill: colour }) + (narrow ? "" : U.text(x + 36, y, words, { size: 12.5, fill: "muted" }));
  }
  const tidy = (v) => Math.round(100 * v) / 100;

  // Where the keyboard stands: state.row and state.bar. LIMIT says what a row may hold.
  const limits = (name) => LOOK[name].slice(1, 3);
  function write(state, name, bar, value, units) {
    const kept = tidy(U.clamp(value, ...limits(name))), here = { row: name, bar };
    if (name === "x") return { ...here, xs: state.xs.map((v, k) => (k === bar ? kept : v)) };
    const t = Math.floor(bar / units) + 1, row = [...((state.pins[name] || {})[t] || new Array(units).fill(null))];
    row[bar % units] = kept;
    return { ...here, pins: { ...state.pins, [name]: { ...state.pins[name], [t]: row } } };
  }
  function release({ pins, row, bar }, units) {
    if (row === "x") return {};
    const t = Math.floor(bar / units) + 1, left = [...((pins[row] || {})[t] || [])];
    left[bar % units] = null;
    return { pins: { ...pins, [row]: { ...pins[row], [t]: left } } };
  }
  // What both explorers answer to: arrows, dragging, buttons.
  function explorer({ rows, units, steps, valueAt, presets }) {
    const many = (name) => (name === "x" ? steps : steps * units);
    const settle = (state) => ({ ...state, bar: U.clamp(state.bar, 0, many(state.row) - 1) });
    const value = (state) => valueAt(state, state.row, state.bar);
    const step = ({ row, bar }) => (row === "x" ? bar : Math.floor(bar / units)) + 1;
    const held = ({ row, bar, pins }) => row === "x" || pinOf(pins, row, Math.floor(bar / units) + 1, bar % units) !== null;
    function keys(state, key, data, shift) {
      const by = shift ? 0.25 : 0.05, { row, bar } = state;
      const to = (v) => write(state, row, bar, v, units), turn = (k) => rows[(rows.indexOf(row) + k + rows.length) % rows.length];
      const keep = (name) => ({ row: name, bar: name === "x" ? step(state) - 1 : (step(state) - 1) * units + (row === "x" ? 0 : bar % units) });
      const does = {
        ArrowUp: () => to(value(state) + by), ArrowDown: () => to(value(state) - by), ArrowLeft: () => ({ bar: Math.max(0, bar - 1) }), ArrowRight: () => ({ bar: bar + 1 }),
        Home: () => to(limits(row)[0]), End: () => to(limits(row)[1]), PageUp: () => keep(turn(-1)), PageDown: () => keep(turn(1)), Delete: () => release(state, units), Backspace: () => release(state, units),
      }[key];
      return does && does();
    }
    const told = (state) => {
      const unit = units > 1 && state.row !== "x" ? `, unit ${(state.bar % units) + 1}` : "";
      return `${LOOK[state.row][3]} at step ${step(state)}${unit}: ${U.fixed(value(state))}${state.row === "x" ? "" : held(state) ? ", set by hand" : ", from the weights"}`;
    };
    return {
      settle, keys, step,
      drag: (state, { drag, index }, share) => {
        const [low, high] = limits(drag), exact = low + share * (high - low);
        const near = [low, 0, high].find((v) => Math.abs(v - exact) < 0.03 * (high - low));
        return write(state, drag, Number(index), near ?? exact, units);
      },
      act: (state, name) => (name === "release" ? release(state, units) : { pins: presets[name](steps) }),
      disabled: (state) => ({ release: state.row === "x" || !held(state) }),
      cursor: { label: "The chosen bar", range: (state) => limits(state.row), value: (state) => tidy(value(state)), says: told },
      hint: "Drag the bars, or in the figure: ↑ ↓ set the chosen bar, ← → and Page↑ Page↓ choose another, Delete lets go.",
      rowControl: { type: "choice", key: "row", label: "Row", options: rows.map((name) => [name, `${name}: ${LOOK[name][3]}`]) },
    };
  }
  const factor = (x) => (x < 0 ? `(${U.fixed(x)})` : U.fixed(x));
  const all = (steps, row) => Object.fromEntries([...Array(steps).keys()].map((k) => [k + 1, row(k + 1)]));
  const seen = (xs) => xs.slice(1);

  // 3. The LSTM.

  const L = {
    steps: 10, rows: ["x", "i", "f", "g", "o"], units: 1,
    presets: {
      weights: () => ({}),
      remember: (T) => ({ i: all(T, (t) => [+(t === 2)]), f: all(T, () => [1]), o: all(T, (t) => [+(t === T)]) }),
      leak: (T) => ({ i: all(T, (t) => [+(t === 2)]), f: all(T, () => [0.8]), o: all(T, () => [1]) }),
      reset: (T) => ({ i: all(T, (t) => [+(t === 2)]), f: all(T, (t) => [+(t !== 6)]), o: all(T, () => [1]) }),
    },
    run: ({ xs, pins, bias }) => lstm({
      xs: xs.map((x) => [x]), h0: [0], c0: [0], W_x: [[2, 0.4, 1.5, 0.5]], W_h: [[0.8, 0.6, 0.5, 1]], b: [-1.5, bias, 0, 0], pins,
    }, [1]),
  };
  L.valueAt = (state, name, bar) => (name === "x" ? state.xs[bar] : L.run(state)[name][bar + 1][0]);
  const lstmExplorer = explorer(L);

  function drawLstm(view) {
    const { state, model, narrow, width } = view, left = narrow ? 32 : 132, w = (width - left - 6) / L.steps;
    const flat = (rows) => seen(rows).map(([v]) => v), at = lstmExplorer.step(state), parts = [];
    let top = 26;
    const column = left + (at - 1) * w;
    for (let t = 1; t <= L.steps; t++) parts.push(U.text(left + (t - 0.5) * w, 14, narrow || t > 1 ? t : `t = ${t}`, { size: 12, anchor: "middle", fill: t === at ? "ink" : "muted", bold: t === at }));
    const row = (name, values, height, more, tex, words) => {
      const chosen = state.row === name ? state.bar : -1;
      parts.push(label(view, tex || `${name}_t`, words || LOOK[name][3], 2, top, height, (LOOK[name] || ["carry"])[0], (more || {}).most));
      parts.push(bars({ name, top, height, left, w, values, held: [], chosen, colour: "carry", ...more }));
      top += height + 13;
    };
    row("x", state.xs, 36, { open: true, held: state.xs.map(() => true) });
    for (const name of ["i", "f", "g", "o"]) row(name, flat(model[name]), 36, { open: true, held: seen(model[name]).map((_, k) => pinOf(state.pins, name, k + 1, 0) !== null) });
    top += 10;
    const c = flat(model.c), most = Math.max(1, ...c.map(Math.abs));
    row("c", c, 46, { most });
    row("h", flat(model.h), 40, {});
    top += 10;
    const total = flat(model.dcs), highway = flat(model.highway), size = Math.max(0.05, ...total.map(Math.abs), ...highway.map(Math.abs));
    row("d", highway, 58, { most: size, ghosts: total }, "`dc_t", "from the end");
    const legend = top + 6;
    parts.push(U.rect(left, legend - 10, 12, 12, { fill: "carry", "fill-opacity": 0.9 }), U.text(left + 17, legend, narrow ? "highway" : "highway: product of later forget gates"));
    const second = narrow ? left + 86 : left + 262;
    parts.push(U.line(second, legend - 4, second + 14, legend - 4, { stroke: "ink", "stroke-width": 2 }), U.text(second + 19, legend, narrow ? "with all paths, through gates" : "with all paths, through the gates too"));
    parts.unshift(U.rect(column, 0, w, top - 8, { fill: "state", "fill-opacity": 0.08 }));
    return U.drawing(width, legend + 8, view.alt, parts);
  }
  function saysLstm(state, data, m) {
    const t = lstmExplorer.step(state), n = (x) => factor(x[0]), c = U.inColour, T = L.steps;
    const sum = `${U.math(`c_{${t}} = f_{${t}} c_{${t - 1}} + i_{${t}} g_{${t}}`)} = ${c("carry", n(m.f[t]))} · ${n(m.c[t - 1])} + ${c("input", n(m.i[t]))} · ${n(m.g[t])} = ${c("state", U.fixed(m.c[t][0]))}, and ${U.math(`h_{${t}} = o_{${t}}`)} tanh ${U.math(`c_{${t}}`)} = ${c("output", n(m.o[t]))} · ${factor(Math.tanh(m.c[t][0]))} = ${c("state", U.fixed(m.h[t][0]))}.`;
    const kept = m.f.slice(t + 1).reduce((product, f) => product * f[0], 1);
    return `<p>${sum}</p><p>Of the gradient at ${U.math(`c_{${T}}`)}, the highway brings ${c("carry", U.short(kept))} back to ${U.math(`c_{${t}}`)}: ${U.short(m.highway[t][0])}, and with the paths through the gates ${U.short(m.dcs[t][0])}.</p>`;
  }
  const { rowControl: lstmRow, step: lstmStep, ...lstmParts } = lstmExplorer;
  U.define("lstm-gates", {
    title: "The gates of an LSTM",
    state: () => ({ row: "f", bar: 4, bias: 1, xs: [0, 1.5, 0, 0, -0.5, 0, 0, 1, 0, 0], pins: {} }),
    controls: () => [
      { type: "buttons", name: "Settings of the gates", items: [["weights", "From the weights"], ["remember", "Remember"], ["leak", "Leak"], ["reset", "Forget at 6"]] },
      lstmRow,
      { type: "buttons", name: "The chosen bar", items: [["release", "Let go of the bar"]] },
      { type: "range", key: "bias", label: `Forget bias ${U.math("b_f")}`, name: "Forget bias", min: -3, max: 5, step: 0.1, show: (v) => U.fixed(v, 1) },
    ],
    model: L.run, draw: drawLstm, says: saysLstm, ...lstmParts,
  });

  // 4. The GRU, in both conventions.

  const G = {
    steps: 8, rows: ["x", "r", "z"], units: 2,
    presets: {
      weights: () => ({}),
      remember: (T) => ({ r: all(T, () => [1, 1]), z: all(T, (t) => (t === 2 ? [0, 0] : [1, 1])) }),
      open: (T) => ({ r: all(T, () => [1, 1]) }),
      closed: (T) => ({ r: all(T, () => [0, 0]) }),
    },
    run: (state) => ({ after: G.one(state, "after"), before: G.one(state, "before") }),
    one: ({ xs, pins }, reset) => gru({
      xs: xs.map((x) => [x]), h0: [0.3, -0.3], pins,
      W_x: [[0.6, -0.8, -0.9, 0.5, 1.2, -0.7]],
      W_h: [[0.8, -0.5, 0.4, -0.3, 0.5, 1.4], [0.7, 0.4, 0.6, 0.5, -1.3, 0.6]],
      b_x: [0, 0, 0.6, 0.6, 0, 0], b_h: [0, 0, 0, 0, 0.5, -0.4],
    }, [1, 1], reset),
  };
  G.valueAt = (state, name, bar) => (name === "x" ? state.xs[bar] : G.one(state, "after")[name][Math.floor(bar / 2) + 1][bar % 2]);
  const gruExplorer = explorer(G);

  function panel(view, reset, left, top0) {
    const { state, model, narrow } = view, m = model[reset], wide = narrow ? view.width : view.width / 2 - 12;
    const from = left + 30, w = (wide - 36) / (G.steps * 2), parts = [], at = gruExplorer.step(state);
    const flat = (rows) => seen(rows).flat();
    let top = top0 + 34;
    parts.push(U.text(left, top0 + 10, reset === "after" ? "reset after the product" : "reset before the product", { bold: true, size: 14 }));
    for (let t = 1; t <= G.steps; t++) parts.push(U.text(from + (2 * t - 1) * w, top0 + 28, t, { size: 12, anchor: "middle", fill: t === at ? "ink" : "muted", bold: t === at }));
    const row = (name, values, height, more, tex) => {
      parts.push(label({ narrow: true }, tex || `${name}_t`, "", left, top, height, (LOOK[name] || ["carry"])[0], (more || {}).most));
      const chosen = state.row === name ? state.bar : -1;
      parts.push(bars({ name, top, height, left: from, w, values, held: [], chosen, colour: "carry", group: 2, ...more }));
      top += height + 12;
    };
    for (const name of ["r", "z"]) row(name, flat(m[name]), 36, { open: true, held: flat(m[name]).map((_, k) => pinOf(state.pins, name, Math.floor(k / 2) + 1, k % 2) !== null) });
    top += 8;
    row("n", flat(m.n), 40, {});
    row("h", flat(m.h), 46, {});
    top += 8;
    const total = flat(m.dhs), size = Math.max(1, ...[model.after, model.before].flatMap((r) => [...flat(r.dhs), ...flat(r.highway)]).map(Math.abs));
    row("d", flat(m.highway), 58, { most: size, ghosts: total }, "`dh_t");
    parts.unshift(U.rect(from + (at - 1) * 2 * w, top0 + 16, 2 * w, top - top0 - 24, { fill: "state", "fill-opacity": 0.08 }));
    return { svg: parts.join(""), bottom: top };
  }
  function drawGru(view) {
    const { state, narrow, width } = view, left = 30, w = (Math.min(width, narrow ? width : width / 2 - 12) - 36) / G.steps, parts = [];
    parts.push(label({ narrow: true }, "x_t", "", 0, 8, 36, "input"));
    parts.push(bars({ name: "x", top: 8, height: 36, left, w, values: state.xs, held: state.xs.map(() => true), open: true, chosen: state.row === "x" ? state.bar : -1 }));
    if (!narrow) parts.push(U.text(width / 2 + 12, 24, "one input for both; bars in pairs are the two units", { fill: "muted" }), U.text(width / 2 + 12, 42, "r and z set by hand hold in both conventions", { fill: "muted" }));
    const first = panel(view, "after", 0, 66), second = panel(view, "before", narrow ? 0 : width / 2 + 12, narrow ? first.bottom + 16 : 66);
    const legend = second.bottom + 8;
    parts.push(U.rect(left, legend - 10, 12, 12, { fill: "carry", "fill-opacity": 0.9 }), U.text(left + 17, legend, narrow ? "highway" : "highway: product of later update gates"));
    const next = narrow ? left + 86 : left + 262;
    parts.push(U.line(next, legend - 4, next + 14, legend - 4, { stroke: "ink", "stroke-width": 2 }), U.text(next + 19, legend, "with all four paths"));
    return U.drawing(width, legend + 8, view.alt, parts, first.svg, second.svg);
  }
  function saysGru(state, data, { after, before }) {
    const t = gruExplorer.step(state), j = state.row === "x" ? 0 : state.bar % 2, T = G.steps, c = U.inColour;
    const one = (m, words) => `${words}: ${U.math(`h_{${t}} = (1 − z) n + z h_{${t - 1}}`)} = ${U.fixed(1 - m.z[t][j])} · ${factor(m.n[t][j])} + ${c("carry", U.fixed(m.z[t][j]))} · ${factor(m.h[t - 1][j])} = ${c("state", U.fixed(m.h[t][j]))}`;
    const gap = Math.max(...after.h[T].map((v, k) => Math.abs(v - before.h[T][k])));
    return `<p>Unit ${j + 1}, step ${t}. ${one(after, "Reset after")}; ${one(before, "before")}.</p><p>At the end ${U.math(`h_{${T}}`)} is ${U.row(after.h[T])} after and ${U.row(before.h[T])} before${gap < 5e-5 ? ": the same" : `, up to ${U.short(gap)} apart`}.</p>`;
  }
  const { rowControl: gruRow, step: gruStep, ...gruParts } = gruExplorer;
  U.define("gru-gates", {
    title: "The gates of a GRU, in both conventions",
    state: () => ({ row: "r", bar: 4, xs: [0.5, 1.5, 0, 0, -1, 0, 0.5, 0], pins: {} }),
    controls: () => [
      { type: "buttons", name: "Settings of the gates", items: [["weights", "From the weights"], ["remember", "Remember"], ["open", "All r = 1"], ["closed", "All r = 0"]] },
      gruRow,
      { type: "buttons", name: "The chosen bar", items: [["release", "Let go of the bar"]] },
    ],
    model: G.run, draw: drawGru, says: saysGru, ...gruParts,
  });
  U.models.gates = { lstm, gru };
})();
