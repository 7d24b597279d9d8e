"""What is right: the solution's own code, run by the trusted side."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np

from autograder.cases import build
from autograder.exercise import Exercise, load
from autograder.inside import compiler
from unrolled import checks
from unrolled.answer import answer, copy, plain
from unrolled.compare import deviation
from unrolled.measures import measured_answer
from unrolled.task import Bug, Case, Task, Value, question

PUBLIC = b"public"  # the seed of the cases that everybody gets


def seed(secret: bytes, exercise: str, function: str) -> np.random.Generator:
    """The random numbers of a function's cases; only the secret is a secret."""
    text = f"{exercise}/{function}".encode()
    digest = hmac.new(secret, text, hashlib.sha256).digest()
    return np.random.default_rng(list(digest))


def namespace(exercise: Exercise, replaced: Mapping[str, str] = {}) -> dict[str, Any]:
    """The names that the solution defines; `replaced` gives cells another source."""
    compiler.put_off()
    names: dict[str, Any] = {"__name__": "__main__"}
    drawn: dict[str, Value] = {}

    def provide(slug: str, name: str) -> Value:
        if slug != exercise.slug:
            return checks.load(slug).data[name]
        if not drawn:  # a buggy solution is shown what the right one recorded
            right = reference(slug) if replaced else names
            drawn.update(exercise.data(seed(PUBLIC, slug, "data"), right))
        return drawn[name]

    said = io.StringIO()  # a given cell may print; here nobody reads it
    with checks.provided(provide), contextlib.redirect_stdout(said):
        for name, source in sources(exercise).items():
            code = _compiled(replaced.get(name, source), f"<{exercise.slug}: {name}>")
            exec(code, names)  # the instructor's own code
    return names


def sources(exercise: Exercise) -> dict[str, str]:
    """The cells of the solution that define something, by name."""
    found = {}
    for cell in exercise.cells:
        name = cell.metadata.get("solution") or cell.metadata.get("given")
        if cell.cell_type == "code" and name:
            found[name] = cell.source
    return found


@lru_cache(maxsize=1024)
def _compiled(source: str, name: str) -> CodeType:
    """Compiled once: every known bug runs all cells, and differs in one of them."""
    return compile(source, name, "exec")


@lru_cache(maxsize=64)
def reference(slug: str) -> Mapping[str, Any]:
    """The solution's functions by name."""
    return namespace(load(slug))


def data(slug: str) -> dict[str, Value]:
    """The recordings and tables that come with an exercise."""
    exercise = load(slug)
    return exercise.data(seed(PUBLIC, slug, "data"), reference(slug))


def tasks(slug: str) -> Mapping[str, Task]:
    return load(slug).tasks


def cases(slug: str, function: str, secret: bytes = PUBLIC) -> tuple[Case, ...]:
    """The cases of a function: the public ones, or those of a course's secret."""
    exercise, rng = load(slug), seed(secret, slug, function)
    task = exercise.tasks[function]
    before = exercise.tasks[task.before] if task.before else None
    draw = exercise.draws[function]
    return tuple(
        build(task, vary, draw, rng, reference(slug), before)
        for vary in exercise.varies[function]
    )


def buggy(slug: str, function: str, bug: str) -> dict[str, Any]:
    """The solution's names with one known bug written into `function`."""
    exercise = load(slug)
    edit = next(e for e in exercise.edits[function] if e.name == bug)
    cell = exercise.cell_of(function)
    source = edit.apply(exercise.source(cell), f"{slug} {function}")
    return namespace(exercise, {cell: source})


def deviations(
    slug: str, function: str, names: Mapping[str, Any], among: Sequence[Case]
) -> dict[str, dict[str, Value]]:
    """How the functions in `names` differ from the reference, case by case."""
    task = tasks(slug)[function]
    before = tasks(slug)[task.before] if task.before else None
    found = {}
    for case in among:
        if case.aspect == "isolate":
            continue
        asked = question(task, case, before)
        came_back = answer(asked, dict(names))
        differs = deviation(task, case, measured_answer(task, case.inputs, came_back))
        if differs:
            found[case.name] = differs
    return found


def bugs(slug: str, function: str, among: Sequence[Case]) -> tuple[Bug, ...]:
    """The known bugs of a function, with what each would have returned."""
    found = []
    for edit in load(slug).edits.get(function, ()):
        names = buggy(slug, function, edit.name)
        found.append(
            Bug(edit.name, edit.says, deviations(slug, function, names, among))
        )
    return tuple(found)


def stand_in(slug: str, allowed: Sequence[str], name: str, args: list[Value]) -> Value:
    """Answer for a student's wrong function; ValueError says what was wrong with
    the arguments. Only arrays come in, and only arrays go out."""
    if name not in allowed:
        raise ValueError(f"{name} is not answered for here")
    expected = tasks(slug)[name].args
    if len(args) != len(expected):
        raise ValueError(f"{name} takes {len(expected)} arguments, got {len(args)}")
    try:
        with np.errstate(all="ignore"):
            return plain(reference(slug)[name](*(copy(arg) for arg in args)))
    except Exception as error:
        raise ValueError(f"{name}: {type(error).__name__}: {error}"[:300]) from None
