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
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from autograder import discretion, faults, oracle, wire
from autograder.exercise import EXERCISES, load
from autograder.sandbox import CellResult, GraderFault, Sandbox, Session, sandboxes
from unrolled.judge import Examiner, could_not_check
from unrolled.task import Bug, Case, Task, Value, question
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
    tasks, asked = load(slug).graded, _Asked(slug, session)
    examiner = Examiner(
        oracle.tasks(slug),
        {name: hidden_cases(slug, name, secret) for name in oracle.tasks(slug)},
        lambda name: hidden_bugs(slug, name, secret),
        asked.answer,
        stands_in=True,
        hidden=True,
        afresh=asked.afresh,
        pose=_posed,
    )
    clock.stop("cells")
    found = {}
    for name in sorted(tasks, key=lambda name: not tasks[name].quiz):
        verdict = _verdict(examiner, tasks[name])
        found[name] = verdict if session.contained else _uncontained(verdict)
        clock.stop(name)
    in_order = {name: found[name] for name in tasks}
    return Graded(in_order, results, seconds=clock.seconds)


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


class _Asked:
    """Puts the questions to one submission: which of its forks answers.

    Functions that turn out right share a fork: a fork costs more than most answers.
    What has a fault there is asked again in a fork of its own, so that nobody loses by
    what another function left behind; nothing that could teach a function, a right
    cache or a stand-in, is ever sent to a shared fork. A quiz has no second try, and
    nothing asked before it but other quizzes. A training run is always by itself.
    """

    def __init__(self, slug: str, session: Session) -> None:
        self.slug, self.session = slug, session
        self.tasks = oracle.tasks(slug)
        self._names = discretion.known_names(self.tasks)
        self._alone: set[str] = {n for n, task in self.tasks.items() if task.trains}
        self._guests: set[str] = set()  # asked where another had been asked before
        self._shared = 0  # forks that were shared
        self._last = ("", "")  # the fork that is open, and the function in it

    def afresh(self, name: str) -> bool:
        """Whether `name` should be asked once more, by itself from now on."""
        again = name in self._guests and not self.tasks[name].quiz
        self._guests.discard(name)
        if again:
            self._alone.add(name)
        return again

    def answer(self, question: dict[str, Value]) -> dict[str, Any]:
        """One question's answer, made safe to judge."""
        offered = tuple(question["stand_ins"])
        within = self._fork(question, offered)
        self._last = within, question["call"]
        try:
            stand_in = partial(_stand_in, self.slug, offered)
            answer = self.session.ask(question, stand_in, within)
        except faults.Ended as end:
            self._last = ("", "")
            if end.kind == "timeout" and not end.added_up:
                # its own fault, and to wait again helps nobody
                self._guests.discard(question["call"])
            raise Ended(end.kind, end.sentence) from None
        return discretion.answer(answer, question, self._names)

    def _fork(self, question: dict[str, Value], offered: tuple[str, ...]) -> str:
        """The name of the fork that is to answer."""
        name = question["call"]
        helped = ("cache",) if "cache" in question["inputs"] else ()
        if helped or offered or name in self._alone:
            return " ".join((name, *helped, *offered))
        fork, last = self._last
        if fork == f"shared {self._shared}":
            if last != name:
                self._guests.add(name)
            return fork
        self._guests.discard(name)
        self._shared += 1
        return f"shared {self._shared}"


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


class Posed(dict[str, Value]):
    """A question that a whole class is asked: what is sent is made once."""

    @cached_property
    def frame(self) -> bytes:
        return wire.frame(self)


_questions: dict[tuple, tuple[Case, Posed]] = {}
KEPT = 4096


def _posed(
    task: Task, case: Case, before: Task | None, cache: Value, stand_ins: Sequence[str]
) -> Posed:
    key = id(case), cache is None, tuple(stand_ins)
    if key not in _questions:
        if len(_questions) == KEPT:
            _questions.clear()
        asked = Posed(question(task, case, before, cache, stand_ins))
        _questions[key] = case, asked  # the case too, for as long as its id is a key
    return _questions[key][1]


@lru_cache(maxsize=256)
def hidden_cases(slug: str, function: str, secret: bytes) -> tuple[Case, ...]:
    return oracle.cases(slug, function, secret)


@lru_cache(maxsize=256)
def hidden_bugs(slug: str, function: str, secret: bytes) -> tuple[Bug, ...]:
    return oracle.bugs(slug, function, hidden_cases(slug, function, secret))
