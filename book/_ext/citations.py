"""Citations with round brackets: Elman (1990), and (Elman, 1990)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sphinxcontrib.bibtex.plugin
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle


def _round() -> BracketStyle:
    return BracketStyle(left="(", right=")")


@dataclass
class AuthorYearRound(AuthorYearReferenceStyle):
    bracket_textual: BracketStyle = field(default_factory=_round)
    bracket_parenthetical: BracketStyle = field(default_factory=_round)
    bracket_year: BracketStyle = field(default_factory=_round)


def as_list(app: Sphinx, page: str, template: str, context: Any, tree: Any) -> None:
    """docutils still writes a role that ARIA has dropped, inside a plain list."""
    if "body" in context:
        old, new = 'role="doc-biblioentry"', 'role="listitem"'
        context["body"] = context["body"].replace(old, new)


def setup(app: Sphinx) -> dict[str, bool]:
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing", "author_year_round", AuthorYearRound
    )
    app.connect("html-page-context", as_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
