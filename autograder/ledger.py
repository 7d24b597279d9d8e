"""What has been graded: one JSON file a student, known by what it was made from.

    _grading/results/NN-slug/<student>.json

A result's key is a digest of all that it depends on: the hand-in, the exercise, the
secret, this grader. So an unchanged hand-in is not graded again, a killed run goes on
where it was, and any change of what counts grades anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import importlib.metadata
import json
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from autograder.derive import grading_folder
from autograder.exercise import EXERCISES, ROOT, SOLUTIONS, slugs
from autograder.faults import GraderFault
from autograder.intake import Packet
from autograder.secret import course_secret

REST = ', "verdicts": '  # what stands before it can be read without the rest
HEAD_BYTES = 8192
_SUFFIXES = (".py", ".ipynb", ".npz")
_PACKAGES = ("numpy", "torch", "ipython", "nbformat")


class Course(NamedTuple):
    """Digests of what two machines must share to give the same points."""

    grader: str
    exercise: str
    secret: str


@lru_cache(maxsize=64)
def course(slug: str) -> Course:
    """As this process has it: code that was changed since it started is not in it."""
    secret = course_secret(grading_folder())
    return Course(_grader(), _exercise(slug), _mark(secret))


def key(here: Course, packet: Packet, unsafe: bool) -> str:
    """The name of what grading this hand-in will give."""
    about = json.dumps([*here, unsafe, packet.notes]).encode()
    return hashlib.sha256(about + b"\n" + packet.data).hexdigest()


def _mark(secret: bytes) -> str:
    """Tells one secret from another, and nothing about either."""
    return hmac.new(secret, b"which secret is this", hashlib.sha256).hexdigest()


@lru_cache(maxsize=1)
def _grader() -> str:
    files = (p for name in ("autograder", "unrolled") for p in (ROOT / name).rglob("*"))
    versions = [f"{n} {importlib.metadata.version(n)}" for n in _PACKAGES]
    return _digest(files, " ".join(versions))


def _exercise(slug: str) -> str:
    folders = [SOLUTIONS / name for name in _mentioned(slug)] + [EXERCISES / slug]
    return _digest(p for folder in folders for p in folder.rglob("*"))


def _mentioned(slug: str) -> list[str]:
    """An exercise and those that its files name: their cells may be part of it."""
    found, rest, known = [slug], [slug], slugs()
    while rest:
        files = (SOLUTIONS / rest.pop()).glob("*.py")
        text = "".join(path.read_text("utf-8") for path in files)
        new = [name for name in known if name in text and name not in found]
        found += new
        rest += new
    return sorted(found)


def _digest(files: Iterable[Path], more: str = "") -> str:
    digest = hashlib.sha256(more.encode())
    for path in sorted(files):
        if path.suffix in _SUFFIXES:
            name = path.relative_to(ROOT).as_posix()
            digest.update(f"\n{name} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


class Ledger:
    """The results of one exercise."""

    def __init__(self, slug: str) -> None:
        self.folder = grading_folder() / "results" / slug

    def path(self, student: str) -> Path:
        return self.folder / f"{student}.json"

    def head(self, student: str) -> dict[str, Any]:
        """A result without verdicts and notebook; {} if there is none."""
        return _head(self.path(student))

    def keys(self) -> dict[str, str]:
        """Key -> a student with that result, for all that can be kept."""
        students = sorted(path.stem for path in self.folder.glob("*.json"))
        found = {self.head(student).get("key", ""): student for student in students}
        found.pop("", None)
        return found

    def read(self, student: str) -> dict[str, Any]:
        return json.loads(self.path(student).read_bytes())

    def write(self, student: str, result: dict[str, Any]) -> None:
        """Put a result in place in one step; whoever looks sees all of it or none."""
        text = json.dumps(result, ensure_ascii=False, allow_nan=False)
        part = self.folder / f".{os.getpid()}.part"
        part.write_text(text, "utf-8")
        part.replace(self.path(student))

    def copy(self, source: str, student: str) -> None:
        """The same hand-in gives the same result."""
        if source != student:
            part = self.folder / f".{os.getpid()}.part"
            part.write_bytes(self.path(source).read_bytes())
            part.replace(self.path(student))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No second run on the same exercise at the same time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise GraderFault(
                    f"{self.folder.name} is being graded by another run: wait for it, "
                    "or end it."
                ) from None
            yield


def _head(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(HEAD_BYTES).decode("utf-8", "ignore")
        return json.loads(text.partition(REST)[0] + "}")
    except (FileNotFoundError, ValueError):
        return {}
