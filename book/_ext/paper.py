"""The book as a PDF: what LaTeX needs that pages do not.

The formulas' macros and colours come from the same settings as the pages'; drawings
become PDF; solutions stay out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

import numbering
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.transforms.post_transforms.images import ImageConverter

from unrolled.plots import PALETTE

HTML_CLASS = re.compile(r"\\htmlClass\{u-(\w+)\}\{(#\d)\}")


def preamble(macros: dict[str, str]) -> str:
    """The palette, and the macros of katex_macros, for LaTeX."""
    lines = [r"\usepackage{xcolor}"]
    for name, value in PALETTE.items():
        lines.append(rf"\definecolor{{u{name}}}{{HTML}}{{{value[1:].upper()}}}")
    for name, body in macros.items():
        count = max([0, *map(int, re.findall(r"#(\d)", body))])
        body = HTML_CLASS.sub(r"{\\color{u\1}\2}", body)
        lines.append(rf"\providecommand{{{name}}}{{}}")
        arguments = f"[{count}]" * bool(count)
        lines.append(rf"\renewcommand{{{name}}}{arguments}{{{body}}}")
    return "\n".join(lines)


def settings(app: Sphinx, config: Config) -> None:
    elements = dict(config.latex_elements)
    own = elements.get("preamble", "")
    elements["preamble"] = own + "\n" + preamble(config.katex_macros)
    config.latex_elements = elements


def stand_in(app: Sphinx) -> None:
    """A style that jupyter-book asks for, and that Debian has only among 1.4 GB."""
    if app.builder.format == "latex":
        stub = "\\ProvidesPackage{bbm}\n\\providecommand{\\mathbbm}{\\mathbb}\n"
        Path(app.outdir, "bbm.sty").write_text(stub, "utf-8")


def count_by_chapter(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Theorem 3.1 as on the pages: jupyter-book counts by section for LaTeX."""
    if app.builder.format == "latex":
        app.config.numfig_secnum_depth = 1
    return []


def as_before(app: Sphinx, env: BuildEnvironment) -> list[str]:
    if app.builder.format == "latex":
        app.config.numfig_secnum_depth = 2  # LaTeX's own counters are made from it
    return []


class Drawings(ImageConverter):
    """SVG to PDF by Debian's librsvg2-bin."""

    conversion_rules: ClassVar = [("image/svg+xml", "application/pdf")]

    def is_available(self) -> bool:
        if not shutil.which("rsvg-convert"):
            raise ExtensionError(
                "rsvg-convert is missing: run `apt-get install librsvg2-bin`, "
                "which makes the book's drawings fit for paper."
            )
        return True

    def convert(self, _from: str, _to: str) -> bool:
        command = ["rsvg-convert", "--format=pdf", "--output", _to, _from]
        return subprocess.run(command, check=False).returncode == 0


NUMBERED = r"""\setcounter{secnumdepth}{2}\setcounter{chapter}{%d}%%
\gdef\theequation{\thechapter.\arabic{equation}}%%
\gdef\thefigure{\thechapter.\arabic{figure}}"""
UNNUMBERED = r"""\setcounter{secnumdepth}{-1}%
\setcounter{equation}{0}\setcounter{figure}{0}%
\gdef\theequation{\arabic{equation}}\gdef\thefigure{\arabic{figure}}"""


class SameNumbers(SphinxPostTransform):
    """A chapter has the number of its file on paper as well; other pages have none."""

    default_priority = 6
    formats = ("latex",)

    def run(self, **kwargs: object) -> None:
        for page in self.document.findall(addnodes.start_of_file):
            number = numbering.chapter(page["docname"])
            is_chapter = number is not None and page["docname"].startswith("book/")
            tex = NUMBERED % (number - 1) if is_chapter else UNNUMBERED
            page.insert(0, nodes.raw("", tex, format="latex"))


class NoSolutions(SphinxPostTransform):
    """On paper a solution cannot be folded."""

    default_priority = 5
    formats = ("latex",)

    def run(self, **kwargs: object) -> None:
        for node in list(self.document.findall(_is_solution)):
            node.parent.remove(node)


class MarginNotes(SphinxPostTransform):
    """On paper there is no margin for them: they stand in the text, set in."""

    default_priority = 5
    formats = ("latex",)

    def run(self, **kwargs: object) -> None:
        for node in list(self.document.findall(nodes.sidebar)):
            if "margin" in node["classes"]:
                said = [one for one in node if not isinstance(one, nodes.title)]
                node.replace_self(nodes.block_quote("", *said))


def _is_solution(node: nodes.Node) -> bool:
    return type(node).__name__.startswith("solution")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", settings)
    app.connect("builder-inited", stand_in)
    app.connect("env-get-updated", count_by_chapter, priority=100)
    app.connect("env-get-updated", as_before, priority=960)
    app.add_post_transform(Drawings)
    app.add_post_transform(NoSolutions)
    app.add_post_transform(MarginNotes)
    app.add_post_transform(SameNumbers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
