"""The page that a student reads: their code, the verdicts, and nothing that acts.

The page is one file that makes no request and runs no script; a policy in its head
says so to the browser. Of the course's prose only the headings are kept: the student
has the notebook.
"""

from __future__ import annotations

import re
from typing import Any

from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
ACTIVE = ["script", "link", "iframe", "object", "embed", "form", "base"]
STYLE = """
body { max-width: 60rem; margin: auto; }
div.cell { padding: 2px 0; }
div.prompt { display: none; }
div.nbgrader_cell .panel-heading { height: auto; min-height: 37px; }
div.output_subarea { max-width: 100%; }
.unrolled-points { display: none; }
"""


class FeedbackPage(HTMLExporter):
    """nbgrader's feedback page, without scripts and without the course's prose."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        page, resources = super().from_notebook_node(_shortened(nb), resources, **kw)
        return _still(page), resources


def _shortened(notebook: NotebookNode) -> NotebookNode:
    cells = []
    for cell in notebook.cells:
        if cell.id.startswith("text-"):
            cell.source = "\n".join(re.findall(r"^#+ .*$", cell.source, re.M))
        if cell.source.strip():
            cells.append(cell)
    notebook.cells = cells
    return notebook


def _still(page: str) -> str:
    """`page` without anything that runs or reaches out."""
    soup = BeautifulSoup(page, "html.parser")
    for tag in soup(ACTIVE):
        tag.decompose()
    for tag in soup(True):
        for name in [n for n in tag.attrs if n.lower().startswith("on")]:
            del tag.attrs[name]
    for link in soup("a", href=True):
        if not str(link["href"]).startswith("#"):
            del link["href"]
    if soup.head is not None:
        meta = soup.new_tag("meta", content=POLICY)
        meta["http-equiv"] = "Content-Security-Policy"
        style = soup.new_tag("style")
        style.string = STYLE
        soup.head.insert(0, meta)
        soup.head.append(style)
    return str(soup)
