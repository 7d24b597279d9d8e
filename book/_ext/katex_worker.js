// One line of JSON in, one line of JSON out: {tex, display, macros} -> {html} or {error}.
// argv[2] is the folder of the katex package.
const katex = require(process.argv[2]);
const lines = require("readline").createInterface({ input: process.stdin });

// \htmlClass carries the book's colours; nothing else that needs trust is allowed
const trust = (context) => context.command === "\\htmlClass";

// MathML is for those who listen; its copy of the TeX and its name space are for nobody
const UNUSED = /<annotation.*?<\/annotation>|<\/?semantics>| xmlns="[^"]*MathML"/gs;

function render({ tex, display, macros }) {
  try {
    const options = { displayMode: display, throwOnError: true, strict: "ignore", macros, trust };
    return { html: katex.renderToString(tex, options).replace(UNUSED, "") };
  } catch (error) {
    return { error: error.message.replace(/^KaTeX parse error: /, "") };
  }
}

lines.on("line", (line) => console.log(JSON.stringify(render(JSON.parse(line)))));
