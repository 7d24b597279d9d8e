"""What the processes of a long run hold, while it lasts."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median_high
from typing import NamedTuple

import psutil

from autograder.sandbox import cgroup

EVERY_S = 2.0
PARTS = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)


class Sight(NamedTuple):
    """One look at the whole tree of processes."""

    done: int
    seconds: float  # since the run began
    cpu: float  # seconds of all processors, since then
    main_mb: float  # the command: scheduler, gradebook
    worker_mb: float  # the largest other process that grades
    all_mb: float  # shared pages are shared out
    processes: int
    files: int  # open, in all processes that are not in a sandbox


class Watch:
    head = (
        *("hand-ins done", "ms each", "processor ms each"),
        *("command MB", "worker MB", "all MB"),
        *("processes", "open files"),
    )

    def __init__(self) -> None:
        self.sights: list[Sight] = []

    def begin(self, pid: int, results: Path, used: Callable[[], float]) -> None:
        """Look every few seconds until that process ends."""
        command = psutil.Process(pid)
        started, before = time.monotonic(), used()

        def look() -> None:
            while not _ended(command):
                with contextlib.suppress(psutil.Error, FileNotFoundError):
                    spent = time.monotonic() - started, used() - before
                    self.sights.append(_sight(command, results, spent))

        threading.Thread(target=look, daemon=True).start()

    def rows(self) -> list[list[str]]:
        """At parts of the way: what each cost since the last one, and what was held,
        the median of five looks."""
        graded = [sight for sight in self.sights if sight.done]
        total = max(sight.done for sight in graded)
        rows, last = [], graded[0]
        for part in PARTS:
            near = sorted(graded, key=lambda s, at=part * total: abs(s.done - at))[:5]
            here = Sight(*(median_high(values) for values in zip(*near, strict=True)))
            count = max(1, here.done - last.done)
            each = (here.seconds - last.seconds) / count, (here.cpu - last.cpu) / count
            shown = [here.done, *(1000 * part for part in each), *here[3:]]
            rows.append([f"{value:.0f}" for value in shown])
            last = here
        return rows

    def machine(self) -> dict[str, int]:
        """What a run could leave behind."""
        names = os.listdir(tempfile.gettempdir())
        groups = [p.glob(f"{cgroup.PREFIX}-*") for p in cgroup.parents().values()]
        mine = psutil.Process().children(recursive=True)
        return {
            "folders of ours in /tmp": sum(n.startswith("autograder-") for n in names),
            "control groups of ended graders": sum(map(_orphans, groups)),
            "processes": len(mine),
        }


def _orphans(groups: Iterable[Path]) -> int:
    pids = [group.name.split("-")[1] for group in groups]
    return sum(not psutil.pid_exists(int(pid)) for pid in pids if pid.isdigit())


def _ended(process: psutil.Process) -> bool:
    try:
        process.wait(EVERY_S)
    except psutil.TimeoutExpired:
        return False
    except psutil.Error:
        return True
    return True


def _sight(command: psutil.Process, results: Path, spent: tuple[float, float]) -> Sight:
    tree = [command, *command.children(recursive=True)]
    sizes, files, workers = [], 0, [0.0]
    for process in tree:
        with contextlib.suppress(psutil.Error, FileNotFoundError):
            size = process.memory_full_info()
            sizes.append(size.pss / 1e6)
            ours = "multiprocessing" in " ".join(process.cmdline())
            if process == command or ours:
                files += process.num_fds()
            if ours:
                workers.append(size.rss / 1e6)
    done = sum(name.endswith(".json") for name in os.listdir(results))
    rss = command.memory_info().rss / 1e6
    return Sight(done, *spent, rss, max(workers), sum(sizes), len(tree), files)
