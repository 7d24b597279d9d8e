"""Grade one submission: run its cells in the sandbox, question it, judge the answers.

    graded = grade(slug, cells, secret)

Nothing here knows nbgrader. One process keeps one warm sandbox and, per course
secret, one set of hidden cases; both are made when they are first needed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from autograder import discretion, faults, oracle
from autograder.exercise import EXERCISES, load
from autograder.sandbox import CellResult, GraderFault, Sandbox, Session, sandboxes
from unrolled.judge import Examiner, could_not_check
from unrolled.task import Bug, Case, Task, Value
from unrolled.verdict import Ended, Verdict

LIMITS = sandboxes.LIMITS
IMPORTS = (*sandboxes.LIGHT, "matplotlib.pyplot")  # of one sandbox for all
# The largest array that a stand-in computes with; more axes of side 1 would let small
# arrays broadcast to one that fills the memory of the grader.
SIDE, ENTRIES, AXES = 64, 4096, 3

UNSAFE = "Graded without a sandbox (--unsafe)."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Graded:
    """What came of one submission: a verdict for each function, outputs for each
    cell, and `fault` where the grader itself failed. `seconds` says what took how
    long: "cells", and each function's examination."""

    verdicts: Mapping[str, Verdict]
    results: Sequence[CellResult] = ()
    fault: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def points(self) -> float:
        return sum(verdict.points for verdict in self.verdicts.values())


def grade(
    slug: str,
    cells: Sequence[str],
    secret: bytes,
    sandbox: Sandbox | None = None,
    spare: Collection[int] = (),
) -> Graded:
    """Run `cells` and judge every graded function of the exercise.

    Whatever the submission does ends in a verdict. What the grader's own side does
    wrong ends in "could_not_check", never in a zero. `spare` are cells of the course
    that the student left as they were, plots and experiments: they take most of the
    time, and run only if a name is missing without them.
    """
    try:
        graded = _graded(slug, cells, secret, sandbox, spare)
        if spare and _lacks_a_name(graded):
            graded = _graded(slug, cells, secret, sandbox, ())
        return graded
    except (GraderFault, OSError, MemoryError) as error:
        log.error("%s could not be graded: %s", slug, error)
        return unchecked(slug, f"the grader failed ({_short(error)}).")


def _graded(
    slug: str,
    cells: Sequence[str],
    secret: bytes,
    sandbox: Sandbox | None,
    spare: Collection[int],
) -> Graded:
    run = [source for n, source in enumerate(cells) if n not in spare]
    with (sandbox or sandboxes.fitting(run)).open(EXERCISES / slug) as session:
        graded = _examined(slug, run, secret, session)
    results = iter(graded.results)
    every = [
        CellResult("ok") if n in spare else next(results) for n in range(len(cells))
    ]
    return replace(graded, results=every)


def _lacks_a_name(graded: Graded) -> bool:
    errors = [o.get("ename") for result in graded.results for o in result.outputs]
    said = [
        v.summary + " ".join(line.text for line in v.lines)
        for v in graded.verdicts.values()
    ]
    return "NameError" in errors or any("raised NameError" in text for text in said)


def unchecked(slug: str, reason: str) -> Graded:
    """No function could be checked, for a reason that a person has to look at."""
    tasks = load(slug).graded
    verdicts = {name: could_not_check(task, reason) for name, task in tasks.items()}
    return Graded(verdicts, fault=reason)


def _examined(
    slug: str, cells: Sequence[str], secret: bytes, session: Session
) -> Graded:
    clock = _Clock()
    try:
        results = session.run(list(cells))
    except faults.Ended as end:
        results = [CellResult("crashed") for _ in cells]
        log.info("%s: %s", slug, end)
    examiner = Examiner(
        oracle.tasks(slug),
        {name: hidden_cases(slug, name, secret) for name in oracle.tasks(slug)},
        lambda name: hidden_bugs(slug, name, secret),
        partial(_ask, slug, session),
        stands_in=True,
        hidden=True,
    )
    clock.stop("cells")
    found = {}
    for name, task in load(slug).graded.items():
        verdict = _verdict(examiner, task)
        found[name] = verdict if session.contained else _uncontained(verdict)
        clock.stop(name)
    return Graded(found, results, seconds=clock.seconds)


class _Clock:
    """Seconds by name: each from the one before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def stop(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self._last, 4)
        self._last = now


def _uncontained(verdict: Verdict) -> Verdict:
    return replace(verdict, summary=f"{verdict.summary} {UNSAFE}")


def _verdict(examiner: Examiner, task: Task) -> Verdict:
    try:
        return discretion.verdict(examiner.verdict(task.name))
    except GraderFault as error:
        log.error("%s could not be checked: %s", task.name, error)
        return could_not_check(task, f"the grader failed ({_short(error)}).")
    except Exception:  # a fault of ours, perhaps provoked: a person has to look
        log.exception("%s could not be judged", task.name)
        return could_not_check(task, "the grader could not judge what came back.")


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


# asking


def _ask(slug: str, session: Session, question: dict[str, Value]) -> dict[str, Any]:
    """One question to the submission, and its answer, made safe to judge."""
    offered = tuple(question["stand_ins"])
    # One fork a function; what helps it, a right cache or a stand-in, gets its own.
    helped = ("cache",) if "cache" in question["inputs"] else ()
    within = " ".join((question["call"], *helped, *offered))
    try:
        answer = session.ask(question, partial(_stand_in, slug, offered), within)
    except faults.Ended as end:
        raise Ended(end.kind, end.sentence) from None
    names = discretion.known_names(oracle.tasks(slug))
    return discretion.answer(answer, question, names)


def _stand_in(slug: str, offered: Sequence[str], name: str, args: list) -> Value:
    for arg in args:
        if not _small(arg):
            raise ValueError(f"{name} was called with arrays that are too large here")
    return oracle.stand_in(slug, offered, name, args)


def _small(value: Value) -> bool:
    """Whether the reference may be run on it: a small call must not cost much."""
    if isinstance(value, np.ndarray):
        sides = max(value.shape, default=0) <= SIDE and value.ndim <= AXES
        return value.size <= ENTRIES and sides
    if isinstance(value, dict):
        return len(value) <= SIDE and all(map(_small, value.values()))
    if isinstance(value, list):
        return len(value) <= SIDE and all(map(_small, value))
    return True


# what is the same for a whole class


@lru_cache(maxsize=256)
def hidden_cases(slug: str, function: str, secret: bytes) -> tuple[Case, ...]:
    return oracle.cases(slug, function, secret)


@lru_cache(maxsize=256)
def hidden_bugs(slug: str, function: str, secret: bytes) -> tuple[Bug, ...]:
    return oracle.bugs(slug, function, hidden_cases(slug, function, secret))
