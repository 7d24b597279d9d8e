"""The one writer of a run's results into nbgrader's gradebook and autograded/.

What lies there afterwards is what `nbgrader autograde` leaves: formgrader, feedback and
export cannot tell the difference. Some students are one transaction, in which their old
grades give way to the new ones: all of it happens, or nothing.
"""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import AssignLatePenalties

from autograder import derive, intake, plugin
from autograder.exercise import ROOT
from autograder.faults import GraderFault
from autograder.rows import Rows

MARK = "graded.key"  # beside an autograded notebook; gone when nbgrader replaces it
TOGETHER = 40  # students in one transaction


def course() -> NbGrader:
    """The course as nbgrader_config.py describes it."""
    app = NbGrader()
    app.log_level = "WARN"
    app.initialize([], root=str(ROOT))
    return app


class Entry(NamedTuple):
    """One student's result, and the folder of what was handed in."""

    student: str
    folder: Path
    result: Mapping[str, Any]


class Writer:
    """Writes one exercise's results, some students at a time."""

    def __init__(self, slug: str, app: NbGrader) -> None:
        self.slug = slug
        self.dirs = app.coursedir
        self.dirs.assignment_id = slug
        self._late = AssignLatePenalties(parent=app)
        self._book: Gradebook | None = None

    def ready(self) -> None:
        """GraderFault unless the gradebook knows the exercise as it is now."""
        derive.grading_folder().mkdir(parents=True, exist_ok=True)
        try:
            plugin.same_exercise(self.dirs)
            self._rows = Rows(self.book, self.slug)
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

    def write(self, entries: Sequence[Entry]) -> None:
        """These students' results, in one transaction."""
        for student, _, _ in entries:
            if (place := self._place(student)).exists():
                utils.rmtree(str(place))
        with _one_transaction(self.book):
            self._grades(entries)
        for student, folder, result in entries:
            place = self._place(student)
            place.mkdir(parents=True)
            path = place / f"{self.slug}.ipynb"
            path.write_text(result["notebook"], "utf-8")
            path.chmod(0o444)
            plugin.keep_timestamp(self.slug, student, [str(folder / path.name)])
            (place / MARK).write_text(_mark(folder, result["key"]))

    def _place(self, student: str) -> Path:
        to = self.dirs.autograded_directory
        return Path(self.dirs.format_path(to, student, self.slug))

    def _grades(self, entries: Sequence[Entry]) -> None:
        self._rows.enter({e.student: intake.timestamp(e.folder) for e in entries})
        self._rows.fill({e.student: e.result["marks"] for e in entries})
        self.book.db.expire_all()
        for student, _, _ in entries if self._rows.due else ():
            self._penalty(student)

    def _penalty(self, student: str) -> None:
        """As AssignLatePenalties does it, in the transaction that is open."""
        late = self.book.find_submission(self.slug, student).total_seconds_late
        if late > 0:
            found = self.book.find_submission_notebook(self.slug, self.slug, student)
            self._late.init_plugin()
            rule = self._late.plugin_inst.late_submission_penalty
            penalty = rule(student, found.score, late)
            if penalty is not None:
                penalty = self._late._check_late_penalty(found, penalty)
            found.late_submission_penalty = penalty


def marks(notebook: NotebookNode) -> dict[str, dict[str, Any]]:
    """What nbgrader's own step reads from a graded notebook: scores and comments by
    cell. No score is one that a person has to give."""
    scores: dict[str, Any] = {}
    comments: dict[str, Any] = {}
    step = plugin.SaveVerdicts()
    step.gradebook = SimpleNamespace(
        find_grade=lambda name, *_: scores.setdefault(name, _blank()),
        find_comment=lambda name, *_: comments.setdefault(name, _blank()),
        db=SimpleNamespace(commit=lambda: None),
    )
    step.notebook_id = step.assignment_id = step.student_id = ""
    if "unreadable" not in notebook.metadata.get(plugin.MARK, {}):
        for number, cell in enumerate(notebook.cells):
            step.preprocess_cell(cell, {}, number)
    return {
        "scores": {name: grade.auto_score for name, grade in scores.items()},
        "comments": {name: note.auto_comment for name, note in comments.items()},
    }


def _blank() -> SimpleNamespace:
    return SimpleNamespace(auto_score=None, manual_score=None, auto_comment=None)


@contextlib.contextmanager
def _one_transaction(book: Gradebook) -> Iterator[None]:
    """All that is written in it, or nothing."""
    try:
        yield
    except BaseException:
        book.db.rollback()
        raise
    book.db.commit()


def _mark(folder: Path, key: str) -> str:
    return f"{key} {intake.timestamp(folder)}"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
