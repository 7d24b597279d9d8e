"""How a run can end other than well.

GraderFault   the grader's own side failed: never a student's zero
Ended         a submission's process is gone or broke the protocol; `kind` says how
"""

from __future__ import annotations

KINDS = ("timeout", "crashed", "memory", "protocol")


class GraderFault(Exception):
    """The grader could not do its work; the submission is not to blame."""


class Ended(Exception):
    """A submission ended before it answered; the text is for the student.

    `added_up`: by what its process had used in all, not in the last call alone."""

    def __init__(self, kind: str, sentence: str, added_up: bool = False) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.added_up = added_up
