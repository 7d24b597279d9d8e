"""Build a class of hand-ins from tests/submissions/<what-it-shows>/submission.toml.

A submission starts from the "solution" or from the "released" notebook. `bugs` writes
known bugs into it, `cells` replaces the text of cells, `add` puts cells in, and
`tamper` does to the file what people and accidents do. No answer stands in these
files: answers come from solutions/.

    exercise = "02-recurrent-cell"
    start = "solution"
    bugs = ["rnn_forward: state-not-carried"]
    [cells]
    mse = "def mse(pred, target): ..."
    [[add]]
    after = "rnn_forward"          # left out: at the end
    kind = "code"
    source = "..."                 # or "solution of mse"
    [tamper]
    delete = ["check_mse"]         # also: duplicate, points, names, kernel, format,
    [expected]                     # encoding, ids, file, outputs, raw, size, link
    mse = "full"                   # or any of {status = "...", points = 0, bug = "..."}
    others = "full"
    [says]
    note = "had been deleted"      # in "About this hand-in"
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograder.derive import notebook_text, release_notebook, source_notebook
from autograder.exercise import load

_MARKER = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.M)
FOLDER = Path(__file__).parent / "submissions"


@dataclass(frozen=True)
class Submission:
    """One hand-in of the test class and what is expected of its grading."""

    name: str
    fields: dict[str, Any]

    @property
    def exercise(self) -> str:
        return self.fields["exercise"]

    def expected(self) -> dict[str, dict[str, Any]]:
        """Function -> status, points, bug: as far as each is stated."""
        stated = dict(self.fields["expected"])
        others = stated.pop("others", "full")
        found = {}
        for name, task in load(self.exercise).graded.items():
            says = stated.get(name, others)
            says = {"status": says} if isinstance(says, str) else dict(says)
            if says.get("status") == "full":
                says.setdefault("points", task.total)
            elif says.get("status") not in ("partial", None):
                says.setdefault("points", 0)
            found[name] = says
        return found

    def write(self, folder: Path) -> None:
        """Put the hand-in into `folder`, as a student's upload would lie there."""
        folder.mkdir(parents=True)
        tamper = self.fields.get("tamper", {})
        path = folder / tamper.get("file", f"{self.exercise}.ipynb")
        for name, target in tamper.get("link", {}).items():
            (folder / name).symlink_to(target)
        for name in tamper.get("also", []):
            (folder / name).write_bytes(self.content())
        if not path.is_symlink() and not tamper.get("missing"):
            path.write_bytes(self.content())
        for name, text in tamper.get("files", {}).items():
            (folder / name).write_text(text, "utf-8")

    def content(self) -> bytes:
        tamper = self.fields.get("tamper", {})
        if "raw" in tamper:
            return tamper["raw"].encode("latin-1")
        notebook = json.loads(notebook_text(self._notebook()))
        _tamper(notebook, tamper)
        text = json.dumps(notebook, indent=1, ensure_ascii="ascii" in tamper)
        data = (text + " " * tamper.get("size", 0)).encode(
            tamper.get("encoding", "utf-8")
        )
        return data[: tamper.get("cut", len(data))]

    def _notebook(self) -> nbformat.NotebookNode:
        exercise = load(self.exercise)
        solved = self.fields.get("start", "solution") == "solution"
        notebook = (source_notebook if solved else release_notebook)(exercise)
        cells = {
            cell.metadata["nbgrader"]["grade_id"]: cell
            for cell in notebook.cells
            if "nbgrader" in cell.metadata
        }
        for name in self.fields.get("solved", []):
            cells[name].source = exercise.source(name)
        for bug in self.fields.get("bugs", []):
            function, name = bug.split(": ")
            cell = cells[exercise.cell_of(function)]
            edit = next(e for e in exercise.edits[function] if e.name == name)
            cell.source = edit.apply(cell.source, self.name)
        for variant in self.fields.get("variants", []):
            for name, source in exercise.variants[variant].cells.items():
                cells[name].source = source
        for name, source in self.fields.get("cells", {}).items():
            cells[name].source = source.strip("\n")
        for added in self.fields.get("add", []):
            if added["source"].startswith("solution of "):
                name = added["source"].removeprefix("solution of ")
                added = {**added, "source": exercise.source(name)}
            _add(notebook, cells, added)
        for cell in notebook.cells:
            cell.source = _MARKER.sub("", cell.source)
        return notebook


def _add(notebook: Any, cells: dict[str, Any], added: dict[str, str]) -> None:
    make = nbformat.v4.new_code_cell
    if added.get("kind") == "markdown":
        make = nbformat.v4.new_markdown_cell
    cell = make(added["source"].strip("\n"))
    at = len(notebook.cells)
    if "after" in added:
        at = notebook.cells.index(cells[added["after"]]) + 1
    if "before" in added:
        at = notebook.cells.index(cells[added["before"]])
    notebook.cells.insert(at, cell)


def _tamper(notebook: dict[str, Any], tamper: dict[str, Any]) -> None:
    """What people and accidents do to the file itself."""
    cells = notebook["cells"]
    for cell in list(cells):
        marks = cell["metadata"].get("nbgrader", {})
        name = marks.get("grade_id", "")
        if name in tamper.get("delete", []):
            cells.remove(cell)
        if name in tamper.get("duplicate", []):
            cells.insert(cells.index(cell) + 1, json.loads(json.dumps(cell)))
        if name in tamper.get("points", {}):
            marks["points"] = tamper["points"][name]
        if name in tamper.get("names", {}):
            marks["grade_id"] = cell["id"] = tamper["names"][name]
        if name in tamper.get("outputs", {}):
            cell["outputs"] = json.loads(tamper["outputs"][name])
        cell["metadata"].update(tamper.get("metadata", {}))
    if tamper.get("reverse"):
        cells.reverse()
    if not tamper.get("ids", True):
        for cell in cells:
            cell.pop("id", None)
    if "kernel" in tamper:
        kernel = {"name": tamper["kernel"], "language": tamper["kernel"]}
        notebook["metadata"]["kernelspec"] = {**kernel, "display_name": "?"}
    if tamper.get("format") == 3:
        _as_format_3(notebook)


def _as_format_3(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        cell.pop("id", None)
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
            cell["prompt_number"] = cell.pop("execution_count")
            cell["language"] = "python"
    notebook["worksheets"] = [{"cells": notebook.pop("cells"), "metadata": {}}]
    notebook["nbformat"], notebook["nbformat_minor"] = 3, 0


def submissions(folder: Path = FOLDER) -> Iterator[Submission]:
    for path in sorted(folder.glob("*/submission.toml")):
        yield Submission(path.parent.name, tomllib.loads(path.read_text("utf-8")))


DEMO = (
    "accident-deleted-check",
    "bptt-full-solution",
    "bptt-inherited-fault",
    "bptt-named-bugs",
    "bptt-upstream-in-place",
    "broken-json",
    "bug-loss-not-masked",
    "bug-state-not-carried",
    "bug-writes-into-its-input",
    "half-done",
    "honest-full-solution",
    "hostile-exits",
    "hostile-reads-the-disk",
    "hostile-rebinds-numpy",
    "inherited-fault",
    "left-empty",
)


def write_class(submitted: Path, names: Sequence[str] = ()) -> list[Submission]:
    """Write every submission, or those named, to `submitted`/<name>/<exercise>/."""
    found = [one for one in submissions() if one.name in names or not names]
    for submission in found:
        submission.write(submitted / submission.name / submission.exercise)
    return found


if __name__ == "__main__":
    for written in write_class(Path(sys.argv[1]), DEMO):
        print(f"{written.name}: {written.fields['shows']}")
