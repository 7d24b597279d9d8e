"""What an instructor sees of a run: a progress bar, a table, JSON lines."""

from __future__ import annotations

import json
from collections import Counter
from statistics import mean, median
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from autograder.batch import Batch, Choice, Summary
from autograder.exercise import load
from unrolled.report import number

SHOWN = 12  # names in a sentence


def grade(slug: str, choice: Choice, *, lines: bool = False) -> int:
    """Run the command: the bar and sentences go to stderr, JSON lines to stdout."""
    console = Console(stderr=True, highlight=False)
    run = Batch(slug, choice)
    try:
        with Bar(console) as bar:
            summary = run.run(bar)
    except KeyboardInterrupt:
        console.print(
            f"Stopped. {run.summary.graded} hand-ins were run in this time and are "
            "kept: the same command goes on from here."
        )
        return 130
    if lines:
        print(*json_lines(summary), sep="\n")
    else:
        console.print(table(slug, summary))
    for sentence in sentences(slug, summary):
        console.print(sentence, soft_wrap=True)
    return 0


class Bar:
    """A run on the terminal: how many, how fast, how long still, and what came."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[statuses]}"),
            console=console,
        )
        self._counts: Counter[str] = Counter()
        self._task: Any = None

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, what: str, total: int) -> None:
        self._counts.clear()
        if total:
            self._task = self._bar.add_task(what, total=total, rate="", statuses="")

    def step(self, status: str) -> None:
        self._counts[status] += 1
        self._bar.update(self._task, advance=1, statuses=counted(self._counts))
        speed = self._bar.tasks[self._task].speed
        self._bar.update(self._task, rate=f"{speed:.1f}/s" if speed else "")


def counted(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in counts.most_common())


def table(slug: str, summary: Summary) -> Table:
    """How each function went, and how long examining it takes, mostly."""
    heads = summary.heads.values()
    unsafe = ", UNSAFE" if any(head["unsafe"] for head in heads) else ""
    made = Table(title=f"{slug}: {len(summary.heads)} hand-ins{unsafe}")
    made.add_column("function")
    made.add_column("mean points", justify="right")
    made.add_column("seconds", justify="right")
    made.add_column("hand-ins")
    for name, task in load(slug).graded.items():
        found = [head["functions"][name] for head in heads]
        seconds = [s for head in heads if (s := head["seconds"].get(name))]
        points = mean(f["points"] for f in found) if found else 0.0
        counts = Counter(f["status"] for f in found)
        each = f"{median(seconds):.3f}" if seconds else ""
        made.add_row(name, f"{points:.1f}/{number(task.total)}", each, counted(counts))
    return made


def sentences(slug: str, summary: Summary) -> list[str]:
    """What was done, who needs a person, and what to do next."""
    kept = f"{summary.kept} results were known already"
    said = [f"{summary.graded} hand-ins were run; {kept}."]
    if summary.graded:
        rate = summary.graded / summary.seconds
        said[0] += (
            f" {summary.seconds:.1f} s on {summary.workers} workers, {rate:.1f}/s."
        )
    said.append(f"{summary.written} grades were written.")
    if summary.open:
        names = ", ".join(summary.open[:SHOWN])
        more = f" and {len(summary.open) - SHOWN} more" * (len(summary.open) > SHOWN)
        said.append(
            f"{len(summary.open)} could not be graded and need a person: "
            f"{escape(names)}{more}. `python -m autograder show {slug}` says why."
        )
    if any(head["unsafe"] for head in summary.heads.values()):
        said.append("Graded without a sandbox: do not use these points for a class.")
    return said


def json_lines(summary: Summary) -> list[str]:
    """One JSON object a student."""
    return [
        json.dumps({"student": student, **head}, ensure_ascii=False)
        for student, head in summary.heads.items()
    ]
