"""A tiny exercise that nobody grades: to see what a check says, and to test one.

The task is `running_sum(xs)`: xs (T,) floats, and back come the T sums of the first
one, two, three ... entries. What is right is NumPy's own `cumsum`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from unrolled.answer import answer
from unrolled.compare import deviation
from unrolled.judge import Examiner
from unrolled.report import Report
from unrolled.task import Bug, Case, Task, question

TASK = Task(
    name="running_sum",
    label="Practice",
    args=("xs",),
    returns=("sums",),
    points={"values": 2, "shapes": 1, "purity": 1},
    over_time=("sums",),
    read="chapter 0, How the checks talk to you",
    minutes=0,
)


def tried(function: Callable[..., Any]) -> Report:
    """The report on `function` as an answer to the practice task."""
    examiner = Examiner(
        {TASK.name: TASK},
        {TASK.name: CASES},
        lambda _: BUGS,
        lambda asked: answer(asked, {TASK.name: function}),
    )
    return Report(examiner.verdict(TASK.name))


def _case(name: str, aspect: str, xs: np.ndarray) -> Case:
    return Case(name, aspect, {"xs": xs}, {"sums": np.cumsum(xs)})


CASES = (
    _case("values", "values", np.array([3.0, 1.0, 4.0, 1.0, 5.0])),
    _case("T=1", "shapes", np.array([2.0])),
    _case("float32", "purity", np.array([0.5, 2.5], np.float32)),
)


def _bug(name: str, says: str, function: Callable[[np.ndarray], Any]) -> Bug:
    found = {}
    for case in CASES:
        reply = answer(question(TASK, case, None), {TASK.name: function})
        found[case.name] = deviation(TASK, case, reply)
    return Bug(name, says, {name: d for name, d in found.items() if d})


BUGS = (
    _bug("not-carried", "nothing is carried on: each entry is just xs[t].",
         lambda xs: xs.copy()),
    _bug("one-late", "the sums are one step late: entry t has to include xs[t].",
         lambda xs: np.cumsum(xs) - xs),
    _bug("backwards", "it adds from the end: entry t is what is still to come.",
         lambda xs: np.cumsum(xs[::-1])[::-1]),
)  # fmt: skip
