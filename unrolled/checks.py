"""Read and write `checks.npz`: the public cases of one exercise, without answers.

The file holds inputs, the reference's outputs and, for every known bug, what it
would have returned. It is plain arrays and JSON; nothing in it can run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.task import Bug, Case, Task, Value


@dataclass(frozen=True)
class Checks:
    """What a student's own check knows of one exercise."""

    exercise: str
    tasks: Mapping[str, Task]
    cases: Mapping[str, tuple[Case, ...]]
    bugs: Mapping[str, tuple[Bug, ...]]
    data: Mapping[str, Value] = field(default_factory=dict)


class ChecksMissing(FileNotFoundError):
    """There is no checks.npz where one is needed."""


def folder(exercise: str) -> Path:
    """Where the released exercise lies: the current folder, or `exercises/` of the
    checkout that this package is part of, or $UNROLLED_EXERCISES."""
    places = [
        Path.cwd() / exercise,
        Path(os.environ.get("UNROLLED_EXERCISES", "exercises")) / exercise,
        Path(__file__).resolve().parent.parent / "exercises" / exercise,
    ]
    for place in places:
        if (place / "checks.npz").is_file():
            return place
    raise ChecksMissing(
        f"No checks.npz for {exercise}: keep it beside the notebook, "
        f"or fetch the folder exercises/{exercise} again."
    )


def load(exercise: str) -> Checks:
    """The checks of an exercise by its slug, "03-bptt"; beside the notebook first."""
    return read(_path(exercise))


def _path(exercise: str) -> Path:
    here = Path.cwd() / "checks.npz"
    if here.is_file() and _contents(here, ("exercise",))["exercise"] == exercise:
        return here
    return folder(exercise) / "checks.npz"


def load_for(function: str) -> Checks:
    """The checks that know a graded function: beside the notebook, else anywhere."""
    here = Path.cwd() / "checks.npz"
    if here.is_file():
        found = read(here)
        if function in found.tasks:
            return found
        names = ", ".join(n for n, t in found.tasks.items() if t.total)
        raise KeyError(
            f"{found.exercise} has no graded function {function!r}; it has {names}."
        )
    root = Path(__file__).resolve().parent.parent / "exercises"
    for path in sorted(root.glob("*/checks.npz")):
        found = read(path)
        if function in found.tasks and found.tasks[function].total:
            return found
    raise ChecksMissing(
        f"No checks.npz that knows {function!r}: keep it beside the notebook, "
        "or fetch the exercise's folder again."
    )


def public_case(exercise: str, function: str, name: str = "values") -> Case:
    """The public case `name` of a graded function: `.inputs` and `.expected`."""
    for case in load(exercise).cases[function]:
        if case.name == name:
            return case
    raise KeyError(f"{function} of {exercise} has no public case {name!r}.")


def public_data(exercise: str, name: str) -> Value:
    """A table or recording that comes with an exercise."""
    if _provider is not None:
        return _provider(exercise, name)
    here = Path.cwd() / "checks.npz"
    if here.is_file():
        found = _contents(here, ("exercise", "data"))
        if found["exercise"] == exercise:
            return found["data"][name]
    return _contents(folder(exercise) / "checks.npz", ("data",))["data"][name]


_provider: Callable[[str, str], Value] | None = None


@contextlib.contextmanager
def provided(provider: Callable[[str, str], Value]) -> Iterator[None]:
    """Serve `public_data` from `provider`: where checks.npz is still to be made."""
    global _provider
    before, _provider = _provider, provider
    try:
        yield
    finally:
        _provider = before


def write(checks: Checks) -> bytes:
    """`checks` as the bytes of an npz file; equal checks give equal bytes."""
    body = bytearray()
    plain = {
        "exercise": checks.exercise,
        "tasks": [dataclasses.asdict(task) for task in checks.tasks.values()],
        "cases": {
            name: [dataclasses.asdict(c) for c in cases]
            for name, cases in checks.cases.items()
        },
        "bugs": {
            name: [dataclasses.asdict(b) for b in bugs]
            for name, bugs in checks.bugs.items()
        },
        "data": dict(checks.data),
    }
    text = json.dumps(_packed(plain, body), sort_keys=False).encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "checks", np.frombuffer(text, np.uint8))
        _add(archive, "arrays", np.frombuffer(body, np.uint8))
    return file.getvalue()


def _add(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    part = io.BytesIO()
    np.lib.format.write_array(part, np.asarray(array, order="C"), allow_pickle=False)
    entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980: the same bytes every time
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, part.getvalue())


def read(path: Path) -> Checks:
    """The checks in the npz file at `path`; ValueError if it is damaged, or of a
    version of the course that stores other things."""
    plain = _contents(path)
    with _one_sentence(path):
        return Checks(
            exercise=plain["exercise"],
            tasks={t["name"]: _task(t) for t in plain["tasks"]},
            cases={n: tuple(Case(**c) for c in cs) for n, cs in plain["cases"].items()},
            bugs={n: tuple(Bug(**b) for b in bs) for n, bs in plain["bugs"].items()},
            data=plain["data"],
        )


@contextlib.contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path.name} is damaged or of another version of the course "
            f"({type(error).__name__}): fetch it again."
        ) from None


def _contents(path: Path, parts: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the file holds, or some parts of it."""
    with (
        _one_sentence(path),
        path.open("rb") as raw,
        np.load(raw, allow_pickle=False) as file,
    ):
        plain = json.loads(bytes(file["checks"]).decode())
        body = memoryview(file["arrays"])
        return {name: _unpacked(plain[name], body) for name in parts or plain}


def _task(fields: Mapping[str, Any]) -> Task:
    tuples = {k: tuple(v) for k, v in fields.items() if isinstance(v, list)}
    keys = {name: tuple(inner) for name, inner in fields["keys"].items()}
    return Task(**{**fields, **tuples, "keys": keys})


def _packed(value: Any, body: bytearray) -> Any:
    """`value` as JSON; an array is where it begins in `body`, its dtype and shape.
    All in one body: hundreds of entries take longer to open than to read."""
    if isinstance(value, Mapping):
        return {key: _packed(item, body) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_packed(item, body) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        start, array = len(body), np.asarray(value)
        body += array.tobytes()
        return {"$": [start, array.dtype.str, list(array.shape)]}
    return value


def _unpacked(value: Any, body: memoryview) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$"}:
            return _array(body, *value["$"])
        return {key: _unpacked(item, body) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpacked(item, body) for item in value]
    return value


def _array(body: memoryview, start: int, kind: str, shape: list[int]) -> np.ndarray:
    dtype = np.dtype(kind)
    part = body[start : start + math.prod(shape) * dtype.itemsize]
    return np.frombuffer(part, dtype).reshape(shape).copy()
