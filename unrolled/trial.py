"""What one way of asking brought in, and how it is matched and put into words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from unrolled.compare import (
    FORMLESS,
    Fault,
    again_fault,
    arrays_of,
    changed_inputs,
    dtype_faults,
    same_deviation,
)
from unrolled.task import Bug, Case, Task, Value
from unrolled.verdict import Ended

Answer = Mapping[str, Value]

# Names of built-in errors may be told of a hidden case; texts may not: a student's
# own error could carry the hidden numbers out.
_PLAIN_ERROR = re.compile(r"^[A-Z][A-Za-z]{2,40}(Error|Exception)$")


@dataclass(frozen=True)
class Attempt:
    """One way of asking: with the student's own neighbours, or with right ones."""

    own_cache: bool = True
    stand_ins: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        return self.own_cache and not self.stand_ins


@dataclass
class Trial:
    """The answers that one attempt gave to the cases of aspect "values"."""

    attempt: Attempt
    answers: dict[str, Answer] = field(default_factory=dict)
    wrong: dict[str, dict[str, Fault]] = field(default_factory=dict)
    ended: Ended | None = None  # no answer came: out of time, a crash

    def first(self, status: str) -> Answer | None:
        found = (a for a in self.answers.values() if a["status"] == status)
        return next(found, None)

    def first_fault(self) -> Fault | None:
        """The first one that is not of form only."""
        for found in self.wrong.values():
            serious = [f for f in found.values() if not f.harmless]
            if serious:
                return serious[0]
        return None

    @property
    def right(self) -> bool:
        if self.ended or any(a["status"] != "ok" for a in self.answers.values()):
            return False
        return all(f.harmless for found in self.wrong.values() for f in found.values())

    def share(self, names: Sequence[str]) -> float:
        """The part of the returned arrays that is right in every case."""
        if self.ended or any(a["status"] != "ok" for a in self.answers.values()):
            return 0.0
        every = [f for faults in self.wrong.values() for f in faults.values()]
        if any(f.kind in FORMLESS for f in every):
            return 0.0
        bad = {f.array for f in every if not f.harmless}
        return sum(name not in bad for name in names) / len(names)

    def quizzed(self, task: Task, case: Case) -> tuple[float, str]:
        """The share of a quiz's entries that is right, and a sentence about it."""
        if case.sealed:
            return 0.0, f"Not all {case.sealed} are right yet."
        value = self.answers[case.name]["value"]
        expected = np.asarray(case.expected[task.arrays[0]])
        try:
            got = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            got = np.zeros(0)
        if got.shape != expected.shape:
            return 0.0, f"A list of {expected.size} numbers has to come back."
        right = int((got == expected).sum())
        return right / expected.size, f"{right} of {expected.size} are right."


def matching(
    known: Sequence[Bug], seen: Mapping[str, dict], of_values: bool = False
) -> Bug | None:
    """The bug whose answers to all the cases in `seen` are these."""

    def part(found: Mapping[str, Value]) -> Mapping[str, Value]:
        if not of_values:
            return found
        return {k: v for k, v in found.items() if k not in ("changed", "again")}

    for bug in known:
        if all(
            same_deviation(part(seen[name]), part(bug.deviations.get(name, {})))
            for name in seen
        ):
            return bug
    return None


# in words


def unwritten(tasks: Mapping[str, Task], answer: Answer) -> str:
    """The function that is not there yet, if that is why no answer came."""
    name = str(answer["function"])
    if answer["status"] in ("stub", "missing"):
        return name
    inside = str(answer.get("inside", name))
    stub = str(answer.get("error", "")).startswith("NotImplementedError")
    return inside if stub and inside in tasks and inside != name else ""


def mishap(tasks: Mapping[str, Task], task: Task, answer: Answer, hidden: bool) -> str:
    """Why nothing came back that could be compared."""
    if answer["status"] == "ended":
        return str(answer["error"])
    if missing := unwritten(tasks, answer):
        return f"{missing}, which {task.name} needs, is not written yet."
    name = str(answer["function"])
    kind, _, rest = str(answer.get("error", "")).partition(":")
    if answer.get("where") == "value":
        told = "" if hidden else f":{rest}"
        return f"{name} has to return {tasks.get(name, task).form}{told}."
    if hidden:
        known = _PLAIN_ERROR.match(kind) is not None
        return f"{name} raised {kind if known else 'an error of its own'}."
    return f"{name} raised {kind}:{rest}{_line(answer, name)}."


def _line(answer: Answer, name: str) -> str:
    if "line" not in answer:
        return ""
    inside = str(answer.get("inside", name))
    place = f"in {inside}, " if inside != name and inside.isidentifier() else ""
    return f" ({place}line {answer['line']}: {answer['code']})"


def listed(names: Sequence[str]) -> str:
    """a, b and c"""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def place(task: Task, trial: Trial, fault: Fault) -> str:
    """Where a fault is, and what that says by itself."""
    return _where(fault) + _since(task, trial, fault) + _only_in(trial)


def _where(fault: Fault) -> str:
    if not fault.index:
        return ""
    inner = ", ".join(map(str, fault.index))
    step = "" if fault.step is None else f", time step {fault.step}"
    return f" at [{inner}]{step}"


def _only_in(trial: Trial) -> str:
    """Which case goes wrong, where the plain one goes right."""
    first, *others = trial.wrong
    odd = [name for name in others if trial.wrong[name]]
    return f", in the case {odd[0]!r} only" if odd and not trial.wrong[first] else ""


def _since(task: Task, trial: Trial, fault: Fault) -> str:
    """What the first wrong time step says."""
    if fault.step is None or fault.kind != "value":
        return ""
    answer = next(a for name, a in trial.answers.items() if trial.wrong.get(name))
    steps = len(arrays_of(task, answer["value"])[0][fault.array])
    if steps < 2:
        return ""
    if task.backward:
        if fault.step == steps - 2:
            return " (the last step is right: look at what is carried back to it)"
        if fault.step == 0:
            return " (only there: look at how the first step is treated)"
        return ""
    if fault.step == 1:
        return " (step 0 is right: look at how the state is carried)"
    return ""


def impure(task: Task, case: Case, answer: Answer) -> str:
    """What a call changed that is not its own; "" if nothing."""
    if changed := changed_inputs(case, answer):
        return f"{task.name} writes into {' and '.join(changed)}, which is the caller's"
    again = again_fault(task, case, answer)
    same = "on the same cache" if task.backward else "with the same inputs"
    if again == "error":
        return f"a second call of {task.name} {same} fails"
    if again == "differs":
        return f"a second call of {task.name} {same} gives something else"
    for name, kind in dtype_faults(task, case, answer).items():
        return f"{name} comes back as {kind}, not in the float type of the inputs"
    return ""
