"""The notation page is where names are decided; chapters and code follow it.

Each row of its tables gets an anchor. In every chapter the first use of a row's
symbol, as a formula by itself or as a name in code, leads there. And a name in code
has the colour that its symbol has in formulas.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import numbering
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PAGE = "notation"
COLOURS = {
    "inp": "u-input",
    "state": "u-state",
    "weight": "u-weight",
    "out": "u-output",
    "carry": "u-carry",
    "gstep": "u-step",
}
MACRO = re.compile(rf"\\({'|'.join(COLOURS)})\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}")
SPACE = re.compile(r"\s+|\\[,;!]")
SINGLE = re.compile(r"([_^])\{(\w)\}")
BARE = re.compile(r"^[a-z]$")
LETTER = re.compile(r"^[A-Za-z]$")
NAME = re.compile(r"^([A-Za-z_]\w*)(?:\[t\])?$")
# a weight of any cell is called W_ or b_ and where it leads
WEIGHT = re.compile(r"^(?:W|b)_[a-z]{1,2}$")
CODE = re.compile(r'<span class="(n|pre)">(\w+)</span>')
NO_LINKS = (nodes.title, nodes.caption, nodes.reference, nodes.table,
            addnodes.pending_xref, nodes.rubric)  # fmt: skip


@dataclass(frozen=True)
class Symbol:
    anchor: str
    tex: tuple[str, ...]
    names: tuple[str, ...]
    colour: str


def plain(tex: str) -> str:
    """TeX without colours and spaces: \\state{h_{t}} and h_t are one symbol."""
    while (inner := MACRO.sub(r"\2", tex)) != tex:
        tex = inner
    return SINGLE.sub(r"\1\2", SPACE.sub("", tex))


def read_page(app: Sphinx, doctree: nodes.document) -> None:
    if app.env.docname.rsplit("/", 1)[-1] != PAGE:
        return
    app.env.symbols = list(_symbols(doctree))  # type: ignore[attr-defined]
    app.env.symbols_page = app.env.docname  # type: ignore[attr-defined]


def _symbols(doctree: nodes.document) -> Iterator[Symbol]:
    taken: Counter[str] = Counter()
    sizes = next(iter(doctree.findall(nodes.table)), None)
    for row in doctree.findall(_is_row):
        maths, code = row[0], row[1]
        tex = [math.astext() for math in maths.findall(nodes.math)]
        words = (word for lit in code.findall(nodes.literal)
                 for word in lit.astext().split(", "))  # fmt: skip
        names = [found[1] for word in words if (found := NAME.match(word))]
        if not tex and not names:
            continue
        anchor = "sym-" + nodes.make_id((names or [row[0].astext()])[0])
        taken[anchor] += 1
        anchor += f"-{taken[anchor]}" * (taken[anchor] > 1)
        row["ids"].append(anchor)
        keys = tuple(plain(part) for one in tex for part in _parts(one))
        macro = MACRO.match(tex[0]) if tex else None
        colour = COLOURS[macro[1]] if macro else ""
        if row.parent.parent.parent is not sizes:
            # i is a gate in one place and an index in most: a bare letter says little
            bare = BARE if colour else LETTER
            keys = tuple(key for key in keys if not bare.match(key))
            names = [name for name in names if not bare.match(name)]
        yield Symbol(anchor, keys, tuple(names), colour)


def _is_row(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.row) or not isinstance(node.parent, nodes.tbody):
        return False
    parent = node.parent
    while parent is not None and "symbols" not in parent.get("classes", []):
        parent = parent.parent
    return parent is not None


def _parts(tex: str) -> list[str]:
    """h_t of "h_t = ...", and each of "m, n"."""
    left = tex.split("=")[0]
    return left.split(",") if "{" not in left and r"\dots" not in left else [left]


def link_first_uses(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    symbols = getattr(app.env, "symbols", [])
    if app.builder.format != "html" or numbering.chapter(docname) is None:
        return
    open_ = {key: symbol for key, symbol in _keys(symbols).items()}
    target = partial(app.builder.get_relative_uri, docname)
    for node in list(doctree.findall(_may_be_linked)):
        kind = "tex" if isinstance(node, nodes.math) else "name"
        text = plain(node.astext()) if kind == "tex" else node.astext()
        if symbol := open_.get((kind, text)):
            open_ = {k: other for k, other in open_.items() if other is not symbol}
            place = f"{target(app.env.symbols_page)}#{symbol.anchor}"  # type: ignore[attr-defined]
            link = nodes.reference("", "", refuri=place, internal=True)
            link["classes"] = ["u-symbol"]
            node.replace_self(link)
            link += node
            if kind == "tex":
                _name(link, symbol)


def _name(link: nodes.reference, symbol: Symbol) -> None:
    """What a screen reader calls a link that holds nothing but a formula."""
    spoken = (*symbol.names, *symbol.tex)[0]
    label = escape(f"{spoken} in the notation", quote=True)
    link.insert(0, nodes.raw("", f'<span class="u-name">{label}</span>', format="html"))


def _keys(symbols: list[Symbol]) -> dict[tuple[str, str], Symbol]:
    """What stands for exactly one row; a letter with two meanings leads nowhere."""
    pairs = [(("tex", t), s) for s in symbols for t in dict.fromkeys(s.tex)]
    pairs += [(("name", n), s) for s in symbols for n in dict.fromkeys(s.names)]
    count = Counter(key for key, _ in pairs)
    return {key: symbol for key, symbol in pairs if count[key] == 1}


def _may_be_linked(node: nodes.Node) -> bool:
    if not isinstance(node, (nodes.math, nodes.literal)):
        return False
    above = node.parent
    while above is not None:
        if isinstance(above, NO_LINKS) or _takes_clicks(above):
            return False
        above = above.parent
    return True


def _takes_clicks(node: nodes.Element) -> bool:
    """The title of a fold, a choice of a question: not a place for a link."""
    return node.get("tag") in ("summary", "label")


def colours(symbols: list[Symbol]) -> dict[str, str]:
    return {name: s.colour for s in symbols if s.colour for name in s.names}


def paint(body: str, known: dict[str, str]) -> str:
    def painted(match: re.Match[str]) -> str:
        kind, name = match.groups()
        colour = known.get(name) or ("u-weight" if WEIGHT.match(name) else "")
        return f'<span class="{kind} {colour}">{name}</span>' if colour else match[0]

    return CODE.sub(painted, body)


def paint_page(app: Sphinx, page: str, template: str, context: Any, tree: Any) -> None:
    if "body" in context:
        known = colours(getattr(app.env, "symbols", []))
        context["body"] = paint(context["body"], known)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", read_page)
    app.connect("doctree-resolved", link_first_uses)
    app.connect("html-page-context", paint_page)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
