"""What the processes of a long run hold, while it lasts."""

from __future__ import annotations

import contextlib
import hashlib
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

PARTS = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)


class Sight(NamedTuple):
    """One look at the whole tree of processes."""

    done: int
    seconds: float  # since the run began
    cpu: float  # seconds of all processors, since then
    main_mb: float  # the command: scheduler, gradebook; shared pages are shared out
    worker_mb: float  # the largest other process that grades, shared pages included
    all_mb: float  # shared pages are shared out
    processes: int
    files: int  # open, in all processes that are not in a sandbox
    fixed_us: float  # of a processor, for work that is always the same


class Watch:
    head = (
        *("hand-ins done", "ms each", "processor ms each"),
        *("command MB", "worker MB", "all MB"),
        *("processes", "open files", "fixed work µs"),
    )

    def __init__(self, every_s: float = 2.0) -> None:
        self.sights: list[Sight] = []
        self.every_s = every_s

    def begin(self, pid: int, results: Path, used: Callable[[], float]) -> None:
        """Look every few seconds until that process ends."""
        command = psutil.Process(pid)
        started, before = time.monotonic(), used()

        def look() -> None:
            while not _ended(command, self.every_s):
                with contextlib.suppress(psutil.Error, FileNotFoundError, KeyError):
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

    def each_mb(self, workers: int) -> float:
        """The most that was held beside the command, by worker."""
        return max(sight.all_mb - sight.main_mb for sight in self.sights) / workers

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


def _ended(process: psutil.Process, wait_s: float) -> bool:
    try:
        process.wait(wait_s)
    except psutil.TimeoutExpired:
        return False
    except psutil.Error:
        return True
    return True


def _sight(command: psutil.Process, results: Path, spent: tuple[float, float]) -> Sight:
    tree = [command, *command.children(recursive=True)]
    sizes, files, workers = {}, 0, [0.0]
    for process in tree:
        with contextlib.suppress(psutil.Error, FileNotFoundError):
            size = process.memory_full_info()
            sizes[process.pid] = size.pss / 1e6
            ours = "multiprocessing" in " ".join(process.cmdline())
            if process == command or ours:
                files += process.num_fds()
            if ours:
                workers.append(size.rss / 1e6)
    done = sum(name.endswith(".json") for name in os.listdir(results))
    main, every = sizes[command.pid], sum(sizes.values())
    held = main, max(workers), every, len(tree), files
    return Sight(done, *spent, *held, _fixed_us())


def _fixed_us() -> float:
    """How fast the machine is now: a virtual one changes over a long run."""
    started = time.thread_time_ns()
    for _ in range(4):
        hashlib.sha256(bytes(1 << 18))
        sorted(range(20_000), key=str)
    return (time.thread_time_ns() - started) / 4_000
