"""What grading a class costs, against stock nbgrader and otter-grader.

    python benchmarks/grading.py [--quick] [--torch] [--students 10000] [--out FILE]

One class of exercise 2 for all: right solutions in 25 styles and solutions with one or
two of the known bugs, no two alike; with --torch, of an exercise in torch that is made
for this. Ours runs with the sandbox, on hidden cases, with an empty cache; it does not
run cells of the course that plot and that the student left as they were, which the
others cannot know. --students is one run of that size, watched for leaks. Processor
time is counted by a control group where we are root: on a machine with other work it
is the figure to trust. Prints markdown for benchmarks/README.md.
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
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autograder import grading
from autograder.derive import notebook_text, source_notebook
from autograder.exercise import ROOT, load
from autograder.inside import shell
from benchmarks import torch_exercise
from benchmarks.cpu import counter
from benchmarks.rivals import Otter, Stock
from benchmarks.watch import Watch
from unrolled.answer import answer
from unrolled.task import question

SLUG = os.environ.get("BENCH_EXERCISE", "02-recurrent-cell")
SECRET = b"the secret of a course that is only measured"

Cells = dict[str, str]
USED = counter()


class Cost(NamedTuple):
    """Seconds on the clock, and of all processors (nan where nobody counts them)."""

    wall: float
    cpu: float


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
    edits = [
        (exercise.cell_of(name), edit)
        for name, every in exercise.edits.items()
        for edit in every
    ]
    last = exercise.cell_of(list(exercise.graded)[-1])
    for number in range(count):
        cells = solution()
        if variants and number % 3 == 0:
            cells.update(variants[number % len(variants)].cells)
        for step in range(number % 3):
            name, edit = edits[(7 * number + 31 * step) % len(edits)]
            with contextlib.suppress(ValueError):  # the other bug is in its way
                cells[name] = edit.apply(cells[name], name)
        cells[last] += f"\n# student {number}"
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

    def hand_in(self, everybody: Iterable[Cells]) -> None:
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

    def grade(self, workers: int, watch: Watch | None = None) -> tuple[Cost, list]:
        """What it costs from the command to the last grade written; the results."""
        command = [sys.executable, "-m", "autograder", "grade", SLUG, "--json"]
        command += ["--workers", str(workers)]
        before, started = USED(), time.monotonic()
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, cwd=ROOT, env=self.env, **pipes) as process:
            if watch:
                watch.begin(process.pid, self.folder / "results" / SLUG, USED)
            said, _ = process.communicate()
        taken = time.monotonic() - started
        assert process.returncode == 0, "the run failed"
        rows = [json.loads(line) for line in said.splitlines()]
        assert not any(row["status"] == "could_not_check" for row in rows)
        return Cost(taken, USED() - before), rows


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


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {SLUG}; load average when it began: "
        f"{os.getloadavg()[0]:.1f}."
    )


@contextlib.contextmanager
def places() -> Iterator[tuple[Path, Path]]:
    """A folder for a course of ours, and one for the rivals' courses."""
    (ROOT / "_grading").mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "_grading") as ours,
        tempfile.TemporaryDirectory(prefix="bench-") as theirs,
    ):
        yield Path(ours), Path(theirs)


def report(sizes: Sequence[int], few: int, workers: int) -> Iterator[str]:
    yield machine()
    with places() as (folder, elsewhere):
        curve = {}
        course = Course(folder)
        rivals = _rivals(elsewhere, few)
        for size in sizes:
            course.hand_in(list(students(size)))
            curve[size], rows = course.grade(workers)
            assert len(rows) == size
        again, _ = course.grade(workers)
        watch = Watch(every_s=0.5)
        course.hand_in(students(60))
        course.grade(workers, watch)
        yield table(
            ["submissions", "s in all", "ms each", "processor ms each"],
            [
                [n, f"{c.wall:.1f}", f"{1000 * c.wall / n:.0f}", _ms(c.cpu / n)]
                for n, c in curve.items()
            ],
        )
        yield f"The same {sizes[-1]} once more, unchanged: {again.wall:.1f} s."
        yield _against(curve, rivals, workers)
    yield _one_submission(list(students(2 * few)))
    yield (
        f"Memory of each of {workers} workers, its sandbox and its share of what they "
        f"share included: {watch.each_mb(workers):.0f} MB."
    )
    yield f"Load average when it ended: {os.getloadavg()[0]:.1f}."


def _rivals(folder: Path, few: int) -> dict[str, Cost]:
    """What one submission costs the others; without their programs' start."""
    found = {}
    everybody = list(students(few))
    bare = [needed(cells) for cells in everybody]
    kinds = {"stock nbgrader": (Stock, everybody), "otter-grader": (Otter, everybody)}
    if bare != everybody:
        kinds["stock nbgrader, plots taken out"] = (Stock, bare)
    for number, (name, (kind, hand_ins)) in enumerate(kinds.items()):
        (folder / str(number)).mkdir()
        rival = kind(folder / str(number), SLUG, SECRET)
        if isinstance(rival, Otter) and not rival.available():
            continue
        found[name] = Cost(*rival.cost(hand_ins, USED))
    return found


def _against(curve: dict[int, Cost], rivals: dict[str, Cost], workers: int) -> str:
    size = 200 if 200 in curve else max(curve)
    ours = Cost(*(part / size for part in curve[size]))
    rows = [[f"ours, {workers} workers, {size} submissions", *_each(ours), "", ""]]
    for name, cost in rivals.items():
        times = [f"{a / b:.1f}" for a, b in zip(cost, ours, strict=True)]
        rows.append([name, *_each(cost), *times])
    head = ["grader", "s each", "processor s each", "ours faster by", "cheaper by"]
    return table(head, rows)


def _each(cost: Cost) -> list[str]:
    return [f"{part:.3f}" for part in cost]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f}"


def _one_submission(everybody: Sequence[Cells]) -> str:
    contained, whole, least = one_by_one(everybody)
    return table(
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


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times that"


def endurance(count: int, workers: int) -> Iterator[str]:
    """One long run: what the processes hold at its beginning and at its end."""
    yield machine()
    with places() as (folder, _):
        course, watch = Course(folder), Watch()
        course.hand_in(students(count))
        before = watch.machine()
        cost, rows = course.grade(workers, watch)
        after = watch.machine()
    each = [_ms(part / count) for part in cost]
    yield (
        f"{len(rows)} in one run: {cost.wall:.0f} s, {each[0]} ms each, of the "
        f"processors {each[1]}."
    )
    yield table(watch.head, watch.rows())
    yield table(
        ["left on the machine", "before", "after"],
        list(zip(before, before.values(), after.values(), strict=True)),
    )
    yield f"Load average when it ended: {os.getloadavg()[0]:.1f}."


def in_torch(arguments: Sequence[str]) -> None:
    """The same program, in a copy of the course that has an exercise in torch."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        torch_exercise.add(Path(folder))
        env = {**os.environ, "BENCH_EXERCISE": torch_exercise.SLUG}
        command = [sys.executable, "benchmarks/grading.py", *arguments]
        subprocess.run(command, cwd=folder, env=env, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small classes")
    parser.add_argument("--torch", action="store_true", help="an exercise in torch")
    parser.add_argument("--students", type=int, help="one watched run of so many")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 200, 2000])
    parser.add_argument("--few", type=int, default=16, help="for the other graders")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="also write the text here")
    chosen = parser.parse_args()
    if chosen.torch:
        in_torch([word for word in sys.argv[1:] if word != "--torch"])
        return
    sizes, few = ([20, 60], 6) if chosen.quick else (chosen.sizes, chosen.few)
    made = report(sizes, few, chosen.workers)
    if chosen.students:
        made = endurance(chosen.students, chosen.workers)
    parts = []
    for part in made:
        print(f"{part}\n", flush=True)
        parts.append(part)
    if chosen.out:
        chosen.out.write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
