// Draws live figures without a browser. One question as JSON on stdin, one answer on
// stdout. argv[2] is the folder of the widgets' scripts.
//   {scripts, kind, data, state, alt} -> {html, wide, narrow, says}
//   {scripts, calls: [[path, ...arguments], ...]} -> {values}
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const folder = process.argv[2];
const asked = JSON.parse(fs.readFileSync(0, "utf8"));
for (const script of ["core.js", ...asked.scripts]) {
  const file = path.join(folder, script);
  vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
}

function still({ kind: name, data, state, alt }) {
  const kind = Unrolled.kinds[name];
  const read = kind.read ? kind.read(data) : data;
  const chosen = { ...kind.state(read), ...state };
  const inside = (which) => Unrolled.frame(kind, chosen, read, { alt, which: [which] });
  const svg = (which) => inside(which).match(/<svg[^]*<\/svg>/)[0];
  const html = Unrolled.frame(kind, chosen, read, { alt, which: ["wide", "narrow"] });
  return { html, wide: svg("wide"), narrow: svg("narrow") };
}

function call([name, ...given]) {
  const found = name.split(".").reduce((place, key) => place[key], Unrolled);
  return found(...given);
}

try {
  const answer = asked.calls ? { values: asked.calls.map(call) } : still(asked);
  process.stdout.write(JSON.stringify(answer));
} catch (error) {
  process.stdout.write(JSON.stringify({ error: error.message }));
}
