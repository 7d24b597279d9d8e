"""The verdict on one graded function: points, what is right, what is at fault."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unrolled.compare import Fault

# full | partial | wrong     judged
# not_done                   the stub is still in place
# timeout | crashed | memory the student's code gave no answer, and why
# could_not_check            the grader's own fault: never a zero
STATUSES = (
    "full",
    "partial",
    "wrong",
    "not_done",
    "timeout",
    "crashed",
    "memory",
    "could_not_check",
)


class Ended(Exception):
    """A student's code ended without an answer.

    kind: "timeout", "crashed", "memory" or "protocol"; `sentence` is for people.
    """

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence


@dataclass(frozen=True)
class Line:
    """What one aspect of a function earned, and one sentence about it."""

    aspect: str
    earned: float
    of: float
    text: str

    @property
    def ok(self) -> bool:
        return self.earned == self.of


@dataclass(frozen=True)
class Verdict:
    """All that a report, the gradebook and a feedback page need of a judgement."""

    function: str
    label: str
    status: str
    lines: tuple[Line, ...]
    summary: str
    bug: str = ""  # the known bug's name
    says: str = ""  # and its sentence
    fault: Fault | None = None
    blames: tuple[str, ...] = ()  # other functions that were at fault
    read: str = ""

    @property
    def points(self) -> float:
        return sum(line.earned for line in self.lines)

    @property
    def of(self) -> float:
        return sum(line.of for line in self.lines)

    @property
    def values_right(self) -> bool:
        if not self.of:  # an earlier exercise's function: it has no lines here
            return self.status in ("full", "partial")
        values = [line for line in self.lines if line.aspect == "values"]
        return bool(values) and all(line.ok for line in values)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: a NaN that a student's array held is left out."""
        fields = dataclasses.asdict(self)
        for name in ("got", "expected"):
            fault = fields["fault"] or {}
            if not math.isfinite(fault.get(name) or 0.0):
                fault[name] = None
        return {**fields, "points": self.points, "of": self.of}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Verdict:
        kept = {f.name: fields[f.name] for f in dataclasses.fields(cls)}
        kept["lines"] = tuple(Line(**line) for line in kept["lines"])
        kept["blames"] = tuple(kept["blames"])
        if kept["fault"]:
            fault = {**kept["fault"], "index": tuple(kept["fault"]["index"])}
            kept["fault"] = Fault(**fault)
        return cls(**kept)
