"""nbgrader's seams: plain `nbgrader autograde`, NbGraderAPI and formgrader grade here.

    Release         derives an exercise anew before it is released
    HandIns         reads a submission within bounds and rebuilds the notebook
    Examine         runs its cells in the sandbox, writes verdicts into check cells
    SaveVerdicts    writes the gradebook; what could not be checked needs a person
    put_back, find_notebook, keep_timestamp      hooks of the converters

nbgrader_config.py plugs them in by name.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from sqlalchemy.exc import DatabaseError

from autograder import derive, discretion, grading, intake, own
from autograder.exercise import ROOT, ExerciseError, load, slugs
from autograder.rebuild import MARK, copied, emptied, put_into, rebuild, refused
from autograder.sandbox.session import GraderFault
from autograder.secret import course_secret
from unrolled import report
from unrolled.verdict import Verdict

log = logging.getLogger(__name__)


class Release(NotebookExporter):
    """Makes the instructor's notebook anew, so that no stale one is released."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        course = self.parent.coursedir
        if own.is_own(course.assignment_id):
            return
        try:
            derive.derive(course.assignment_id)
        except ExerciseError as error:
            _stop(course, str(error))

    def from_filename(
        self, filename: str, resources: Any = None, **kwargs: Any
    ) -> tuple[str, Any]:
        course = self.parent.coursedir
        slug = course.assignment_id
        if own.is_own(slug):
            place = course.format_path(course.release_directory, ".", slug)
            own.publish(slug, Path(place))
        return super().from_filename(filename, resources, **kwargs)


def make_sources() -> None:
    """Write the instructor's notebooks that are missing: nbgrader looks for them
    before it loads anything of ours. One broken exercise leaves the others usable."""
    for slug in slugs():
        path = derive.source_path(slug)
        if path.exists():
            continue
        try:
            text = derive.notebook_text(derive.source_notebook(load(slug)))
        except Exception as error:  # whatever is wrong in its solutions/ folder
            log.warning("%s has no instructor's notebook: %s", slug, error)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _stop(course: Any, sentence: str) -> NoReturn:
    """End the command with one sentence; nothing has been changed yet."""
    course.log.error(sentence)
    raise NbGraderException(sentence)


class HandIns(NotebookExporter):
    """Reads what is in submitted/; what is in autograded/ is ours, and read as it is.

    An unreadable hand-in becomes a notebook that says so, and the batch goes on.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        course = self.parent.coursedir
        # nbgrader would open a link, a pipe or a gigabyte of this name
        course.get_existing_timestamp = lambda folder: intake.timestamp(Path(folder))
        same_exercise(course)
        _without_notebook(self.parent.assignments, course)

    def from_filename(
        self, filename: str, resources: Any = None, **kwargs: Any
    ) -> tuple[str, Any]:
        about = resources["nbgrader"]
        course = self.parent.coursedir
        folder = course.format_path(
            course.submitted_directory, about["student"], about["assignment"]
        )
        if Path(filename).parent != Path(folder):
            return super().from_filename(filename, resources, **kwargs)
        clear_grades(about)
        notebook = taken_in(about["assignment"], Path(filename))
        for note in notebook.metadata[MARK]["notes"]:
            self.log.warning("%s: %s", about["student"], note)
        resources["metadata"] = {"name": about["notebook"], "path": folder}
        return self.from_notebook_node(notebook, resources, **kwargs)


def _without_notebook(assignments: dict[str, list[str]], course: Any) -> None:
    """nbgrader passes over a folder without a notebook; a person should know of it."""
    slug, place = course.assignment_id, course.submitted_directory
    names = _notebooks(slug)
    for folder in glob.glob(course.format_path(place, course.student_id, slug)):
        if Path(folder).is_dir():
            assignments.setdefault(folder, [f"{folder}/{name}.ipynb" for name in names])


def _notebooks(slug: str) -> list[str]:
    """The notebooks that a hand-in should have."""
    return own.notebooks(slug) if own.is_own(slug) else [slug]


def taken_in(slug: str, expected: Path) -> NotebookNode:
    """The rebuilt notebook of the hand-in that should be at `expected`."""
    ours = own.template(slug, expected.stem) if own.is_own(slug) else None
    beside = [f"{name}.ipynb" for name in _notebooks(slug)]
    try:
        hand_in = intake.opened(intake.fetch(expected, beside))
        return put_into(ours, hand_in) if ours else rebuild(slug, hand_in)
    except intake.Unreadable as reason:
        return emptied(ours, str(reason)) if ours else refused(slug, str(reason))


def same_exercise(course: Any) -> None:
    """The gradebook must know the exercise as it is now."""
    slug = course.assignment_id
    try:
        points = {name: _points(slug, name) for name in _notebooks(slug)}
    except ExerciseError as error:
        _stop(course, str(error))
    try:
        with Gradebook(course.db_url, course.course_id) as book:
            known = {
                name: {
                    cell.name: cell.max_score
                    for cell in book.find_notebook(name, slug).grade_cells
                }
                for name in points
            }
    except MissingEntry:
        return  # nbgrader itself says what to do
    except DatabaseError as error:
        _stop(course, f"The gradebook cannot be used: {error.orig}.")
    if known != points:
        place = own.folder(slug).relative_to(ROOT) if own.is_own(slug) else ""
        sentence = (
            f"{place or f'solutions/{slug}'} has changed since its release: run "
            f"`nbgrader generate_assignment {slug} --force`, then grade again."
        )
        _stop(course, sentence)


def _points(slug: str, notebook: str) -> dict[str, float]:
    if own.is_own(slug):
        return own.points(slug, notebook)
    return {f"check_{name}": task.total for name, task in load(slug).graded.items()}


def clear_grades(about: dict[str, Any]) -> None:
    """Forget the automatic grades of an earlier hand-in: until the new one is judged,
    whatever happens, it needs a person."""
    with Gradebook(about["db_url"]) as book, contextlib.suppress(MissingEntry):
        found = book.find_submission_notebook(
            about["notebook"], about["assignment"], about["student"]
        )
        for grade in found.grades:
            grade.auto_score = None
            grade.needs_manual_grade = True
        book.db.commit()


class Examine(NbGraderPreprocessor):
    """Runs the student's cells where they can harm nobody, and judges the answers."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        slug = resources["nbgrader"]["assignment"]
        if own.is_own(slug):
            return self._own(slug, nb), resources
        checks = [cell for cell in nb.cells if utils.is_grade(cell)]
        cells = [c for c in nb.cells if c.cell_type == "code" and c not in checks]
        graded = self._graded(slug, nb.metadata[MARK], cells)
        for cell, result in zip(cells, graded.results, strict=False):
            cell.outputs = nbformat.from_dict(discretion.without_paths(result.outputs))
        for cell in checks:
            name = cell.metadata["nbgrader"]["grade_id"].removeprefix("check_")
            cell.execution_count = None
            cell.outputs = outputs(graded.verdicts[name])
        return nb, resources

    def _own(self, slug: str, nb: NotebookNode) -> NotebookNode:
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        unreadable = nb.metadata[MARK].get("unreadable", "")
        verdicts, results = own.grade(slug, cells, unreadable)
        for cell, result in itertools.zip_longest(cells, results):
            found = discretion.without_paths(result.outputs) if result else []
            if own.is_test(cell):
                found = outputs(verdicts[cell.metadata.nbgrader.grade_id]) + found
            cell.execution_count = None
            cell.outputs = nbformat.from_dict(found)
        return nb

    def _graded(
        self, slug: str, about: Any, cells: list[NotebookNode]
    ) -> grading.Graded:
        if "unreadable" in about:
            return grading.unchecked(slug, about["unreadable"])
        try:
            secret = course_secret(derive.grading_folder())
        except (GraderFault, OSError) as error:
            self.log.error("%s", error)
            return grading.unchecked(slug, f"the grader failed ({error}).")
        spare = [n for n, cell in enumerate(cells) if MARK in cell.metadata]
        sources = [cell.source for cell in cells]
        return grading.grade(slug, sources, secret, spare=spare)


def outputs(verdict: Verdict) -> list[NotebookNode]:
    """A verdict as a check cell's outputs, which nbgrader reads the points from."""
    return copied(_outputs(verdict))


@lru_cache(maxsize=256)
def _outputs(verdict: Verdict) -> list[NotebookNode]:
    """Most of a class has the same verdicts. No result means full points to nbgrader,
    and a number that many."""
    told = discretion.untroubled(verdict)
    data = {
        "text/plain": report.text(told),
        "text/html": report.html(told),
        report.VERDICT_MIME: verdict.to_dict(),  # the instructor's: no page shows it
    }
    found = [new_output("display_data", data=nbformat.from_dict(data))]
    if verdict.points < verdict.of and verdict.status != "could_not_check":
        number = {"text/plain": f"{verdict.points:g}"}
        found.append(new_output("execute_result", data=number))
    return found


class SaveVerdicts(SaveAutoGrades):
    """nbgrader's own, but a check that could not be made is no zero."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        if "unreadable" in nb.metadata.get(MARK, {}):
            return nb, resources
        return super().preprocess(nb, resources)

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:
        if utils.is_solution(cell):  # an answer, which a person grades
            super()._add_score(cell, resources)
            return
        data = cell.outputs[0].get("data", {}) if cell.get("outputs") else {}
        status = data.get(report.VERDICT_MIME, {}).get("status", "could_not_check")
        if status != "could_not_check":
            super()._add_score(cell, resources)
        # else the grade stays as `clear_grades` left it: open, and for a person


# hooks: nbgrader calls them with keywords, and logs and forgets what they raise


def find_notebook(assignment: str, student: str, notebooks: list[str]) -> None:
    """Before a hand-in is converted: have the expected notebook converted, also where
    it is missing or was renamed; `HandIns` says so in it."""
    names = (f"{name}.ipynb" for name in _notebooks(assignment))
    notebooks[:] = [str(Path(notebooks[0]).with_name(name)) for name in names]


def keep_timestamp(assignment: str, student: str, notebooks: list[str]) -> None:
    """After a hand-in was converted: keep its time beside the result, by which
    nbgrader knows a newer hand-in. No other file of a student is copied."""
    source = Path(notebooks[0]).parent
    made = intake.timestamp(source)
    if made is None:
        return
    stages = {"submitted": "autograded", "autograded": "feedback"}
    step = source.parent.parent
    target = step.with_name(stages[step.name]) / source.parent.name / source.name
    path = target / "timestamp.txt"
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.write_text(f"{made} UTC\n", "utf-8")


def put_back(assignment: str, student: str, notebooks: list[str]) -> None:
    """After a release: nbgrader's --force empties the folder; write the rest again."""
    if not own.is_own(assignment):
        derive.derive(assignment)


__all__ = ["Examine", "HandIns", "SaveVerdicts"]
