"""Make everything that follows from `solutions/`: the same bytes every time.

    solutions/NN-slug/notebook.py  ->  _grading/source/NN-slug/NN-slug.ipynb
                                       exercises/NN-slug/NN-slug.ipynb
    ... with cases.py and bugs.py  ->  exercises/NN-slug/checks.npz

The student's notebook is made by nbgrader's own preprocessors, so that
`nbgrader generate_assignment` gives the same file.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from autograder import oracle
from autograder.exercise import EXERCISES, ROOT, Exercise, ExerciseError, load, slugs
from unrolled import checks
from unrolled.seal import seal
from unrolled.task import Case, Task

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def grading_folder() -> Path:
    """Where submissions, the gradebook and the instructor's notebooks lie."""
    return ROOT / os.environ.get("UNROLLED_GRADING", "_grading")


def source_path(slug: str) -> Path:
    return grading_folder() / "source" / slug / f"{slug}.ipynb"


def release_path(slug: str) -> Path:
    return EXERCISES / slug / f"{slug}.ipynb"


def checks_path(slug: str) -> Path:
    return EXERCISES / slug / "checks.npz"


class TaskStubs(ClearSolutions):
    """nbgrader's ClearSolutions, with a stub that says which task is still open."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: Any, cell_index: int
    ) -> tuple[NotebookNode, Any]:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        slug = resources["nbgrader"]["assignment"]
        if slug not in slugs():  # an assignment of the instructor's own
            return super().preprocess_cell(cell, resources, cell_index)
        task = load(slug).graded.get(name)
        label = f"{task.label}: {name}" if task else "paste your functions here"
        self.code_stub = {"python": f'raise NotImplementedError("{label}")'}
        if task is None:
            self.code_stub = {"python": f"# {label}"}
        return super().preprocess_cell(cell, resources, cell_index)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        nb.metadata.get("unrolled", {}).pop("digest", None)
        return super().preprocess(nb, resources)


RELEASE_STEPS = (
    LockCells,
    TaskStubs,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    CheckCellMetadata,
)


def source_notebook(exercise: Exercise) -> NotebookNode:
    """The instructor's notebook: the author's text with nbgrader's metadata."""
    cells = [_cell(exercise, cell, n) for n, cell in enumerate(exercise.cells)]
    names = [cell.id for cell in cells]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ExerciseError(
            f"{exercise.slug}: two cells are called {', '.join(sorted(twice))}; "
            "give each its own name in notebook.py."
        )
    metadata = {
        "kernelspec": KERNEL,
        "language_info": {"name": "python"},
        "unrolled": {"exercise": exercise.slug},
    }
    made = new_notebook(cells=cells, metadata=metadata)
    made.metadata["unrolled"]["digest"] = digest(made)
    return made


def name_of(cell: NotebookNode) -> str:
    """What a cell is called, however Jupyter saved it."""
    return cell.metadata.get("nbgrader", {}).get("grade_id") or cell.id


def content(cell: NotebookNode) -> tuple[str, str, str]:
    """What an author can change in a cell; not its outputs, nor how often it ran."""
    found = cell.metadata.get("nbgrader", {})
    kept = {k: found[k] for k in sorted(found) if k != "checksum"}
    return cell.cell_type, cell.source, json.dumps(kept)


def digest(notebook: NotebookNode) -> str:
    text = json.dumps([content(cell) for cell in notebook.cells])
    return hashlib.sha256(text.encode()).hexdigest()


def base_of(notebook: NotebookNode) -> str:
    """The digest of the notebook when it was derived."""
    return str(notebook.metadata.get("unrolled", {}).get("digest", ""))


def edited_by_hand(notebook: NotebookNode) -> bool:
    return digest(notebook) != base_of(notebook)


def _cell(exercise: Exercise, cell: NotebookNode, number: int) -> NotebookNode:
    if cell.cell_type == "markdown":
        text = _filled(cell.source, exercise)
        return new_markdown_cell(text, id=f"text-{number:02d}")
    metadata = _nbgrader(exercise, cell)
    name = metadata["grade_id"].replace("_", "-") if metadata else f"look-{number:02d}"
    made = new_code_cell(cell.source, id=name)
    if metadata:
        made.metadata["nbgrader"] = metadata
    return made


def _nbgrader(exercise: Exercise, cell: NotebookNode) -> dict[str, Any] | None:
    kinds = [k for k in ("given", "solution", "check") if k in cell.metadata]
    if not kinds:
        return None
    kind, name = kinds[0], cell.metadata[kinds[0]]
    found = {
        "grade": kind == "check",
        "grade_id": name if kind == "solution" else f"{kind}_{name}",
        "locked": kind != "solution",
        "schema_version": 3,
        "solution": kind == "solution",
        "task": False,
        "cell_type": "code",
    }
    if kind == "check":
        if name not in exercise.graded:
            raise ExerciseError(
                f"{exercise.slug}: the check cell {name!r} has no task with points; "
                "add it to TASKS in cases.py."
            )
        found["points"] = exercise.graded[name].total
    return found


def _filled(text: str, exercise: Exercise) -> str:
    """`{task:rnn_forward}` in prose becomes the line that heads an exercise."""

    def heading(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in exercise.tasks:
            raise ExerciseError(f"{exercise.slug}: {{task:{name}}} names no task.")
        return task_line(exercise.tasks[name])

    return re.sub(r"\{task:(\w+)\}", heading, text)


def task_line(task: Task) -> str:
    stars = "●" * task.difficulty + "○" * (3 - task.difficulty)
    return (
        f"**{task.label}** `{task.name}` · {task.minutes} minutes · "
        f"difficulty {stars} · {task.total} points"
    )


def release_notebook(exercise: Exercise) -> NotebookNode:
    """The student's notebook: solutions cleared by nbgrader's own preprocessors."""
    notebook = copy.deepcopy(source_notebook(exercise))
    resources = {"nbgrader": {"assignment": exercise.slug, "notebook": exercise.slug}}
    for step in RELEASE_STEPS:
        notebook, _ = step().preprocess(notebook, resources)
    return notebook


def public_checks(exercise: Exercise) -> checks.Checks:
    """The public cases, the reference's outputs and what each known bug gives."""
    slug = exercise.slug
    cases = {
        name: tuple(_sealed(task, case) for case in oracle.cases(slug, name))
        for name, task in exercise.tasks.items()
    }
    bugs = {name: oracle.bugs(slug, name, cases[name]) for name in exercise.graded}
    return checks.Checks(slug, exercise.tasks, cases, bugs, oracle.data(slug))


def _sealed(task: Task, case: Case) -> Case:
    """A quiz's answers can be tried at home, not read."""
    if not task.quiz:
        return case
    (name,) = task.arrays
    answers = case.expected[name]
    return replace(case, expected={name: seal(answers)}, sealed=np.size(answers))


def notebook_text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook, version=4) + "\n"


def derive(slug: str, overwrite: bool = False) -> list[Path]:
    """Write what is derived from one exercise; the paths that changed.

    Raises ExerciseError, with nothing written, where the instructor's notebook was
    edited by hand and the edit is not adopted yet, unless `overwrite`.
    """
    exercise = load(slug)
    if not overwrite:
        _keep_edits(slug)
    made = {
        source_path(slug): notebook_text(source_notebook(exercise)).encode(),
        release_path(slug): notebook_text(release_notebook(exercise)).encode(),
    }
    fresh = public_checks(exercise)
    if not same_checks(checks_path(slug), fresh):
        made[checks_path(slug)] = checks.write(fresh)
    return [path for path, data in made.items() if _write(path, data)]


def _keep_edits(slug: str) -> None:
    path = source_path(slug)
    if path.is_file() and edited_by_hand(nbformat.read(path, as_version=4)):
        raise ExerciseError(
            f"{path.relative_to(ROOT)} was edited by hand: run `make adopt` to bring "
            "the edit back into solutions/, or delete the file to drop it."
        )


def _write(path: Path, data: bytes) -> bool:
    """Put `data` at `path` in one step; False if it was there already."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(data)
    part.replace(path)
    return True


def stale(slug: str) -> list[str]:
    """One sentence for each derived file that does not follow from its source."""
    exercise, found = load(slug), []
    path = release_path(slug)
    wanted = notebook_text(release_notebook(exercise))
    if not path.is_file():
        found.append(f"exercises/{slug}/{path.name} is missing: run `make derive`.")
    elif path.read_text("utf-8") != wanted:
        found.append(
            f"exercises/{slug}/{path.name} is not what solutions/{slug} gives: it is "
            "stale or was edited by hand. Edit solutions/, then run `make derive`."
        )
    if not same_checks(checks_path(slug), public_checks(exercise)):
        found.append(f"exercises/{slug}/checks.npz is stale: run `make derive`.")
    allowed = {f"{slug}.ipynb", "checks.npz"}
    folder = EXERCISES / slug
    extra = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    for name in sorted(set(extra) - allowed - {".ipynb_checkpoints"}):
        found.append(f"exercises/{slug}/{name} is not derived: remove it.")
    return found


def stale_everywhere() -> list[str]:
    return [sentence for slug in slugs() for sentence in stale(slug)]


def same_checks(path: Path, fresh: checks.Checks) -> bool:
    """Whether the file holds `fresh`: to the last digits, in which processors may
    differ, so that a checks.npz made elsewhere is not called stale."""
    try:
        there = checks.read(path)
    except ValueError:
        return False
    return _same(_tree(there), _tree(fresh))


def _tree(value: checks.Checks) -> dict[str, Any]:
    return {
        "exercise": value.exercise,
        "tasks": {n: vars(t) for n, t in value.tasks.items()},
        "cases": {n: [vars(c) for c in cs] for n, cs in value.cases.items()},
        "bugs": {n: [vars(b) for b in bs] for n, bs in value.bugs.items()},
        "data": dict(value.data),
    }


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_same(a, b) for a, b in pairs)
    if isinstance(one, (np.ndarray, np.generic)):
        a, b = np.asarray(one), np.asarray(other)
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if a.dtype.kind != "f":
            return bool((a == b).all())
        loose = 1e-4 if a.dtype == np.float32 else 1e-9
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
        return bool(np.allclose(a, b, rtol=0, atol=loose * scale, equal_nan=True))
    return bool(one == other)
