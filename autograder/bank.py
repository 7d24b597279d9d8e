"""Try the bug bank and the correct variants: what is found, named, or wrongly refused.

Used by the tests, which claim that all is well, and by `benchmarks/bug_bank.py`,
which prints the figures.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from autograder import oracle
from autograder.exercise import Variant, load
from unrolled.answer import answer
from unrolled.judge import Answer, Examiner
from unrolled.task import Bug, Case, Value
from unrolled.verdict import Verdict

HIDDEN = b"a course's own secret"


@lru_cache(maxsize=256)
def cases(slug: str, function: str, secret: bytes) -> tuple[Case, ...]:
    return oracle.cases(slug, function, secret)


@lru_cache(maxsize=256)
def known(slug: str, function: str, secret: bytes) -> tuple[Bug, ...]:
    if function not in load(slug).graded:
        return ()
    return oracle.bugs(slug, function, cases(slug, function, secret))


def examiner(
    slug: str,
    names: dict[str, Any],
    secret: bytes = oracle.PUBLIC,
    stands_in: bool = False,
) -> Examiner:
    """Judges the functions in `names`, as at home or, with stand-ins, as in grading.

    Nothing is contained: this is for the instructors' own code.
    """

    def stand_in(name: str, args: list[Value]) -> Value:
        return oracle.stand_in(slug, list(oracle.tasks(slug)), name, args)

    def ask(question: dict[str, Value]) -> Answer:
        before = dict(names)  # a stand-in replaces a name for this question only
        try:
            return answer(question, names, stand_in)
        finally:
            names.clear()
            names.update(before)

    return Examiner(
        oracle.tasks(slug),
        {name: cases(slug, name, secret) for name in oracle.tasks(slug)},
        lambda name: known(slug, name, secret),
        ask,
        stands_in=stands_in,
        hidden=secret != oracle.PUBLIC,
    )


def try_bug(slug: str, function: str, bug: str, secret: bytes) -> Verdict:
    """What a submission with this one bug is told."""
    return examiner(slug, oracle.buggy(slug, function, bug), secret).verdict(function)


def try_variant(
    slug: str, variant: Variant, secret: bytes, stands_in: bool
) -> dict[str, Verdict]:
    """The verdict on every graded function of a correct variant."""
    names = oracle.namespace(load(slug), variant.cells)
    judge = examiner(slug, names, secret, stands_in)
    return {name: judge.verdict(name) for name in load(slug).graded}


def unfair(variant: Variant, verdicts: Mapping[str, Verdict]) -> list[str]:
    """Where a variant lost what it should not, or kept what it should lose."""
    found = []
    for name, verdict in verdicts.items():
        for line in verdict.lines:
            loses = line.aspect in variant.loses.get(name, ())
            if line.ok == loses:
                verb = "keeps" if loses else "loses"
                found.append(f"{name} {verb} {line.aspect}: {line.text}")
    return found


def apart(one: Bug, other: Bug) -> float:
    """How far two bugs' answers are from each other, relative to their size: the
    largest difference over the value cases. Infinite where they differ in kind."""
    names = {*one.deviations, *other.deviations}
    return max(
        (_apart(one.deviations.get(n, {}), other.deviations.get(n, {})) for n in names),
        default=0.0,
    )


def _apart(one: Value, other: Value) -> float:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if one.keys() != other.keys():
            return np.inf
        return max((_apart(one[k], other[k]) for k in one), default=0.0)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape:
            return np.inf
        finite = np.isfinite(other)
        if (finite != np.isfinite(one)).any():
            return np.inf
        scale = np.max(np.abs(other[finite]), initial=0.0) or 1.0
        return float(np.max(np.abs(one - other)[finite], initial=0.0) / scale)
    return 0.0 if one == other else np.inf


def separation(bugs: Sequence[Bug]) -> tuple[float, str]:
    """The smallest distance between two bugs of a function, and which two."""
    pairs = itertools.combinations(bugs, 2)
    found = ((apart(a, b), f"{a.name} / {b.name}") for a, b in pairs)
    return min(found, default=(np.inf, ""))


@dataclass(frozen=True)
class Row:
    """The bank's figures for one function, over the seeds that were tried."""

    function: str
    bugs: int
    tried: int
    detected: int
    named: int
    apart: float


def row(slug: str, function: str, secrets: Sequence[bytes]) -> Row:
    bank = known(slug, function, secrets[0])
    verdicts = [
        (bug.name, try_bug(slug, function, bug.name, secret))
        for secret in secrets
        for bug in bank
    ]
    return Row(
        function,
        bugs=len(bank),
        tried=len(verdicts),
        detected=sum(verdict.points < verdict.of for _, verdict in verdicts),
        named=sum(verdict.bug == name for name, verdict in verdicts),
        apart=min(separation(known(slug, function, s))[0] for s in secrets),
    )
