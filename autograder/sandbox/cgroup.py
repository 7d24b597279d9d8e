"""Limits on memory and processes for a whole session, where this machine lets us.

A cgroup counts what rlimits cannot: the sum over processes, files on a tmpfs, and the
processes of root. On a busy machine it also gives every session the same part of the
processors, where the kernel would give it to every process. It can be made as root (v1
or v2), and by an ordinary user in a delegated v2 tree (`systemd-run --user --scope`).
Elsewhere `Group.make` gives None.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PREFIX = "autograder"
ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_NUMBERS = itertools.count(1)  # of all sandboxes of this process


@dataclass
class Group:
    """One session's control group; used again by the next when it is empty."""

    folders: list[Path]
    memory: Path | None
    killed: int = 0

    @classmethod
    def make(cls, memory_bytes: int, processes: int) -> Group | None:
        """A new group with these limits, or None where none can be made."""
        name = f"{PREFIX}-{os.getpid()}-{next(_NUMBERS)}"
        made: list[Path] = []
        memory = None
        for controller, parent in parents().items():
            folder = parent / name
            try:
                folder.mkdir()
                _limit(controller, folder, memory_bytes, processes)
            except OSError:
                _remove(folder)
                continue
            made.append(folder)
            if controller in ("memory", "v2"):
                memory = folder
        return cls(made, memory) if made else None

    def add(self, pid: int) -> list[int]:
        """Count this process and all its later children.

        In v1 that process must write "0" to the files that are returned: a thread that
        moves itself need not wait for the whole machine, which takes 10 ms.
        """
        self.ran_out()
        doors = []
        for folder in self.folders:
            if (folder / "tasks").exists():
                doors.append(os.open(folder / "tasks", os.O_WRONLY | os.O_CLOEXEC))
            else:
                (folder / "cgroup.procs").write_text(str(pid))
        return doors

    def ran_out(self) -> bool:
        """Whether the kernel killed something here for want of memory since we last
        asked."""
        before, self.killed = self.killed, self._killed()
        return self.killed > before

    def remove(self) -> None:
        for folder in self.folders:
            _remove(folder)

    def _killed(self) -> int:
        if self.memory is None:
            return 0
        for name in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(OSError):
                for line in (self.memory / name).read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0

    def kill(self) -> None:
        """Kill every process in here, until there is none."""
        for _ in range(400):
            pids = {p for f in self.folders for p in _members(f)}
            if not pids:
                return
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)

    def counts(self) -> set[str]:
        """What is limited, "memory" and "processes", and whether "cpu" is shared out
        between sessions, however many processes each of them has."""
        found = {"memory"} if self.memory else set()
        if self._has("pids.max"):
            found.add("processes")
        if self._has("cpu.weight") or self._has("cpu.shares"):
            found.add("cpu")
        return found

    def _has(self, name: str) -> bool:
        return any((folder / name).exists() for folder in self.folders)


def sweep() -> None:
    """Remove the groups of graders that were killed."""
    for parent in parents().values():
        for folder in parent.glob(f"{PREFIX}-*-*"):
            pid = folder.name.split("-")[1]
            if pid.isdigit() and not Path("/proc", pid).exists():
                _remove(folder)


def parents() -> dict[str, Path]:
    """Controller to the folder in which we may make a group: ours, or the nearest
    above it that hands the controllers on."""
    found: dict[str, Path] = {}
    try:
        lines = OWN.read_text().splitlines()
    except OSError:
        return {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in {"memory", "pids", "cpu"} & set(controllers.split(",")):
            folder = ROOT / controller / path.lstrip("/")
            if os.access(folder, os.W_OK):
                found[controller] = folder
        if not controllers and not found:
            unified = _unified(ROOT, path)
            if unified:
                found["v2"] = unified
    return found


def _members(folder: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    return []


def _unified(root: Path, path: str) -> Path | None:
    folder = root / path.lstrip("/")
    for place in (folder, *folder.parents):
        handed_on = place / "cgroup.subtree_control"
        with contextlib.suppress(OSError):
            if {"memory", "pids"} <= set(handed_on.read_text().split()):
                return place if os.access(place, os.W_OK) else None
        if place == root:
            break
    return None


def _limit(controller: str, folder: Path, memory_bytes: int, processes: int) -> None:
    if controller == "memory":
        (folder / "memory.limit_in_bytes").write_text(str(memory_bytes))
        with contextlib.suppress(OSError):  # no swap accounting
            (folder / "memory.memsw.limit_in_bytes").write_text(str(memory_bytes))
    if controller == "v2":
        (folder / "memory.max").write_text(str(memory_bytes))
        with contextlib.suppress(OSError):
            (folder / "memory.swap.max").write_text("0")
    if controller in ("pids", "v2"):
        (folder / "pids.max").write_text(str(processes))


def _remove(folder: Path) -> None:
    for _ in range(50):  # the last process may still be on its way out
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return
