"""What is asked of a student: a graded function, and the cases it is tried on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# A wire value: None, bool, int, float, str, a numeric array, or a list or a
# str-keyed dict of wire values. Nothing else reaches or leaves a student's code.
Value = Any

ASPECTS = ("values", "shapes", "purity")


@dataclass(frozen=True)
class Task:
    """One graded function: its signature, as data, and what it is worth.

    `returns` names what comes back, in order; "cache" is opaque and never read.
    `keys` are those of a returned item that is a dict among others (loss, grads).
    `before` is the function whose cache this one takes. `uses` are the graded
    functions it may call: where one of them is wrong, that is not this one's fault.
    """

    name: str
    label: str
    args: tuple[str, ...]
    returns: tuple[str, ...]
    points: Mapping[str, int] = field(default_factory=dict)
    as_dict: bool = False
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    before: str | None = None
    uses: tuple[str, ...] = ()
    over_time: tuple[str, ...] = ()  # returned arrays whose first axis is time
    functions: tuple[str, ...] = ()  # arguments that are names in unrolled.functions
    quiz: bool = False  # the answers are never shown, each entry counts by itself
    measure: str = ""  # of unrolled.measures: judged by properties, not by values
    probe: str = ""  # of unrolled.probes: how a class or a torch function is asked
    trains: bool = False  # a training run: asked once a case, all or nothing
    read: str = ""  # where the book explains it
    minutes: int = 10
    difficulty: int = 1  # 1 to 3

    @property
    def total(self) -> int:
        return sum(self.points.values())

    @property
    def arrays(self) -> tuple[str, ...]:
        """The returned names that are compared, those inside a dict one by one."""
        kept = (name for name in self.returns if name != "cache")
        return tuple(key for name in kept for key in self.keys.get(name, (name,)))

    @property
    def form(self) -> str:
        """What has to come back, in words."""
        names = ", ".join(self.returns)
        return f"a dict with the keys {names}" if self.as_dict else names

    @property
    def backward(self) -> bool:
        return self.before is not None


@dataclass(frozen=True)
class Case:
    """One trial of a task: inputs and what the reference returned for them.

    `inputs` also holds the arguments of `task.before`. `cache` is the reference's
    cache as plain arrays, for when the student's own forward is wrong;
    `before_expected` tells whether it is. `raises` is the error that the call has to
    end with, for inputs that must be refused; nothing is expected then.
    """

    name: str
    aspect: str
    inputs: Mapping[str, Value]
    expected: Mapping[str, Any]
    rtol: float = 1e-6
    layout: str = "contiguous"
    sealed: int = 0  # so many answers, as one digest (see `unrolled.seal`)
    cache: Value = None
    before_expected: Mapping[str, Any] = field(default_factory=dict)
    raises: str = ""


@dataclass(frozen=True)
class Bug:
    """A mistake that people really make: its name and what the student reads.

    `deviations` says, per case name, how an answer with this bug differs from the
    right one (see `unrolled.compare.deviation`).
    """

    name: str
    says: str
    deviations: Mapping[str, Mapping[str, Any]]


def question(
    task: Task,
    case: Case,
    before: Task | None,
    cache: Value = None,
    stand_ins: Sequence[str] = (),
) -> dict[str, Value]:
    """The question that `unrolled.answer` understands, as plain wire values.

    Of the inputs it holds the arguments only: the others are for those who measure.
    """
    wanted = {*task.args, *(before.args if before else ()), "cache"}
    inputs = {name: value for name, value in case.inputs.items() if name in wanted}
    if cache is not None:
        inputs["cache"] = cache
    asks_before = before is not None and cache is None
    return {
        "call": task.name,
        "args": list(task.args),
        "inputs": inputs,
        "before": {"call": before.name, "args": list(before.args)}
        if before is not None and asks_before
        else None,
        "keep": [name != "cache" for name in task.returns],
        "twice": not task.trains,
        "layout": case.layout,
        "stand_ins": list(stand_ins),
        "functions": list(task.functions),
        "probe": task.probe,
    }
