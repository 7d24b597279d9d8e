"""What a graded class looks like: one row a student, one column a function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from autograder import own
from autograder.derive import grading_folder
from autograder.exercise import load
from autograder.grading import UNSAFE
from unrolled.report import VERDICT_MIME, number
from unrolled.verdict import Verdict

_STYLES = {
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
    found: dict[str, dict[str, Verdict]] = {}
    for path in sorted(folder.glob(f"*/{exercise}/*.ipynb")):
        student = found.setdefault(path.parent.parent.name, {})
        student |= {_key(exercise, path.stem, v.function): v for v in verdicts(path)}
    return found


def _key(exercise: str, notebook: str, function: str) -> str:
    return function if notebook == exercise else f"{notebook}: {function}"


def table(exercise: str) -> Table:
    """One row a student: the points, and each function that is not complete."""
    if own.is_own(exercise):
        parts = {name: own.points(exercise, name) for name in own.notebooks(exercise)}
        tasks = {
            _key(exercise, part, name): of
            for part, found in parts.items()
            for name, of in found.items()
        }
        caption = f"Tests {own.UNTRUSTED}. Written answers are graded in formgrader."
    else:
        tasks = {n: task.total for n, task in load(exercise).graded.items()}
        caption = None
    of = sum(tasks.values())
    title = f"{exercise}: who got what, and which bug was named"
    made = Table(title=title, caption=caption)
    made.add_column("student", no_wrap=True)
    made.add_column("points", justify="right", no_wrap=True)
    made.add_column("not complete")
    for student, found in graded(exercise).items():
        verdicts = [found[name] for name in tasks if name in found]
        points = sum(verdict.points for verdict in verdicts)
        unsafe = " [red]UNSAFE[/]" if any(_unsafe(v) for v in verdicts) else ""
        earned = f"{number(points)}/{number(of)}{unsafe}"
        made.add_row(student, earned, _open(verdicts))
    return made


def _unsafe(verdict: Verdict) -> bool:
    return verdict.summary.endswith(UNSAFE)


def _open(verdicts: list[Verdict]) -> str:
    """What is not full, a line each; what all functions share is said once."""
    rest = [verdict for verdict in verdicts if verdict.status != "full"]
    whole = {verdict.status for verdict in rest if not verdict.bug}
    alike = len(whole) == 1 and len(rest) == len(verdicts) > 1
    if alike and not any(verdict.bug for verdict in rest):
        return _finding(rest[0])
    return "\n".join(
        f"{verdict.function} {number(verdict.points)}/{number(verdict.of)}: "
        f"{_finding(verdict)}"
        for verdict in rest
    )


def _finding(verdict: Verdict) -> str:
    style = _STYLES.get(verdict.status, "red")
    if verdict.status == "could_not_check":
        why = escape(verdict.summary.removeprefix("Could not be checked: "))
        return f"[{style}]not graded, needs a person: {why}[/]"
    if verdict.bug:
        return f"[{style}]{verdict.bug}[/]"
    lost = [line for line in verdict.lines if not line.ok]
    if verdict.status == "partial" and lost:
        return f"[{style}]{escape(lost[0].text)}[/]"
    return f"[{style}]{verdict.status.replace('_', ' ')}[/]"
