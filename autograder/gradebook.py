"""The one writer of a run's results into nbgrader's gradebook and autograded/.

What lies there afterwards is what `nbgrader autograde` leaves: formgrader, feedback and
export cannot tell the difference. One student is one transaction, in which the old
grades are cleared before the new ones are set.
"""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import AssignLatePenalties, NbGraderPreprocessor

from autograder import derive, intake, plugin
from autograder.exercise import ROOT
from autograder.faults import GraderFault

MARK = "graded.key"  # beside an autograded notebook; gone when nbgrader replaces it


def course() -> NbGrader:
    """The course as nbgrader_config.py describes it."""
    app = NbGrader()
    app.log_level = "WARN"
    app.initialize([], root=str(ROOT))
    return app


class Writer:
    """Writes one exercise's results, one student after another."""

    def __init__(self, slug: str, app: NbGrader) -> None:
        self.slug = slug
        self.dirs = app.coursedir
        self.dirs.assignment_id = slug
        self._late = AssignLatePenalties(parent=app)
        self._book: Gradebook | None = None
        self._names: dict[str, str] = {}  # of cells; one by one they are a query each

    def ready(self) -> None:
        """GraderFault unless the gradebook knows the exercise as it is now."""
        derive.grading_folder().mkdir(parents=True, exist_ok=True)
        try:
            plugin.same_exercise(self.dirs)
            found = self.book.find_notebook(self.slug, self.slug)
            cells = (*found.grade_cells, *found.solution_cells, *found.task_cells)
            self._names = {cell.id: cell.name for cell in cells}
        except NbGraderException as error:
            raise GraderFault(str(error)) from None
        except MissingEntry:
            raise GraderFault(
                f"The gradebook does not know {self.slug}: run "
                f"`nbgrader generate_assignment {self.slug} --force` first."
            ) from None

    @property
    def book(self) -> Gradebook:
        if self._book is None:
            self._book = Gradebook(self.dirs.db_url, self.dirs.course_id)
        return self._book

    def close(self) -> None:
        if self._book is not None:
            self._book.close()

    def hand_ins(self) -> dict[str, Path]:
        """Student -> the folder of what was handed in."""
        place = self.dirs.submitted_directory
        found = glob.glob(self.dirs.format_path(place, "*", self.slug))
        folders = (Path(name) for name in sorted(found))
        return {f.parent.name: f for f in folders if f.is_dir()}

    def has(self, student: str, folder: Path, key: str) -> bool:
        """Whether this very result is in autograded/, and so in the gradebook."""
        return bool(key) and _text(self._place(student) / MARK) == _mark(folder, key)

    def write(self, student: str, folder: Path, result: dict[str, Any]) -> None:
        """One student's result, in one transaction."""
        text = result["notebook"]
        place = self._place(student)
        if place.exists():
            utils.rmtree(str(place))
        with _one_transaction(self.book):
            self._grades(student, folder, nbformat.v4.reads(text))
        place.mkdir(parents=True)
        path = place / f"{self.slug}.ipynb"
        path.write_text(text, "utf-8")
        path.chmod(0o444)
        plugin.keep_timestamp(self.slug, student, [str(folder / path.name)])
        (place / MARK).write_text(_mark(folder, result["key"]))

    def _place(self, student: str) -> Path:
        to = self.dirs.autograded_directory
        return Path(self.dirs.format_path(to, student, self.slug))

    def _grades(self, student: str, folder: Path, notebook: NotebookNode) -> None:
        book, slug = self.book, self.slug
        book.update_or_create_student(student)
        made = intake.timestamp(folder)
        about = {"timestamp": made} if made else {}
        hand_in = book.update_or_create_submission(slug, student, **about)
        found = book.find_submission_notebook(slug, slug, student)
        for grade in found.grades:
            grade.auto_score, grade.needs_manual_grade = None, True
        _Save(found, self._names).preprocess(notebook, {})
        self._penalty(student, hand_in, found)

    def _penalty(self, student: str, hand_in: Any, found: Any) -> None:
        """As AssignLatePenalties does it, in the transaction that is open."""
        found.late_submission_penalty = None
        late = hand_in.total_seconds_late
        if late > 0:
            self._late.init_plugin()
            rule = self._late.plugin_inst.late_submission_penalty
            self.book.db.flush()
            penalty = rule(student, found.score, late)
            if penalty is not None:
                penalty = self._late._check_late_penalty(found, penalty)
            found.late_submission_penalty = penalty


class _Save(plugin.SaveVerdicts):
    """nbgrader's own, on one student's rows, fetched once."""

    def __init__(self, found: Any, names: dict[str, str]) -> None:
        super().__init__()
        grades = {names[grade.cell_id]: grade for grade in found.grades}
        comments = {names[comment.cell_id]: comment for comment in found.comments}
        self.notebook_id = self.assignment_id = self.student_id = ""
        self.gradebook = SimpleNamespace(
            find_grade=lambda name, *_: grades[name],
            find_comment=lambda name, *_: comments[name],
            db=SimpleNamespace(commit=lambda: None),
        )

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        return NbGraderPreprocessor.preprocess(self, nb, resources)


@contextlib.contextmanager
def _one_transaction(book: Gradebook) -> Iterator[None]:
    """What nbgrader would commit bit by bit becomes one commit, or none."""
    session = book.db()
    session.commit = session.flush
    try:
        yield
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.commit
    session.commit()


def _mark(folder: Path, key: str) -> str:
    return f"{key} {intake.timestamp(folder)}"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
