"""The same class for other graders: stock nbgrader, and otter-grader.

Both get one notebook with the same cells, and tests as an instructor would write them:
asserts on the very cases that our grader asks. Both run the student's code and compare
in one process, which nothing contains.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder import grading
from autograder.exercise import ROOT, load
from unrolled.task import Task

Students = Sequence[Mapping[str, str]]
Used = Callable[[], float]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

_TEST = """
def _try(function, returns, data):
    import base64, io
    import numpy as np
    file = np.load(io.BytesIO(base64.b64decode(data)))
    for case in range(int(file["count"])):
        names = sorted(name for name in file if name.startswith(f"{case}/in/"))
        found = function(*(file[name] for name in names))
        found = found if returns > 1 else (found,)
        for number, value in enumerate(found):
            if f"{case}/out/{number}" in file:
                expected = file[f"{case}/out/{number}"]
                np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-8)
"""


def test_source(task: Task, secret: bytes, slug: str) -> str:
    """Asserts on the hidden cases of a function."""
    arrays: dict[str, np.ndarray] = {}
    cases = grading.hidden_cases(slug, task.name, secret)
    for case, one in enumerate(cases):
        for number, name in enumerate(task.args):
            arrays[f"{case}/in/{number}"] = one.inputs[name]
        for number, name in enumerate(task.returns):
            if name in one.expected:
                arrays[f"{case}/out/{number}"] = one.expected[name]
    file = io.BytesIO()
    np.savez(file, count=len(cases), **arrays)
    data = base64.b64encode(file.getvalue()).decode()
    return f"{_TEST}\n_try({task.name}, {len(task.returns)}, {data!r})"


def _cell(source: str, name: str, points: int | None = None) -> NotebookNode:
    cell = new_code_cell(source, id=name)
    marks = {"grade_id": name, "schema_version": 3, "locked": points is not None}
    marks |= {"grade": points is not None, "solution": points is None, "task": False}
    cell.metadata["nbgrader"] = marks | ({} if points is None else {"points": points})
    return cell


def notebook(slug: str, cells: Mapping[str, str], secret: bytes) -> NotebookNode:
    """The students' cells and, where our check cells are, cells of asserts."""
    tasks, made = load(slug).graded, []
    for name, source in cells.items():
        made.append(_cell(source, name))
        if name in tasks and secret:
            test = test_source(tasks[name], secret, slug)
            made.append(_cell(test, f"test_{name}", tasks[name].total))
    return new_notebook(cells=made, metadata={"kernelspec": KERNEL})


def _environment() -> dict[str, str]:
    path = os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


class Stock:
    """A course of stock nbgrader: no configuration but its name."""

    def __init__(self, folder: Path, slug: str, secret: bytes) -> None:
        self.folder, self.slug, self.secret = folder, slug, secret
        (folder / "nbgrader_config.py").write_text(
            "c = get_config()\nc.CourseDirectory.course_id = 'stock'\n"
        )

    def _run(self, *args: str) -> float:
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "nbgrader", *args, "--log-level=CRITICAL"],
            cwd=self.folder,
            env=_environment(),
            check=False,  # one student's endless loop makes it fail
            capture_output=True,
        )
        return time.monotonic() - started

    def cost(self, students: Students, used: Used) -> tuple[float, float]:
        """Seconds, and of all processors, for one submission without the start."""
        self._write("source", self.slug, students[0])
        self._run("generate_assignment", self.slug)
        for number, cells in enumerate(students):
            self._write("submitted", f"s{number}/{self.slug}", cells)
        one = self._timed(used, "--student=s0", "--force")
        rest = self._timed(used)
        done = len(list(self.folder.glob(f"autograded/*/{self.slug}/*.ipynb")))
        assert done == len(students), f"nbgrader graded {done} of {len(students)}"
        # rest = start + (n - 1) submissions, one = start + 1 submission
        wall, cpu = (
            (b - a) / (len(students) - 2) for a, b in zip(one, rest, strict=True)
        )
        return wall, cpu

    def _timed(self, used: Used, *options: str) -> tuple[float, float]:
        before = used()
        return self._run("autograde", self.slug, *options), used() - before

    def _write(self, step: str, place: str, cells: Mapping[str, str]) -> None:
        path = self.folder / step / place / f"{self.slug}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook(self.slug, cells, self.secret), path)


class Otter:
    """otter-grader in an environment of its own, without its Docker containers."""

    def __init__(self, folder: Path, slug: str, secret: bytes) -> None:
        self.folder, self.slug, self.secret = folder, slug, secret
        self.python = folder / "venv" / "bin" / "python"

    def available(self) -> bool:
        """False without a network, and for torch, which would be 2 GB more."""
        if any("torch" in cell.source for cell in load(self.slug).cells):
            return False
        venv.create(self.folder / "venv", with_pip=True)
        install = ["-m", "pip", "install", "-q", "otter-grader", "ipykernel"]
        done = subprocess.run([self.python, *install], check=False, capture_output=True)
        return done.returncode == 0

    def cost(self, students: Students, used: Used) -> tuple[float, float]:
        """The same, for a process that has imported otter. Most of what it spends is
        in the processes that it starts, so the processors' time is of the whole."""
        self._write_tests()
        for number, cells in enumerate(students):
            path = self.folder / f"s{number}.ipynb"
            nbformat.write(notebook(self.slug, cells, b""), path)
        program = (
            "import sys, time, json, otter.api as api\n"
            "times, points = [], []\n"
            "for path in sys.argv[2:]:\n"
            "    started = time.monotonic()\n"
            "    points.append(api.grade_submission(path, sys.argv[1], quiet=True)"
            ".total)\n"
            "    times.append(time.monotonic() - started)\n"
            "print(json.dumps([sum(times) / len(times), max(points)]))\n"
        )
        names = [f"s{number}.ipynb" for number in range(len(students))]
        before = used()
        done = subprocess.run(
            [self.python, "-c", program, "autograder.zip", *names],
            cwd=self.folder,
            env={**_environment(), "PATH": f"{self.python.parent}:/usr/bin:/bin"},
            check=True,
            capture_output=True,
            text=True,
        )
        mean, best = json.loads(done.stdout.splitlines()[-1])
        assert best > 0, "otter-grader gave nobody a point"
        return mean, (used() - before) / len(students)

    def _write_tests(self) -> None:
        folder = self.folder / "tests"
        folder.mkdir()
        for name, task in load(self.slug).graded.items():
            source = test_source(task, self.secret, self.slug)
            code = "\n".join(_doctest(source))
            case = {"code": code, "hidden": True, "locked": False}
            suite = {"cases": [case], "scored": True, "setup": "", "teardown": ""}
            test = {"name": name, "points": task.total}
            test["suites"] = [{**suite, "type": "doctest"}]
            (folder / f"{name}.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
        otter = self.python.with_name("otter")
        make = [otter, "generate", "-t", "tests", "-o", "autograder.zip"]
        subprocess.run(make, cwd=self.folder, check=True, capture_output=True)

    def close(self) -> None:
        shutil.rmtree(self.folder / "venv", ignore_errors=True)


def _doctest(source: str) -> list[str]:
    """Source as a doctest: each statement behind its prompt."""
    lines, inside = [], False
    for line in source.strip().splitlines():
        inside = line.startswith((" ", ")")) if lines else False
        lines.append(f"{'...' if inside else '>>>'} {line}".rstrip())
    return lines
