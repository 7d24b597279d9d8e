// A hidden unit over a text. Data: {text or tokens, states: {unit: [value, ...]}, notes: {unit: words}, range};
// states may be a list of pairs, [[unit, [value, ...]], ...], which keeps their order.
(function () {
  "use strict";
  const U = Unrolled;
  const COLUMN = 8.2, LINE = 25, FONT = 13.2, GROUND = 0.5; // at full strength a letter stays readable

  function read(given) {
    const tokens = given.tokens || [...given.text];
    const pairs = Array.isArray(given.states) ? given.states : Object.entries(given.states);
    if (!pairs.length) throw new Error("`states` has no unit.");
    for (const [unit, values] of pairs)
      if (values.length !== tokens.length)
        throw new Error(`unit ${unit} has ${values.length} values for ${tokens.length} tokens.`);
    const units = pairs.map(([unit]) => unit), values = pairs.map(([, states]) => states);
    const top = Math.max(1e-12, ...values.map((v) => Math.max(...v.map(Math.abs))));
    const most = given.range || (top <= 1 && top > 0.4 ? 1 : top);
    return { tokens, units, values, most, words: Boolean(given.tokens), notes: given.notes || {} };
  }

  const named = (unit) => (/^unit\b/i.test(unit) ? unit : `unit ${unit}`);
  const visible = (token) => token.replace(/\n/g, "¶").replace(/\t/g, "→").replace(/^ $/, "␣");

  function letters({ state, data, width }, top) {
    const columns = Math.floor((width - 8) / COLUMN);
    const { places, rows } = U.flow(data.tokens, data.words, columns);
    const x = (k) => 4 + places[k].column * COLUMN, y = (k) => top + places[k].row * LINE;
    const values = data.values[state.unit];
    const grounds = places.map((p, k) => [x(k), y(k) + 10.5, p.width * COLUMN + 0.2, values[k]]);
    const parts = [U.heat(grounds, LINE - 4, data.most, GROUND)];
    for (let first = 0, end; first < places.length; first = end) {
      end = first + 1; // a row of letters, or one word
      while (!data.words && end < places.length && places[end].row === places[first].row) end++;
      const { width: w } = places[end - 1], shown = data.tokens.slice(first, end).join("").replace("\n", " ");
      const right = x(end - 1) + w * COLUMN, look = { size: FONT, mono: true, textLength: right - x(first), "xml:space": "preserve", style: "white-space:pre" };
      if (shown.trim()) parts.push(U.text(x(first), y(first) + 15, shown, look));
      parts.push(U.target(x(first), y(first) - 2, right - x(first), LINE, ["at", first, end - 1]));
    }
    data.tokens.forEach((token, k) => token === "\n" && parts.push(U.text(x(k) + 0.5, y(k) + 15, "¶", { size: 11, fill: "muted" })));
    parts.push(U.ring(x(state.at) - 1, y(state.at) - 1.5, places[state.at].width * COLUMN + 2, LINE - 1));
    return { svg: parts.join(""), bottom: top + rows * LINE };
  }

  function trace({ state, data, width, narrow }, top) {
    const left = 38, right = width - 6, bottom = top + (narrow ? 84 : 92), many = data.tokens.length;
    const x = U.scale(0, many, left, right), y = U.scale(-data.most, data.most, bottom, top), w = x(1) - x(0);
    const ends = data.most === 1 ? [-1, 0, 1] : [0];
    const frame = U.axes({ left, right, top, bottom: y(0) }, { y: { at: y, ticks: ends, format: (v) => U.fixed(v, 0) } });
    const bars = (sign) => data.values[state.unit].map((v, k) => (v * sign > 0 ? `M${x(k + 0.5).toFixed(1)} ${y(0)}V${y(v).toFixed(1)}` : "")).join("");
    const look = { fill: "none", "stroke-width": w > 5 ? w - 0.6 : w + 0.1 };
    const parts = [
      U.text(4, top - 8, named(data.units[state.unit]), { fill: "muted" }), frame,
      U.tag("path", { d: bars(1), stroke: "state", ...look }), U.tag("path", { d: bars(-1), stroke: "carry", ...look }),
      U.ring(x(state.at) - 1, top, Math.max(3, w + 2), bottom - top, { "stroke-width": 1.3 }),
      U.target(left, top, right - left, bottom - top, ["at", 0, many - 1]),
    ];
    return { svg: parts.join(""), bottom };
  }

  // All units at once: a row for each, and a place to pick one.
  function overview({ state, data, width }, top) {
    const units = data.units.length, many = data.tokens.length;
    if (units < 2) return { svg: "", bottom: top - 24 };
    const left = 38, right = width - 6, height = U.clamp(220 / units, 3.2, 15);
    const x = U.scale(0, many, left, right), w = x(1) - x(0), y = (u) => top + u * height;
    const squares = data.values.flatMap((values, u) => values.map((v, k) => [x(k), y(u + 0.5), w + 0.2, v]));
    const names = data.units.map((unit, u) => U.text(left - 6, y(u + 0.5) + 4, unit, { size: 11, anchor: "end", fill: "muted" }));
    const here = x(state.at + 0.5);
    const parts = [
      U.text(4, top - 8, "all units: pick one", { fill: "muted" }),
      U.heat(squares, height + 0.1, data.most, 1, 6), height > 9 && Math.max(...data.units.map((u) => u.length)) < 6 ? names.join("") : "",
      U.ring(left - 1.5, y(state.unit) - 1, right - left + 3, height + 2),
      U.line(here, top - 3, here, y(units) + 3, { stroke: "ink", opacity: 0.5 }),
      U.target(left, top, right - left, units * height, ["at", 0, many - 1], ["unit", 0, units - 1]),
    ];
    return { svg: parts.join(""), bottom: y(units) };
  }

  function draw(view) {
    const above = letters(view, 6);
    const middle = trace(view, above.bottom + 30);
    const below = overview(view, middle.bottom + 34);
    return U.drawing(view.width, below.bottom + 8, view.alt, above.svg, middle.svg, below.svg);
  }

  function told({ unit, at }, { units, values, tokens }) {
    return `${named(units[unit])} is ${U.fixed(values[unit][at])} after “${visible(tokens[at])}”`;
  }
  function says(state, data) {
    const values = data.values[state.unit], note = data.notes[data.units[state.unit]];
    const top = values.map((v, k) => [Math.abs(v), k]).sort((p, q) => q[0] - p[0] || p[1] - q[1])[0][1];
    const words = `${told(state, data)}. It is strongest after “${visible(data.tokens[top])}” at ${top + 1}, ${U.fixed(values[top])}.`;
    return U.escape(`${words[0].toUpperCase()}${words.slice(1)}${note ? ` ${note}` : ""}`);
  }

  const turn = (state, by, { units }) => ({ unit: (state.unit + by + units.length) % units.length });
  U.define("neuron-text", {
    title: "A hidden unit over a text",
    read,
    state: () => ({ unit: 0, at: 0 }),
    settle: (state, data) => ({
      unit: U.clamp(Number(state.unit), 0, data.units.length - 1), at: U.clamp(state.at, 0, data.tokens.length - 1),
    }),
    controls: (state, data) => [
      { type: "choice", key: "unit", label: "Hidden unit", options: data.units.map((unit, k) => [k, unit]) },
      {
        type: "buttons", name: "Units and reading", items: [
          ["back", "◀ unit", "previous unit"], ["forward", "unit ▶", "next unit"], ["play", "Read", "read the text from here"],
        ],
      },
    ],
    act: (state, name, data) => (name === "first" ? { at: 0 } : turn(state, name === "back" ? -1 : 1, data)),
    next: (state, data) => (state.at + 1 < data.tokens.length ? { at: state.at + 1 } : null),
    pace: 140,
    keys: (state, key, data) => ({ ArrowUp: turn(state, -1, data), ArrowDown: turn(state, 1, data) })[key],
    cursor: {
      key: "at", label: "Position in the text", range: (state, data) => [0, data.tokens.length - 1], says: told,
    },
    hint: "In the figure: ← → move along the text, ↑ ↓ take another unit.",
    draw, says,
  });
  U.models.neuronText = { read };
})();
