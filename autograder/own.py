"""Assignments of an instructor's own: plain nbgrader notebooks with test cells.

They lie in _grading/source/<assignment>/ and in no folder of solutions/. Their tests
are asserts that have to run where the student's code runs, which may therefore have
any points that it likes: every result says so. What is kept of the rest: the sandbox,
the rebuilt notebook, and hidden tests that no output and no page shows.
"""

from __future__ import annotations

import ast
import copy
import logging
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from autograder import discretion, faults
from autograder.derive import grading_folder
from autograder.exercise import slugs
from autograder.faults import GraderFault
from autograder.sandbox import CellResult, sandboxes
from unrolled.report import number
from unrolled.verdict import Line, Verdict

UNTRUSTED = "run with the student's code: untrusted"
HIDDEN = ClearHiddenTests.begin_test_delimeter.default_value
_ASPECT = "tests"
_CUT = ("[output cut after", "[outputs left out")
_ENDS = {"memory": "It ran out of memory.", "timeout": "It took too long."}
_NUMBERS = ("abs", "float", "int", "len", "max", "min", "round", "sum")

log = logging.getLogger(__name__)


def folder(name: str) -> Path:
    return grading_folder() / "source" / name


def names() -> list[str]:
    """All assignments of the instructor's own."""
    found = {path.parent.name for path in folder("").glob("*/*.ipynb")}
    return sorted(found - set(slugs()))


def is_own(name: str) -> bool:
    return name in names()


def notebooks(name: str) -> list[str]:
    """The notebooks of an assignment, which may be several."""
    return sorted(path.stem for path in folder(name).glob("*.ipynb"))


def template(name: str, notebook: str) -> NotebookNode:
    """What students got, with the hidden tests still in it."""
    path = folder(name) / f"{notebook}.ipynb"
    return copy.deepcopy(_template(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=16)
def _template(path: Path, _changed: int) -> NotebookNode:
    found = nbformat.read(path, as_version=4)
    about = {"assignment": path.parent.name, "notebook": path.stem}
    steps = (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata)
    for step in (*steps, ComputeChecksums):
        found, _ = step().preprocess(found, {"nbgrader": about})
    for n, cell in enumerate(found.cells):
        cell.setdefault("id", f"cell-{n}")
    found.nbformat_minor = 5
    found.metadata["unrolled"] = {"exercise": path.parent.name}
    return found


def points(name: str, notebook: str) -> dict[str, float]:
    """Graded cell to points, those that a person grades included."""
    found = (c.metadata for c in template(name, notebook).cells if utils.is_grade(c))
    return {about.nbgrader.grade_id: float(about.nbgrader.points) for about in found}


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell is graded by running it, and not by a person."""
    code = cell.cell_type == "code" and utils.is_grade(cell)
    return code and not utils.is_solution(cell)


def without_hidden(source: str) -> str:
    """The text of a test cell as students got it."""
    cell = nbformat.v4.new_code_cell(source)
    ClearHiddenTests()._remove_hidden_test_region(cell)
    return cell.source


def publish(name: str, target: Path) -> None:
    """Copy the files beside the notebooks, data and modules, to where `target` is."""
    for path in sorted(folder(name).rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix != ".ipynb":
            place = target / path.relative_to(folder(name))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


# grading


def grade(
    name: str, cells: Sequence[NotebookNode], unreadable: str = ""
) -> tuple[dict[str, Verdict], list[CellResult]]:
    """Run all code cells in order: a verdict for each test cell, and their outputs."""
    if unreadable:
        return _unchecked(cells, unreadable), []
    try:
        results = _run(name, cells)
    except (GraderFault, OSError, MemoryError) as error:
        log.error("%s could not be graded: %s", name, error)
        return _unchecked(cells, "The grader failed."), []
    pairs = list(zip(cells, results, strict=True))
    verdicts = {_name(c): _verdict(c, result) for c, result in pairs if is_test(c)}
    return verdicts, [_shown(*pair) for pair in pairs]


def _unchecked(cells: Sequence[NotebookNode], reason: str) -> dict[str, Verdict]:
    """No test could be run, for a reason that a person has to look at."""
    text = f"Could not be checked: {reason}"
    tests = filter(is_test, cells)
    return {_name(c): _made(c, "could_not_check", 0.0, text) for c in tests}


def _run(name: str, cells: Sequence[NotebookNode]) -> list[CellResult]:
    """What a student's cells print comes from a run that never saw a hidden test."""
    with tempfile.TemporaryDirectory() as place:
        publish(name, Path(place))
        hidden = [is_test(cell) and HIDDEN in cell.source for cell in cells]
        open_ones = ["" if h else c.source for c, h in zip(cells, hidden, strict=True)]
        results = _session(open_ones, Path(place))
        if any(hidden):
            every = _session([cell.source for cell in cells], Path(place))
            results = [every[n] if h else results[n] for n, h in enumerate(hidden)]
        return results


def _session(sources: list[str], place: Path) -> list[CellResult]:
    with sandboxes.fitting(sources).open(place) as session:
        try:
            return session.run(sources)
        except faults.Ended as end:
            log.info("%s", end)
            return [CellResult("crashed") for _ in sources]


def _verdict(cell: NotebookNode, result: CellResult) -> Verdict:
    of = float(cell.metadata.nbgrader.points)
    if result.status == "ok":
        earned = _partial(cell, result, of)
        if earned is None:
            text = "Could not be checked: the number of points did not come out."
            return _made(cell, "could_not_check", 0.0, text)
        status = "full" if earned == of else "partial" if earned else "wrong"
        text = "it raised nothing" if earned == of else f"it gave {number(earned)}"
        return _made(cell, status, earned, f"{text} ({UNTRUSTED}).")
    if result.status == "error":
        said = f"it raised {_kind(result)} ({UNTRUSTED})."
        return _made(cell, "wrong", 0.0, said)
    # An error's own text may be a hidden test's, and so may the line that names a cell.
    said = _ENDS.get(result.status, "It ended.")
    if result.status != "memory" and HIDDEN not in cell.source:
        said = next((o["evalue"] for o in result.outputs if "evalue" in o), "It ended.")
    return _made(cell, result.status, 0.0, f"{said.rstrip('.')} ({UNTRUSTED}).")


def _made(cell: NotebookNode, status: str, earned: float, text: str) -> Verdict:
    line = Line(_ASPECT, earned, float(cell.metadata.nbgrader.points), text)
    return Verdict(_name(cell), "Test", status, (line,), text)


def _partial(cell: NotebookNode, result: CellResult, of: float) -> float | None:
    """nbgrader's partial credit: a cell whose last line is a number earns that, here
    within bounds. None where there should be a number and is none: a student's prints
    can push it out, and a student's object be shown in its place."""
    shown = [o for o in result.outputs if o["output_type"] == "execute_result"]
    for output in shown:
        text = output["data"].get("text/plain", "")
        if re.fullmatch(r"-?\d{1,6}(\.\d{1,20})?", text):
            told = round(float(text), 2) if HIDDEN in cell.source else float(text)
            return min(max(told, 0.0), of)
    last = _last_line(cell.source)
    called = isinstance(last, ast.Call) and not _counts(last)
    if last is None or (called and not shown and not _cut(result)):
        return of
    return None


def _last_line(source: str) -> ast.expr | None:
    """The expression that a cell shows at its end; a text is no grade."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):  # an IPython command
        return None
    if not body or not isinstance(body[-1], ast.Expr) or source.rstrip().endswith(";"):
        return None
    value = body[-1].value
    text = isinstance(value, ast.Constant) and isinstance(value.value, str | None)
    return None if text else value


def _counts(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in _NUMBERS


def _cut(result: CellResult) -> bool:
    return any(mark in o.get("text", "") for o in result.outputs for mark in _CUT)


def _kind(result: CellResult) -> str:
    found = next((o["ename"] for o in result.outputs if "ename" in o), "")
    return found if found in discretion.ERRORS else "an error"


def _shown(cell: NotebookNode, result: CellResult) -> CellResult:
    """Nothing that nbgrader would take for a grade, and nothing of hidden tests."""
    if not is_test(cell):
        return result
    if HIDDEN in cell.source:
        return CellResult(result.status)
    return CellResult(result.status, [_plain(output) for output in result.outputs])


def _plain(output: Mapping) -> dict:
    found = dict(output)
    if found["output_type"] == "stream":
        found["name"] = "stdout"  # nbgrader gives no points where a warning was printed
    if found["output_type"] == "execute_result":
        found["output_type"] = "display_data"
        del found["execution_count"]
    return found


def _name(cell: NotebookNode) -> str:
    return str(cell.metadata.nbgrader.grade_id)
