"""What students are told: of a hidden case no numbers, of this machine no paths.

The process that answers may be the student's in every byte, and it has seen the hidden
inputs. It could carry them out in the name of an error, the key of a dict, the shape
of an array or a ratio to the right one, and read them in the feedback.
"""

from __future__ import annotations

import builtins
import dataclasses
import functools
import os
import re
import sys
import tempfile
from collections.abc import Collection, Mapping
from typing import Any

from autograder.exercise import ROOT
from unrolled.task import Task, Value
from unrolled.verdict import Ended, Line, Verdict

SMALL = 64  # a number up to this one may be told: a size, or "1/32 of the right array"
OTHER = "another key"
TEXT = 20  # characters; NumPy would give each text of a list the room of the longest
ERRORS = frozenset(
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
) | {"LinAlgError", "AxisError", "UFuncTypeError"}

_SESSION = re.compile(re.escape(tempfile.gettempdir()) + r"/autograder-\w+")
_PLACES = ("before", "call", "again", "value")
_STATUSES = ("ok", "error", "stub", "missing")
_SHAPE = re.compile(r"shape \(([^)]*)\)")
_TIMES = re.compile(r"it is (\S+) times the right array")
_FRACTION = re.compile(r"it is 1/(\d+) of the right array")


_TROUBLE = re.compile(r"the grader failed \(.*\)", re.DOTALL)


def trouble(text: str) -> str:
    """A fault of the grader's own, without its words: they name files and programs of
    this machine, are no use to a student, and stand in the instructor's table."""
    return _TROUBLE.sub("the grader failed", text)


def untroubled(found: Verdict) -> Verdict:
    """A verdict as a student may read it."""
    lines = tuple(dataclasses.replace(x, text=trouble(x.text)) for x in found.lines)
    return dataclasses.replace(found, summary=trouble(found.summary), lines=lines)


@functools.cache
def _places() -> tuple[tuple[str, str], ...]:
    """Folders of this machine and what they are called instead; inner ones first."""
    found = {str(ROOT): "course"}
    for prefix in (sys.prefix, sys.base_prefix):
        for path in (prefix, os.path.realpath(prefix)):
            if path not in ("/", "/usr"):
                found[path] = "python"
    return tuple(sorted(found.items(), key=lambda pair: -len(pair[0])))


def without_paths(value: Any) -> Any:
    """A student's outputs without the names of this machine's folders."""
    if isinstance(value, str):
        for folder, name in _places():
            value = value.replace(folder, f"<{name}>")
        return _SESSION.sub("<session>", value)
    if isinstance(value, list):
        return [without_paths(item) for item in value]
    if isinstance(value, dict):
        return {key: without_paths(item) for key, item in value.items()}
    return value


def known_names(tasks: Mapping[str, Task]) -> frozenset[str]:
    """The names that are documented: of arguments, of results, of caches' keys, and of
    what a gradient is of: a training run returns W_es where dW_es was a result."""
    names = {name for task in tasks.values() for name in (*task.args, *task.returns)}
    for task in tasks.values():
        for inner in getattr(task, "keys", {}).values():
            names.update(inner)
            names.update(key[1:] for key in inner if key.startswith("d"))
    return frozenset(names)


def answer(
    found: Mapping[str, Any], question: Mapping[str, Any], names: Collection[str]
) -> dict[str, Any]:
    """An answer with nothing in it but what was asked for."""
    if found.get("status") not in _STATUSES:
        raise Ended("protocol", "Your notebook sent the grader what is not an answer.")
    before = question["before"]
    asked = [question["call"]] + ([before["call"]] if before else [])
    offered = question.get("stand_ins") or ()
    after = found["after"] if isinstance(found.get("after"), dict) else {}
    args = [name for name in question["args"] if name in question["inputs"]]
    named = found.get("function") in (*asked, *offered)
    return {
        **found,
        "function": found["function"] if named else question["call"],
        "where": found["where"] if found.get("where") in _PLACES else "call",
        "error": _error(found.get("error")),
        "value": _value(found.get("value"), names),
        "again": _value(found.get("again"), names),
        "after": {name: _short(after[name]) for name in args if name in after},
    }


def _error(text: object) -> str:
    """The kind of an error if it is one of Python's own; never its text."""
    if not text:
        return ""
    kind = str(text).partition(":")[0]
    return f"{kind}:" if kind in ERRORS else "own:"


def _value(value: Value, names: Collection[str]) -> Value:
    if isinstance(value, str):
        return value[:TEXT]
    if isinstance(value, list):
        return [_value(item, names) for item in value]
    if isinstance(value, dict):
        return {
            key if key in names else OTHER: _value(item, names)
            for key, item in value.items()
        }
    return value


def _short(value: Value) -> Value:
    """The same with short texts; no text is ever a right answer."""
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return value[:TEXT] if isinstance(value, str) else value


def verdict(found: Verdict) -> Verdict:
    """A verdict whose sentences hold small numbers only."""
    fault = found.fault and dataclasses.replace(
        found.fault, text=_quiet(found.fault.text), got=None, expected=None
    )
    return dataclasses.replace(
        found,
        summary=_quiet(found.summary),
        lines=tuple(map(_quiet_line, found.lines)),
        fault=fault,
    )


def _quiet_line(line: Line) -> Line:
    return dataclasses.replace(line, text=_quiet(line.text))


def _quiet(text: str) -> str:
    text = _SHAPE.sub(_shape, text)
    text = _FRACTION.sub(_fraction, text)
    return _TIMES.sub(_times, text)


def _shape(match: re.Match[str]) -> str:
    sizes = [int(size) for size in re.findall(r"\d+", match[1])]
    fine = len(sizes) <= 4 and max(sizes, default=0) <= SMALL
    return match[0] if fine else "a shape with other sizes"


def _fraction(match: re.Match[str]) -> str:
    fine = int(match[1]) <= SMALL
    return match[0] if fine else "it is a fraction of the right array"


def _times(match: re.Match[str]) -> str:
    fine = re.fullmatch(r"-?\d{1,2}", match[1]) is not None
    return match[0] if fine else "it is a multiple of the right array"
