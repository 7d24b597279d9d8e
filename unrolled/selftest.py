"""`python -m unrolled selftest`: is everything here that the course needs?

Nothing is fetched and nothing is written.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from unrolled import checks, practice

PYTHON, NUMPY = (3, 11), (1, 26)
OPTIONAL = {
    "jupyterlab": "opens the notebooks",
    "ipykernel": "runs them, and `python -m unrolled check` too",
    "nbclient": "`python -m unrolled check`",
    "matplotlib": "the pictures in the notebooks",
    "torch": "the book's second opinion; yours from Part III on",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `ok` is None where it can be done without."""

    ok: bool | None
    what: str
    found: str

    def __str__(self) -> str:
        mark = {True: " ok ", False: "FAIL", None: " -- "}[self.ok]
        return f"[{mark}] {self.what}: {self.found}"


def selftest() -> list[Finding]:
    """Look at everything, in the order in which to mend it."""
    return [
        _python(),
        _numpy(),
        *(_package(name, use) for name, use in OPTIONAL.items()),
        _exercises(),
        _guarded("a check", _check),
    ]


def summary(findings: list[Finding]) -> str:
    """The findings, one a line, and what they amount to."""
    failed = [finding.what for finding in findings if finding.ok is False]
    last = f"Mend first: {', '.join(failed)}." if failed else "Ready to start."
    return "\n".join([*map(str, findings), "", last])


def _python() -> Finding:
    wanted = ".".join(map(str, PYTHON))
    ok = sys.version_info[:2] >= PYTHON
    found = f"{platform.python_version()} on {platform.system()}"
    return Finding(ok, "Python", found if ok else f"{found}, {wanted} is needed")


def _numpy() -> Finding:
    wanted = ".".join(map(str, NUMPY))
    ok = tuple(map(int, np.__version__.split(".")[:2])) >= NUMPY
    found = np.__version__
    return Finding(ok, "NumPy", found if ok else f"{found}, {wanted} is needed")


def _package(name: str, use: str) -> Finding:
    """Whether it is installed; importing it would take seconds."""
    if importlib.util.find_spec(name) is None:
        return Finding(None, name, f"not installed ({use})")
    try:
        return Finding(True, name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(True, name, "there")


def _exercises() -> Finding:
    """Every checks.npz of this checkout, or of the folder we are in, can be read."""
    root, here = Path(__file__).resolve().parent.parent, Path.cwd()
    found = [*root.glob("exercises/*/checks.npz"), *here.glob("exercises/*/checks.npz")]
    paths = [*sorted({*map(Path.resolve, found)}), *here.glob("checks.npz")]
    if not paths:
        return Finding(None, "exercises", "none here; fetch the folder exercises/")
    try:
        cases = sum(map(len, _cases(paths)))
    except ValueError as error:
        return Finding(False, "exercises", str(error))
    return Finding(True, "exercises", f"{len(paths)} with {cases} public cases")


def _cases(paths: list[Path]) -> list[tuple]:
    return [cases for path in paths for cases in checks.read(path).cases.values()]


def _check() -> str:
    """A right function passes and a wrong one is named, on the practice task."""
    right = practice.tried(np.cumsum).verdict
    wrong = practice.tried(lambda xs: np.cumsum(xs) - xs).verdict
    if (right.status, wrong.bug) != ("full", "one-late"):
        raise AssertionError(f"it says {right.summary} and {wrong.summary}")
    return "tells right from wrong"


def _guarded(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(True, what, look())
    except Exception as error:  # whatever is amiss on this machine, say it
        return Finding(False, what, f"{type(error).__name__}: {error}")
