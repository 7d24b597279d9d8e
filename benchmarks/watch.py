"""What the processes of a long run hold, while it lasts."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

import psutil

from autograder.sandbox import cgroup

EVERY_S = 2.0


class Sight(NamedTuple):
    """One look at the whole tree of processes."""

    done: int
    main_mb: float  # the command: scheduler, gradebook
    worker_mb: float  # the largest other process that grades
    all_mb: float  # shared pages are shared out
    processes: int
    files: int  # open, in all processes that are not in a sandbox


class Watch:
    head = (
        *("hand-ins done", "command MB", "worker MB", "all MB"),
        *("processes", "open files"),
    )

    def __init__(self) -> None:
        self.sights: list[Sight] = []

    def begin(self, pid: int, results: Path) -> None:
        """Look every few seconds until that process ends."""
        command = psutil.Process(pid)

        def look() -> None:
            while not _ended(command):
                with contextlib.suppress(psutil.Error, FileNotFoundError):
                    self.sights.append(_sight(command, results))

        threading.Thread(target=look, daemon=True).start()

    def rows(self) -> list[list[str]]:
        """A tenth, a half and all of the way: the median of five looks there."""
        graded = [sight for sight in self.sights if sight.done]
        total = max(sight.done for sight in graded)
        rows = []
        for part in (0.1, 0.25, 0.5, 0.75, 0.98):
            near = sorted(graded, key=lambda s, at=part * total: abs(s.done - at))[:5]
            middle = [
                sorted(values)[len(near) // 2] for values in zip(*near, strict=True)
            ]
            rows.append([f"{value:.0f}" for value in middle])
        return rows

    def machine(self) -> dict[str, int]:
        """What a run could leave behind."""
        names = os.listdir(tempfile.gettempdir())
        groups = [p.glob(f"{cgroup.PREFIX}-*") for p in cgroup.parents().values()]
        mine = psutil.Process().children(recursive=True)
        return {
            "folders of ours in /tmp": sum(n.startswith("autograder-") for n in names),
            "control groups": sum(len(list(found)) for found in groups),
            "processes": len(mine),
        }


def _ended(process: psutil.Process) -> bool:
    try:
        process.wait(EVERY_S)
    except psutil.TimeoutExpired:
        return False
    except psutil.Error:
        return True
    return True


def _sight(command: psutil.Process, results: Path) -> Sight:
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
    return Sight(done, rss, max(workers), sum(sizes), len(tree), files)
