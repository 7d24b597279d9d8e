"""A chapter's number is the one in its file's name: 02-recurrent-cell is chapter 2.

Sphinx counts chapters in the order of the table of contents; while chapters are
still to be written that count would differ from the exercises' folders.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

NUMBERED = re.compile(r"(?:^|/)(\d\d)-[^/]+$")

Number = tuple[int, ...]


def chapter(docname: str) -> int | None:
    found = NUMBERED.search(docname)
    return int(found[1]) if found else None


def renumber(app: Sphinx, env: BuildEnvironment) -> list[str]:
    for docname in env.toc_secnumbers:
        number = chapter(docname)
        if number is not None:
            _renumber_page(env, docname, number)
    return []


def _renumber_page(env: BuildEnvironment, docname: str, number: int) -> None:
    def moved(old: Number) -> Number:
        return (number, *old[1:]) if old else old

    sections: dict[str, Any] = env.toc_secnumbers[docname]
    env.toc_secnumbers[docname] = {k: moved(v) for k, v in sections.items()}
    for kind, numbers in env.toc_fignumbers.get(docname, {}).items():
        env.toc_fignumbers[docname][kind] = {k: moved(v) for k, v in numbers.items()}
    titled = [env.titles[docname], *env.tocs[docname].findall(nodes.reference)]
    for node in titled:
        if node.get("secnumber"):
            node["secnumber"] = moved(tuple(node["secnumber"]))


def setup(app: Sphinx) -> dict[str, bool]:
    # after Sphinx's own count, which runs at the usual priority of 500
    app.connect("env-get-updated", renumber, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
