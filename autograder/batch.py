"""Grade all hand-ins of an exercise: what changed, in parallel; the gradebook serially.

    summary = Batch(slug).run(progress)

Each result is on disk as soon as it is there, so a run that is stopped or killed goes
on where it was. This process alone writes the gradebook, some students at a time,
while the workers grade the next ones.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autograder import intake, interrupt, ledger, oracle, worker
from autograder.exercise import load
from autograder.gradebook import TOGETHER, Entry, Writer, course
from autograder.ledger import Ledger
from autograder.pool import Pool
from autograder.sandbox import sandboxes
from autograder.worker import Order

LONGEST = 120  # characters of a student's name that nbgrader and a file system take

log = logging.getLogger(__name__)


class Progress(Protocol):
    """Who is told how far a run is."""

    def begin(self, what: str, total: int) -> None: ...

    def step(self, status: str) -> None: ...


@dataclass(frozen=True)
class Choice:
    """How a run is to be done."""

    students: Sequence[str] = ()
    workers: int | None = None
    scheduler: str | None = None
    unsafe: bool = False
    force: bool = False


@dataclass
class Summary:
    """What a run did; `heads` are the results of the class without their notebooks."""

    heads: dict[str, dict[str, Any]] = field(default_factory=dict)
    graded: int = 0  # hand-ins that were run; equal ones are run once
    kept: int = 0  # students whose result was known already
    written: int = 0  # students whose grade was written anew
    seconds: float = 0.0
    workers: int = 0

    @property
    def open(self) -> list[str]:
        """The students whose hand-in needs a person."""
        status = "could_not_check"
        return [name for name, head in self.heads.items() if head["status"] == status]


class Batch:
    """One run over the hand-ins of one exercise."""

    def __init__(self, slug: str, choice: Choice = Choice()) -> None:
        self.slug, self.choice = slug, choice
        self.ledger = Ledger(slug)
        self.summary = Summary()
        self._here = ledger.course(slug)
        self._folders: dict[str, Path] = {}
        self._line: deque[str] = deque()  # who is to be written, in this order
        self._out: set[str] = set()  # whose hand-in is still to be graded
        self._next: list[str] = []  # who will be written in one transaction

    def run(self, progress: Progress) -> Summary:
        """GraderFault, before anything is changed, if it cannot be done here."""
        writer = Writer(self.slug, course())
        with self.ledger.held():
            try:
                writer.ready()
                self._folders = self._chosen(writer.hand_ins())
                self._line.extend(self._folders)
                self._grade(self._changed(), writer, progress)
                progress.begin("gradebook", len(self._line))
                self._enter(writer, progress)
            finally:
                writer.close()
        self.summary.heads = {name: self.ledger.head(name) for name in self._folders}
        return self.summary

    def _chosen(self, found: dict[str, Path]) -> dict[str, Path]:
        wanted = self.choice.students
        if missing := [name for name in wanted if name not in found]:
            raise FileNotFoundError(
                f"{', '.join(missing)} handed in no {self.slug}: names are those of "
                "the folders in _grading/submitted."
            )
        kept = {n: folder for n, folder in found.items() if n in wanted or not wanted}
        return {n: folder for n, folder in kept.items() if _named(n)}

    def _order(self, packet: intake.Packet) -> Order:
        choice = self.choice
        away = choice.scheduler is not None
        return Order(self.slug, packet, self._here, choice.unsafe, elsewhere=away)

    def _changed(self) -> dict[str, list[str]]:
        """Key -> students, of what has to be run; what is known is put in place."""
        known = {} if self.choice.force else self.ledger.keys()
        todo: dict[str, list[str]] = {}
        for student, folder in self._folders.items():
            try:
                key = self._order(intake.fetch(folder / self._file)).key
            except intake.Unreadable as reason:
                order = self._order(intake.Packet(b"", (str(reason),)))
                self.ledger.write(student, worker.refusal(order, str(reason)))
                continue
            if key in known:
                self.ledger.copy(known[key], student)
                self.summary.kept += 1
            else:
                todo.setdefault(key, []).append(student)
        return todo

    @property
    def _file(self) -> str:
        return f"{self.slug}.ipynb"

    def _grade(
        self, todo: dict[str, list[str]], writer: Writer, progress: Progress
    ) -> None:
        self._out = {student for students in todo.values() for student in students}
        progress.begin("grading", len(self._out))
        if not todo:
            return
        started = time.monotonic()
        with ThreadPoolExecutor(1) as aside:
            looking = aside.submit(self._look)  # while the workers start
            choice = self.choice
            with Pool(choice.workers, choice.scheduler, self._imports()) as pool:
                looking.result()
                self.summary.workers = pool.threads
                for key, result in pool.run(self._orders(todo)):
                    self.summary.graded += 1
                    for student in todo[key]:
                        self.ledger.write(student, result)
                        self._out.discard(student)
                        progress.step(result["status"])
                    self._enter(writer)
        self.summary.seconds = time.monotonic() - started

    def _imports(self) -> tuple[str, ...]:
        """What the reference needs, on the trusted side."""
        return sandboxes.imports(list(oracle.sources(load(self.slug)).values()))

    def _look(self) -> None:
        """Refusal if the sandbox does not hold on this machine, which is to grade."""
        if not self.choice.unsafe and not self.choice.scheduler:
            worker.contained()

    def _orders(self, todo: dict[str, list[str]]) -> Iterator[tuple[str, Order]]:
        """Read when they are sent: a class does not fit into memory."""
        for key, students in todo.items():
            try:
                packet = intake.fetch(self._folders[students[0]] / self._file)
            except intake.Unreadable as reason:  # it was readable when the run began
                packet = intake.Packet(b"", (str(reason),))
            yield key, self._order(packet)

    def _enter(self, writer: Writer, progress: Progress | None = None) -> None:
        """Write the gradebook as far as there are results, in the students' order:
        whatever came first, it and the exported grades are the same. `progress` is of
        the last time; before that, only what fills a transaction is written."""
        while self._line and self._line[0] not in self._out:
            student = self._line.popleft()
            folder, head = self._folders[student], self.ledger.head(student)
            if self.choice.force or not writer.has(student, folder, head["key"]):
                self._next.append(student)
            if len(self._next) == TOGETHER:
                self._write(writer)
            if progress:
                progress.step(head["status"])
        if progress:
            self._write(writer)

    def _write(self, writer: Writer) -> None:
        names, self._next = self._next, []
        entries = [Entry(n, self._folders[n], self.ledger.read(n)) for n in names]
        if entries:
            with interrupt.held():  # a database takes it badly
                writer.write(entries)
            self.summary.written += len(entries)


def _named(student: str) -> bool:
    """Whether a folder's name can be a student's in a gradebook and of a file."""
    fine = len(student) <= LONGEST and student.isprintable()
    if not fine:
        shown = ascii(student[:40])
        log.warning("The folder %s is left out: its name is no student's.", shown)
    return fine
