"""The search finds equations by their names and numbers.

A label such as eq-path-sum is a name. The search is told of it as it is of the titles
of sections, so that "path sum" and "3.14" lead to the equation itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx


def named(label: str) -> str:
    return label.removeprefix("eq-").replace("-", " ")


def equations(env: Any, docname: str) -> Iterator[tuple[str, str]]:
    """(what the search shows, anchor) for each equation with a label on the page."""
    numbers = env.toc_fignumbers.get(docname, {}).get("displaymath", {})
    for label, (home, _) in env.get_domain("math").data["objects"].items():
        if home == docname:
            anchor = f"equation-{label}"
            number = ".".join(map(str, numbers.get(anchor, ())))
            yield f"{named(label)} ({number})" if number else named(label), anchor
            if number:  # a title is found by its half, so the number is one of its own
                yield f"Eq. {number}", anchor


def enter(app: Sphinx, page: str, template: str, context: Any, tree: Any) -> None:
    indexer = getattr(app.builder, "indexer", None)
    if tree is not None and indexer is not None:
        titles = indexer._all_titles.setdefault(page, [])
        titles.extend(sorted(set(equations(app.env, page)) - set(titles)))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", enter)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
