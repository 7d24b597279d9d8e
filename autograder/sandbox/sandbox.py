"""The sandbox itself: a warm parent in its cage, and the sessions it opens."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
import stat
import struct
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np

from autograder import wire
from autograder.faults import GraderFault
from autograder.sandbox import cgroup
from autograder.sandbox.cage import DOCTOR, Cage
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Session

START_S = 10.0  # to fork a session; seconds only on a machine that is overloaded
DEFAULT = Limits()
WORK = "/box/work"
CREDENTIALS = struct.calcsize("3i")


class Sandbox:
    """One warm parent, and sessions forked from it. One worker process needs one.

    The warm parent dies with the thread that started it, which is the one that opened
    the first session; the next `open` starts another.
    """

    def __init__(
        self,
        limits: Limits = DEFAULT,
        imports: tuple[str, ...] = ("numpy",),
        *,
        unsafe: bool = False,
        start_s: float = 60.0,
        way: str = "",
    ) -> None:
        self.limits = limits
        self.contained = not unsafe
        kept = {"contained": self.contained, "way": way}
        self._cage = Cage(imports, wait_s=start_s, **kept)  # type: ignore[arg-type]
        self._groups: list[cgroup.Group] = []
        self._lock = threading.Lock()

    def open(self, public_dir: Path | None = None) -> Session:
        """A fresh session; the files of `public_dir` are copied to where it starts.

        GraderFault if the sandbox does not start here. A warm parent that has died is
        started again.
        """
        files = _files(public_dir)
        with self._lock:
            try:
                session = self._open()
            except OSError:  # the warm parent is gone, or was never there
                self._cage.stop()
                session = self._open_anew()
        try:
            session.give(files)
        except BaseException:
            session.close()
            raise
        return session

    @property
    def how(self) -> str:
        """How submissions are kept: inside bubblewrap as "user", "nobody" or "root";
        by "landlock"; "bare", not at all; "" before the first session."""
        return self._cage.how if self._cage.alive else ""

    def close(self) -> None:
        with self._lock:
            self._cage.stop()
            for group in self._groups:
                group.remove()
            self._groups.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_anew(self) -> Session:
        cgroup.sweep()
        self._cage.start()
        try:
            try:
                return self._open()
            except GraderFault:
                if not self._cage.weaken():
                    raise
                return self._open()
        except OSError as error:
            raise GraderFault(
                f"The sandbox started but no session did: {error}. {DOCTOR}."
            ) from None

    def _open(self) -> Session:
        """OSError if the warm parent does not answer, GraderFault if it cannot."""
        channel, inner_channel = socket.socketpair()
        life, inner_life = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        life.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        alone = self._cage.how in ("landlock", "bare")
        folder = tempfile.mkdtemp(prefix="autograder-") if alone else WORK
        request = {"limits": dataclasses.asdict(self.limits), "folder": folder}
        with contextlib.ExitStack() as undo:
            undo.callback(channel.close)
            undo.callback(life.close)
            if alone:
                undo.callback(shutil.rmtree, folder, ignore_errors=True)
            with inner_channel, inner_life:
                fds = [inner_channel.fileno(), inner_life.fileno()]
                self._cage.fork(request, fds)
            pid = _hear_ready(life)
            process = os.pidfd_open(pid)
            undo.callback(os.close, process)
            group = self._group()
            _admit(life, group, pid)
            undo.pop_all()
        return Session(
            self.limits,
            process,
            channel,
            life,
            group,
            folder,
            contained=self.contained,
            alone=alone,
            done=self._take_back,
        )

    def _group(self) -> cgroup.Group | None:
        if self._groups:
            return self._groups.pop()
        # A process meets its own limit, and a readable MemoryError, before this one.
        room = self.limits.memory_bytes + self.limits.tmpfs_bytes + (64 << 20)
        return cgroup.Group.make(room, self.limits.processes)

    def _take_back(self, group: cgroup.Group) -> None:
        with self._lock:
            self._groups.append(group)


def _hear_ready(life: socket.socket) -> int:
    """The new session's process 1, by what the kernel says of who sent this."""
    life.settimeout(START_S)
    heard, extra, _, _ = life.recvmsg(600, socket.CMSG_SPACE(CREDENTIALS))
    life.settimeout(None)
    if heard.startswith(b"fault "):
        said = heard[6:].decode("utf-8", "replace")
        raise GraderFault(f"A session cannot be contained here: {said}. {DOCTOR}.")
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and heard:
            return struct.unpack("3i", data[:CREDENTIALS])[0]
    raise ConnectionResetError("the warm parent is gone")


def _admit(life: socket.socket, group: cgroup.Group | None, pid: int) -> None:
    """Let the session's process 1 begin, counted by its control group."""
    doors = group.add(pid) if group else []
    try:
        counted = group is not None and "processes" in group.counts()
        socket.send_fds(life, [b"counted" if counted else b"go"], doors)
    finally:
        for door in doors:
            os.close(door)


def _files(folder: Path | None) -> bytes:
    """The regular files of a public folder, as one frame."""
    if folder and not folder.is_dir():
        raise GraderFault(f"There is no folder {folder}: derive the exercise first.")
    found = []
    for path in sorted(folder.rglob("*")) if folder else ():
        about = path.lstat()
        if stat.S_ISREG(about.st_mode):
            found.append((path, about.st_mtime_ns, about.st_size))
    try:
        return _framed(folder, tuple(found))
    except wire.WireError as error:
        raise GraderFault(f"The files of {folder} are too much: {error}.") from None


@lru_cache(maxsize=4)
def _framed(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> bytes:
    """Read once for a whole class, as long as no file has changed."""
    return wire.frame(
        {
            path.relative_to(folder).as_posix(): np.frombuffer(
                path.read_bytes(), np.uint8
            )
            for path, _, _ in files
        }
    )
