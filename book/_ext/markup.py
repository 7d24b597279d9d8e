"""An element of HTML as a node, so that directives can build what docutils lacks."""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


class Element(nodes.General, nodes.TextElement):
    """``tag`` with ``attributes`` on a page; ``latex`` = (before, after) on paper."""


def element(
    tag: str,
    *children: nodes.Node,
    latex: tuple[str, str] = ("", ""),
    **attributes: str | bool,
) -> Element:
    """Underscores in the names of attributes stand for hyphens: class_, data_x."""
    named = {
        key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()
    }
    return Element("", "", *children, tag=tag, attributes=named, latex=latex)


def place(node: nodes.Node | None) -> nodes.Node | None:
    """The node itself, or the nearest one around it that knows its line."""
    while node is not None and not node.line:
        node = node.parent
    return node


def _opening(tag: str, attributes: dict[str, str | bool]) -> str:
    parts = [tag]
    for name, value in attributes.items():
        if value is True:
            parts.append(name)
        elif value is not False:
            parts.append(f'{name}="{escape(str(value))}"')
    return f"<{' '.join(parts)}>"


def visit_html(self: Any, node: Element) -> None:
    self.body.append(_opening(node["tag"], node["attributes"]))


def depart_html(self: Any, node: Element) -> None:
    if node["tag"] != "input":
        self.body.append(f"</{node['tag']}>")


def visit_latex(self: Any, node: Element) -> None:
    self.body.append(node["latex"][0])


def depart_latex(self: Any, node: Element) -> None:
    self.body.append(node["latex"][1])


def visit_text(self: Any, node: Element) -> None:
    pass


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(
        Element,
        html=(visit_html, depart_html),
        latex=(visit_latex, depart_latex),
        text=(visit_text, visit_text),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
