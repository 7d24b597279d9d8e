"""What leaves the grading: the page that a student reads, and the table of points.

A page is one file that makes no request and runs no script; a policy in its head says
so to the browser. Of the course's prose only the headings are kept: the student has
the notebook. What a person has still to look at is "not graded yet", never a zero.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from typing import Any

from bs4 import BeautifulSoup
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

from autograder import own
from autograder.exercise import ROOT
from autograder.rebuild import MARK

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
ACTIVE = ["script", "link", "iframe", "object", "embed", "form", "base"]
NOT_YET = "not graded yet"
STYLE = """
body { max-width: 1000px; margin: auto; padding: 1em; box-sizing: border-box; }
.container, #notebook-container { width: auto !important; max-width: 100%; }
.container { padding: 0; }
div#notebook { padding: 0; }
div.cell, div.output_area { padding: 2px 0; max-width: 100%; }
div.input, div.output_area { display: block; }
div.prompt { display: none; }
div.inner_cell, div.nbgrader_cell { width: 100%; min-width: 0; }
div.nbgrader_cell .panel-heading { height: auto; min-height: 37px; display: flow-root; }
div.nbgrader_cell .panel-heading a { color: #fff; }
div.input_area, div.output_subarea { max-width: 100%; overflow-x: auto; }
img { max-width: 100%; height: auto; }
"""


KATEX = ROOT / "node_modules" / "katex" / "dist"
SET_FORMULAS = """
addEventListener("DOMContentLoaded", () => renderMathInElement(document.body, {
  delimiters: [["$$", "$$", true], ["$", "$", false], ["\\\\(", "\\\\)", false],
    ["\\\\[", "\\\\]", true]].map(([left, right, display]) => ({left, right, display})),
  output: "mathml", throwOnError: false, trust: false, maxExpand: 100, maxSize: 20,
}));
"""


def mathematics(_url: str) -> Markup:
    """What sets the formulas of a page in formgrader: KaTeX as it lies here, written
    into the page. Before the first `make` they stay text; no other host is asked."""
    files = (KATEX / "katex.min.js", KATEX / "contrib" / "auto-render.min.js")
    if not all(path.is_file() for path in files):
        return Markup()
    scripts = [path.read_text("utf-8") for path in files] + [SET_FORMULAS]
    return Markup("".join(f"<script>{script}</script>\n" for script in scripts))


# Colouring takes time by the square of a long line, or of a run of blank lines.
MAX_COLOURED, _LONG = 20_000, re.compile(r"[^\n]{1000}|\s{200}")


def coloured(source: str, _language: str = "", metadata: Any = None) -> str:
    """A cell's code in colours; in none where no person wrote it for people."""
    plain = len(source) > MAX_COLOURED or _LONG.search(source) is not None
    return Highlight2HTML(pygments_lexer="text" if plain else "python")(source)


class FeedbackPage(HTMLExporter):
    """nbgrader's feedback page, still, and without the course's prose."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exclude_anchor_links = True

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        page, resources = super().from_notebook_node(_shortened(nb), resources, **kw)
        return _still(page, _open_checks(resources["nbgrader"])), resources


def _open_checks(about: dict[str, Any]) -> list[str]:
    with Gradebook(about["db_url"]) as book:
        found = book.find_submission_notebook(
            about["notebook"], about["assignment"], about["student"]
        )
        return [grade.name for grade in found.grades if _open(grade)]


def _open(grade: Any) -> bool:
    return grade.auto_score is None and grade.manual_score is None


def _shortened(notebook: NotebookNode) -> NotebookNode:
    """Headings for the course's prose, none of its own experiments; of a verdict the
    report, not the number."""
    cells = []
    for cell in notebook.cells:
        if cell.id.startswith("text-"):
            cell.source = "\n".join(re.findall(r"^#+ .*$", cell.source, re.M))
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source = own.without_hidden(cell.source)
            cell.outputs = [
                o for o in cell.outputs if o["output_type"] != "execute_result"
            ]
        left = MARK in cell.metadata and not cell.get("outputs")
        if cell.source.strip() and not left:
            cells.append(cell)
    while cells and cells[-1].id.startswith("text-"):
        cells.pop()
    notebook.cells = cells
    return notebook


def _still(page: str, ungraded: Collection[str]) -> str:
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
    for style in soup("style"):
        style.string = re.sub(r"@font-face\s*\{[^}]*\}", "", style.string or "")
    _name_checks(soup)
    _mark_ungraded(soup, ungraded)
    _head(soup)
    return str(soup)


def _head(soup: BeautifulSoup) -> None:
    assert soup.head is not None  # nbgrader's template has one
    policy = soup.new_tag("meta", content=POLICY)
    policy["http-equiv"] = "Content-Security-Policy"
    width = soup.new_tag("meta", content="width=device-width, initial-scale=1")
    width["name"] = "viewport"
    style = soup.new_tag("style")
    style.string = STYLE
    soup.head.insert(0, policy)
    soup.head.append(width)
    soup.head.append(style)


def _name_checks(soup: BeautifulSoup) -> None:
    """The list on top names functions, not "Test cell" six times."""
    for link in soup.select("#toc a[href^='#check_']"):
        link.string = str(link["href"]).removeprefix("#check_")
    for link in soup.select("#toc a[href^='#comment-']"):
        link.string = "Comment on " + str(link["href"]).removeprefix("#comment-")


def _mark_ungraded(soup: BeautifulSoup, names: Collection[str]) -> None:
    for name in names:
        for link in soup.select(f"#toc a[href='#{name}']"):
            if link.next_sibling:
                link.next_sibling.replace_with(f" ({NOT_YET})")
        for anchor in soup.select(f"a[name='{name}']"):
            heading = anchor.find_next("div", class_="panel-heading")
            score = heading.find(class_="pull-right") if heading else None
            if score is not None:
                score.string = NOT_YET
    title = soup.find("h4")
    if names and title is not None:
        text = f"{title.get_text()}: {len(names)} {NOT_YET}"
        title.string = text


class Table(ExportPlugin):
    """nbgrader's CSV with one column more: how many checks wait for a person."""

    COLUMNS = (
        *("assignment", "duedate", "timestamp", "student_id"),
        *("last_name", "first_name", "email"),
        *("raw_score", "late_submission_penalty", "score", "max_score"),
        "ungraded",
    )

    def export(self, gradebook: Gradebook) -> None:
        path = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", path)
        assignments = {str(name) for name in self.assignment}
        students = {str(name) for name in self.student}
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.COLUMNS, lineterminator="\n")
            writer.writeheader()
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    wanted = not assignments or assignment.name in assignments
                    if wanted and (not students or student.id in students):
                        writer.writerow(_row(gradebook, assignment, student))


def _row(gradebook: Gradebook, assignment: Any, student: Any) -> dict[str, Any]:
    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "student_id": student.id,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "max_score": assignment.max_score,
    }
    try:
        found = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:  # nothing was handed in
        zero = dict.fromkeys(("raw_score", "late_submission_penalty", "score"), 0.0)
        return {**row, **zero, "ungraded": 0}
    penalty = found.late_submission_penalty or 0.0
    grades = [grade for notebook in found.notebooks for grade in notebook.grades]
    return {
        **row,
        "timestamp": found.timestamp,
        "raw_score": found.score,
        "late_submission_penalty": penalty,
        "score": max(0.0, found.score - penalty),
        "ungraded": sum(map(_open, grades)),
    }
