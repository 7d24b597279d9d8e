"""What grading a class costs, against stock nbgrader and otter-grader.

    python benchmarks/grading.py [--quick] [--out FILE]

One class of exercise 2 for all: right solutions in 25 styles and solutions with one or
two of the known bugs, no two alike. Ours runs with the sandbox, on hidden cases, with
an empty cache; it does not run cells of the course that plot and that the student left
as they were, which the others cannot know. Prints markdown for benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autograder import grading
from autograder.derive import notebook_text, source_notebook
from autograder.exercise import ROOT, load
from autograder.inside import shell
from autograder.sandbox import Sandbox, sandboxes
from benchmarks.rivals import Otter, Stock
from unrolled.answer import answer
from unrolled.task import question

SLUG = "02-recurrent-cell"
SECRET = b"the secret of a course that is only measured"

Cells = dict[str, str]


LOOK = "look"  # names of cells that plot and try things; the grader need not run them


def solution() -> Cells:
    """The code cells of a hand-in by name, without the checks."""
    found = {}
    for number, cell in enumerate(load(SLUG).cells):
        if cell.cell_type == "code" and "check" not in cell.metadata:
            name = cell.metadata.get("solution") or cell.metadata.get("given")
            found[name or f"{LOOK}-{number}"] = cell.source
    return found


def needed(cells: Cells) -> Cells:
    return {name: text for name, text in cells.items() if not name.startswith(LOOK)}


def students(count: int) -> Iterator[Cells]:
    """A third right in other styles, a third with one known bug, a third with two."""
    exercise = load(SLUG)
    variants = list(exercise.variants.values())
    edits = [(name, edit) for name, all in exercise.edits.items() for edit in all]
    for number in range(count):
        cells = solution()
        cells.update(variants[number % len(variants)].cells if number % 3 == 0 else {})
        for step in range(number % 3):
            name, edit = edits[(7 * number + 31 * step) % len(edits)]
            with contextlib.suppress(ValueError):  # the other bug is in its way
                cells[name] = edit.apply(cells[name], name)
        cells["mse"] += f"\n# student {number}"
        yield cells


class Course:
    """A course of ours under _grading/, with a class of any size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        place = folder.relative_to(ROOT).as_posix()
        path = os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]])
        self.env = {**os.environ, "UNROLLED_GRADING": place, "PATH": path}
        self.env["UNROLLED_SECRET"] = SECRET.decode()
        aside = f"--CourseDirectory.release_directory={place}/release"
        self._run("-m", "nbgrader", "generate_assignment", SLUG, aside)

    def _run(self, *args: str) -> subprocess.CompletedProcess:
        command = [sys.executable, *args]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, check=True, capture_output=True, text=True
        )

    def hand_in(self, everybody: Sequence[Cells]) -> None:
        for part in ("submitted", "autograded", "results"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        notebook = source_notebook(load(SLUG))
        for number, cells in enumerate(everybody):
            for cell in notebook.cells:
                name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
                cell.source = cells.get(name.removeprefix("given_"), cell.source)
            folder = self.folder / "submitted" / f"s{number:05}" / SLUG
            folder.mkdir(parents=True)
            (folder / f"{SLUG}.ipynb").write_text(notebook_text(notebook), "utf-8")

    def grade(self, workers: int) -> tuple[float, list[dict]]:
        """Seconds from the command to the last grade written, and the results."""
        started = time.monotonic()
        options = ("--workers", str(workers), "--json")
        done = self._run("-m", "autograder", "grade", SLUG, *options)
        taken = time.monotonic() - started
        return taken, [json.loads(line) for line in done.stdout.splitlines()]


def one_by_one(everybody: Sequence[Cells]) -> tuple[float, float, float]:
    """Median ms of one submission: in the sandbox, and in a warm process that runs all
    its cells, or those that are needed and answers the same questions, without forks,
    copies or judgement."""

    def contained(cells: Cells) -> None:
        spare = [n for n, name in enumerate(cells) if name.startswith(LOOK)]
        grading.grade(SLUG, list(cells.values()), SECRET, spare=spare)

    ours = _median(contained, everybody)
    asked = [
        question(task, case, None)
        for name, task in load(SLUG).graded.items()
        for case in grading.hidden_cases(SLUG, name, SECRET)
    ]
    streams = sys.stdout, sys.stderr
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    notebook = shell.make()
    empty = set(notebook.user_ns)

    def all_cells(cells: Cells) -> None:
        for name in set(notebook.user_ns) - empty:
            del notebook.user_ns[name]
        for cell in cells.values():
            notebook.run(cell, 1 << 20)

    def cells_and_questions(cells: Cells) -> None:
        all_cells(needed(cells))
        for one in asked:
            answer(one, notebook.user_ns)

    os.chdir(ROOT / "exercises" / SLUG)
    whole = _median(all_cells, everybody)
    least = _median(cells_and_questions, everybody)
    sys.stdout, sys.stderr = streams
    os.chdir(ROOT)
    return ours, whole, least


def _median(work: Callable[[Cells], None], everybody: Sequence[Cells]) -> float:
    work(everybody[0])
    taken = []
    for cells in everybody:
        started = time.perf_counter()
        work(cells)
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def memory(more: tuple[str, ...]) -> float:
    """MB of one worker and of all in its sandbox, while it grades; shared pages are
    shared out. In a process of its own, like a worker."""
    program = f"from benchmarks import grading; print(grading.peak({more!r}))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def peak(more: tuple[str, ...]) -> float:
    import distributed  # noqa: F401 - a worker has these

    from autograder import worker  # noqa: F401

    over, sizes = threading.Event(), [0.0]

    def watch() -> None:
        me = psutil.Process()
        while not over.wait(0.02):
            processes = [me, *me.children(recursive=True)]
            sizes.append(sum(map(_pss, processes)) / 1e6)

    threading.Thread(target=watch, daemon=True).start()
    with Sandbox(grading.LIMITS, (*sandboxes.LIGHT, *more)) as sandbox:
        for cells in students(12):
            grading.grade(SLUG, list(cells.values()), SECRET, sandbox)
        over.set()
    return max(sizes)


def _pss(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error, FileNotFoundError):
        return process.memory_full_info().pss
    return 0


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def report(sizes: Sequence[int], few: int, workers: int) -> Iterator[str]:
    (ROOT / "_grading").mkdir(exist_ok=True)
    with contextlib.ExitStack() as undo:
        place = tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "_grading")
        aside = tempfile.TemporaryDirectory(prefix="bench-")
        folder = Path(undo.enter_context(place))
        elsewhere = Path(undo.enter_context(aside))
        yield (
            f"{platform.machine()}, {os.cpu_count()} cores, Linux "
            f"{platform.release()}, Python {platform.python_version()}; load average "
            f"when it began: {os.getloadavg()[0]:.1f}."
        )
        course, curve = Course(folder), {}
        for size in sizes:
            course.hand_in(list(students(size)))
            curve[size], rows = course.grade(workers)
            assert len(rows) == size
            assert not any(row["status"] == "could_not_check" for row in rows)
        again = course.grade(workers)[0]
        yield table(
            ["submissions", "seconds in all", "ms each", "each second"],
            [
                [n, f"{s:.1f}", f"{1000 * s / n:.0f}", f"{n / s:.1f}"]
                for n, s in curve.items()
            ],
        )
        yield f"The same {sizes[-1]} once more, unchanged: {again:.1f} s."
        size = sizes[1]
        ours = curve[size] / size
        others = {f"ours, {workers} workers, {size} submissions, start included": ours}
        for name, kind in (("stock", Stock), ("otter", Otter)):
            (elsewhere / name).mkdir()
            rival = kind(elsewhere / name, SLUG, SECRET)
            if name == "otter" and not rival.available():
                yield "otter-grader could not be installed here."
                continue
            count = f"{few} submissions, start not included"
            others[f"{_NAMES[name]}, {count}"] = rival.seconds(list(students(few)))
            if name == "stock":
                (elsewhere / "bare").mkdir()
                bare = Stock(elsewhere / "bare", SLUG, SECRET)
                some = [needed(cells) for cells in students(few)]
                others["the same, cells that plot taken out"] = bare.seconds(some)
        yield table(
            ["grader", "s each", "ours is faster by"],
            [[n, f"{s:.3f}", f"{s / ours:.1f}"] for n, s in others.items()],
        )
        contained, whole, least = one_by_one(list(students(2 * few)))
        yield table(
            ["one submission, one process", "median ms", "ours takes"],
            [
                ["ours: sandbox, hidden cases, verdicts", f"{contained:.0f}", ""],
                ["warm process: all cells", f"{whole:.0f}", _times(contained / whole)],
                [
                    "warm process: needed cells, same questions",
                    f"{least:.0f}",
                    _times(contained / least),
                ],
            ],
        )
        sizes_mb = {
            "NumPy": memory(()),
            "NumPy and matplotlib": memory(("matplotlib.pyplot",)),
            "NumPy and torch": memory(("torch",)),
        }
        yield table(
            ["memory of one worker, its sandbox included", "MB"],
            [[name, f"{size:.0f}"] for name, size in sizes_mb.items()],
        )
        yield f"Load average when it ended: {os.getloadavg()[0]:.1f}."


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times that"


_NAMES = {"stock": "stock nbgrader", "otter": "otter-grader without containers"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small classes")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 200, 2000])
    parser.add_argument("--few", type=int, default=16, help="for the other graders")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="also write the text here")
    chosen = parser.parse_args()
    parts = []
    sizes, few = ([20, 60], 6) if chosen.quick else (chosen.sizes, chosen.few)
    for part in report(sizes, few, chosen.workers):
        print(f"{part}\n", flush=True)
        parts.append(part)
    if chosen.out:
        chosen.out.write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
