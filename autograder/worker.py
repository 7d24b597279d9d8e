"""What a worker does with one hand-in: bytes come in, a plain dict goes out.

The same code as `nbgrader autograde`, without its gradebook. The secret does not
travel: a worker reads its own, from `_grading/secret` or UNROLLED_SECRET, and an order
says which one it has to be.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder import doctor, grading, intake, ledger
from autograder.exercise import load
from autograder.faults import GraderFault
from autograder.gradebook import marks
from autograder.plugin import Examine
from autograder.rebuild import MARK, rebuild, refused
from autograder.sandbox import sandboxes
from unrolled.judge import ended
from unrolled.verdict import Ended, Verdict

KILLED = (
    "It killed the process that graded it, twice, the second time with nothing else "
    "running."
)


@dataclass(frozen=True)
class Order:
    """One hand-in to be graded, and by which version of the course."""

    slug: str
    packet: intake.Packet
    course: ledger.Course
    unsafe: bool = False
    elsewhere: bool = False  # on a machine that nobody has looked at yet

    @property
    def key(self) -> str:
        return ledger.key(self.course, self.packet, self.unsafe)


class Refusal(GraderFault):
    """This worker may not grade; the sentence says what to do about it."""


def examine(order: Order) -> dict[str, Any]:
    """Grade one hand-in. Refusal if this process is not the one to do it."""
    _same_course(order)
    if order.elsewhere and not order.unsafe:
        contained()
    if order.unsafe:
        sandboxes.contain_nothing()
    return finding(order, _rebuilt(order))


def dask_setup(_: object) -> None:
    """A terminal's Ctrl-C is for the command, which then ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def dask_teardown(_: object) -> None:
    """A worker that ends leaves no sandbox."""
    sandboxes.close()


def refusal(order: Order, reason: str) -> dict[str, Any]:
    """The result for a hand-in that cannot be read: a person has to look at it."""
    return finding(order, refused(order.slug, reason))


def crashed(order: Order) -> dict[str, Any]:
    """The result for a hand-in that twice killed the process that graded it."""
    tasks = load(order.slug).graded
    end = Ended("crashed", KILLED)
    graded = grading.Graded({name: ended(task, end) for name, task in tasks.items()})
    return finding(order, _rebuilt(order), graded)


def failed(order: Order, error: BaseException) -> dict[str, Any]:
    """The result where the grader itself failed: the next run tries again."""
    text = f"the grader failed ({type(error).__name__}: {error})."[:300]
    graded = grading.unchecked(order.slug, text)
    return finding(order, refused(order.slug, f"Here {text}"), graded)


def finding(
    order: Order, notebook: NotebookNode, graded: grading.Graded | None = None
) -> dict[str, Any]:
    """All that is kept of a grading, as plain JSON; what is short stands first."""
    started = time.monotonic()
    step = _Examine(graded)
    step.preprocess(notebook, {"nbgrader": {"assignment": order.slug}})
    assert step.found is not None
    verdicts, taken = step.found.verdicts, step.found.seconds
    for_now = any(v.status == "could_not_check" for v in verdicts.values())
    if "unreadable" in notebook.metadata[MARK] and graded is None:
        for_now = False  # another look would find the same
    if order.unsafe:
        notebook.metadata[MARK]["unsafe"] = True
    return {
        "key": "" if for_now else order.key,
        "exercise": order.slug,
        "status": overall(verdicts.values()),
        "points": sum(v.points for v in verdicts.values()),
        "of": sum(v.of for v in verdicts.values()),
        "unsafe": order.unsafe,
        "seconds": {"all": round(time.monotonic() - started, 4), **taken},
        "functions": {name: _short(v) for name, v in verdicts.items()},
        "verdicts": {name: v.to_dict() for name, v in verdicts.items()},
        "marks": marks(notebook),
        "notebook": written(notebook),
    }


def written(notebook: NotebookNode) -> str:
    """The notebook's file, as nbformat writes it. Most cells are the same for a whole
    class, and nbformat takes 4 ms to lay them out."""
    cells = [json.dumps(cell, ensure_ascii=False) for cell in notebook.cells]
    rest = NotebookNode({**notebook, "cells": []})
    head, _, tail = nbformat.v4.writes(rest).partition('"cells": []')
    laid_out = ",\n  ".join(map(_laid_out, cells))
    return f'{head}"cells": [\n  {laid_out}\n ]{tail}\n'


@lru_cache(maxsize=512)
def _laid_out(cell: str) -> str:
    one = nbformat.from_dict(json.loads(cell))
    text = nbformat.v4.writes(NotebookNode(cells=[one], metadata={}, nbformat=4))
    begin, end = text.index("\n  ") + 3, text.rindex("\n ],")
    return text[begin:end]


def _short(verdict: Verdict) -> dict[str, Any]:
    return {"status": verdict.status, "points": verdict.points, "bug": verdict.bug}


def overall(verdicts: Iterable[Verdict]) -> str:
    """One word for a hand-in: the worst that a person has to know of."""
    statuses = {verdict.status for verdict in verdicts}
    for worst in ("could_not_check", "memory", "timeout", "crashed"):
        if worst in statuses:
            return worst
    if len(statuses) == 1:
        return statuses.pop()
    return "partial" if statuses & {"full", "partial"} else "wrong"


class _Examine(Examine):
    """nbgrader's step, which keeps what came of it."""

    def __init__(self, known: grading.Graded | None) -> None:
        super().__init__()
        self.found = known

    def _graded(self, slug: str, about: Any, cells: Any) -> grading.Graded:
        if self.found is None:
            self.found = super()._graded(slug, about, cells)
        return self.found


def _rebuilt(order: Order) -> NotebookNode:
    try:
        return rebuild(order.slug, intake.opened(order.packet))
    except intake.Unreadable as reason:
        return refused(order.slug, str(reason))


def _same_course(order: Order) -> None:
    here = ledger.course(order.slug)
    names = (name for name in here._fields if _differs(name, here, order.course))
    what = " and another ".join(names)
    if what and not order.elsewhere:
        raise Refusal(
            f"The course has another {what} than when this run began: run the same "
            "command again."
        )
    if what:
        raise Refusal(
            f"The worker on {socket.gethostname()} has another {what} than this "
            "machine: update its checkout, its UNROLLED_SECRET or `_grading/secret`, "
            "restart it, and run the same command again."
        )


def _differs(name: str, here: ledger.Course, there: ledger.Course) -> bool:
    return getattr(here, name) != getattr(there, name)


@lru_cache(maxsize=1)
def contained() -> None:
    """Refusal where the sandbox does not hold; tried once in a process."""
    rows = doctor.examine()
    if not doctor.holds(rows):
        row = next(row for row in rows if row.needed and not row.holds)
        raise Refusal(
            f"The sandbox does not hold on {socket.gethostname()} ({row.name}: "
            f"{row.sentence.rstrip('.')}). Run `python -m autograder doctor` there; "
            "--unsafe grades all the same, for your own code only."
        )
