"""What a graded class looks like: one row a student, one column a function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from autograder.derive import grading_folder
from autograder.exercise import load
from unrolled.report import VERDICT_MIME, number
from unrolled.verdict import Verdict

_STYLES = {
    "full": "green",
    "partial": "yellow",
    "not_done": "dim",
    "could_not_check": "magenta",
}


def verdicts(path: Path) -> Iterator[Verdict]:
    """The verdicts that an autograded notebook carries."""
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            fields = output.get("data", {}).get(VERDICT_MIME)
            if fields:
                yield Verdict.from_dict(fields)


def graded(exercise: str) -> dict[str, dict[str, Verdict]]:
    """Student -> function -> verdict, for every autograded notebook."""
    folder = grading_folder() / "autograded"
    paths = sorted(folder.glob(f"*/{exercise}/{exercise}.ipynb"))
    return {
        path.parent.parent.name: {v.function: v for v in verdicts(path)}
        for path in paths
    }


def table(exercise: str) -> Table:
    tasks = load(exercise).graded
    made = Table(title=f"{exercise}: who got what, and which bug was named")
    made.add_column("student", no_wrap=True)
    made.add_column("points", justify="right", no_wrap=True)
    for name in tasks:
        made.add_column(name, overflow="fold")
    for student, found in graded(exercise).items():
        total = sum(v.points for v in found.values())
        of = sum(task.total for task in tasks.values())
        cells = [_cell(found.get(name)) for name in tasks]
        made.add_row(student, f"{number(total)}/{number(of)}", *cells)
    return made


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return "[magenta]no verdict[/]"
    style = _STYLES.get(verdict.status, "red")
    what = verdict.bug or verdict.status.replace("_", " ")
    if verdict.status == "could_not_check":
        return f"[{style}]not graded: needs a person[/]"
    if verdict.status == "full":
        return f"[{style}]{number(verdict.points)}[/]"
    return f"[{style}]{number(verdict.points)}/{number(verdict.of)} {what}[/]"
