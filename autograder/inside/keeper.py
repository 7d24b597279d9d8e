"""Process 1 of one session: shuts itself in, starts the student's process, keeps it.

It runs none of the student's code. It tells the trusted side how that process ended,
and kills what a question left behind. When it ends, the kernel kills everything else
in its namespace. With landlock in their stead it measures what a session writes and
starts, and kills all of it in one call; with neither (`--unsafe`), what it finds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from autograder.inside import contain, landlock

PATIENCE = 400  # rounds of a millisecond until a sweep gives up
MEASURE_S, COUNT_EVERY = 0.05, 4
FOLDERS = 1 << 20  # bytes that a session's own folders may take on disk


def keep(
    life: socket.socket,
    channel: socket.socket,
    limits: Mapping[str, int],
    serve: Callable[[socket.socket], None],
    *,
    way: str,
    folder: str,
    readable: Iterable[str],
) -> None:
    """Run one session to its end; never returns to the warm parent's code."""
    given = limits
    # The kernel keeps from process 1 every signal but those that it handles, and
    # Python handles this one: a submission could end its keeper.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setsid()  # a process group reaches past namespaces, to the warm parent
    contain.close_all_but([life.fileno(), channel.fileno()])
    # The trusted side reads our process number from the credentials of this message.
    life.send(b"ready %d" % os.getpid())
    order, doors, _, _ = socket.recv_fds(life, 64, 8)
    if order not in (b"go", b"counted"):
        return
    try:
        for door in doors:  # control groups that count us from here on
            os.write(door, b"0")
            os.close(door)
        if way == "namespaces":
            contain.furnish(limits)
        else:
            contain.adopt()
        if way == "landlock":
            limits = landlock.settle(folder, limits, counted=order == b"counted")
        contain.confine(limits, contained=way != "bare")
        if way == "landlock":
            landlock.fence()
        if way != "bare":
            contain.hide()  # before the fork: after it would be a moment too late
    except OSError as error:
        life.send(b"fault " + str(error).encode()[:500])
        return
    child = os.fork()
    if child == 0:
        life.close()
        os.setsid()
        if way != "bare":
            contain.show()
        contain.limit_cpu(limits)  # not the keeper's own: signals cost it time
        _finish(lambda: _serve(channel, serve, way, folder, readable))
    channel.close()
    if way == "landlock":
        _Alone(life, child, folder, given, limits).run()
    else:
        _Keeper(life, child, contained=way == "namespaces").run()


def _serve(
    channel: socket.socket,
    serve: Callable[[socket.socket], None],
    way: str,
    folder: str,
    readable: Iterable[str],
) -> None:
    if way == "landlock":
        landlock.shut_in(folder, readable)
    else:
        os.chdir(folder)
    serve(channel)


def _finish(work: Callable[[], None]) -> NoReturn:
    """Do `work` and end, whatever it raises and without anyone's exit handlers."""
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


class _Keeper:
    def __init__(self, life: socket.socket, child: int, *, contained: bool) -> None:
        self.life = life
        self.child = child
        self.contained = contained
        self.spared: set[int] = set()
        self.status: int | None = None

    def run(self) -> None:
        awake, alarm = os.pipe()
        os.set_blocking(alarm, False)
        signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        last_word = b""
        while self.status is None and not last_word:
            ready = select.select([self.life.fileno(), awake], [], [], self.pause)[0]
            if awake in ready:
                os.read(awake, 4096)
            self.reap()
            if self.life.fileno() in ready and not self.obey(self.life.recv(64)):
                break
            last_word = self.measure()
        if self.status is not None:
            last_word = b"exit %d" % self.status
        self.end(last_word)

    pause: float | None = None

    def measure(self) -> bytes:
        """Why the session must end now, or nothing."""
        return b""

    def end(self, last_word: bytes) -> None:
        if not self.contained:
            self.sweep(spared=set())
        if last_word:
            self.life.send(last_word)

    def obey(self, order: bytes) -> bool:
        if order == b"mark":
            self.reap()
            self.spared = set(self.living())
            self.life.send(b"marked")
        elif order == b"sweep":
            clean = self.sweep(self.spared)
            self.life.send(b"swept" if clean else b"stuck")
        return bool(order) and order != b"end"

    def reap(self) -> None:
        """Take in the dead: our own child's status is the session's."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.child:
                    self.status = os.waitstatus_to_exitcode(status)

    def sweep(self, spared: set[int]) -> bool:
        """Kill every process of this session that is not spared."""
        for _ in range(PATIENCE):
            extra = [pid for pid in self.living() if pid not in spared]
            if not extra:
                return True
            for pid in extra:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.reap()
            time.sleep(0.001)
        return False

    def living(self) -> list[int]:
        """The session's processes but for this one; of the dead those that are ours to
        take in, for until then they are listed and count."""
        parents: dict[int, int] = {}
        me = os.getpid()
        for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
            if name.isdigit():
                path = f"/proc/{name}/stat"  # a process names itself, by any bytes
                with contextlib.suppress(OSError), open(path, "rb") as file:
                    state, parent = file.read().rpartition(b")")[2].split()[:2]
                    if state not in b"ZX" or int(parent) == me:
                        parents[int(name)] = int(parent)
        if self.contained:
            return [pid for pid in parents if pid != me]
        return [pid for pid in parents if pid != me and _descends(pid, me, parents)]


class _Alone(_Keeper):
    """The keeper of a session that has no namespaces of its own."""

    pause = MEASURE_S

    def __init__(
        self,
        life: socket.socket,
        child: int,
        folder: str,
        given: Mapping[str, int],
        held: Mapping[str, int],
    ) -> None:
        super().__init__(life, child, contained=False)
        self.folder = folder
        # One file at its own limit is refused by the kernel; its folders are no fault.
        self.room = given["tmpfs_bytes"] + FOLDERS
        # The kernel's own count, where it is of this session alone, is the better one.
        shared = held["processes"] != given["processes"]
        self.processes = given["processes"] if shared else 0
        self.rounds = 0

    def measure(self) -> bytes:
        self.rounds += 1
        if landlock.written(self.folder) > self.room:
            return b"full"
        if self.processes and self.rounds % COUNT_EVERY == 0:
            return b"many" if len(self.living()) > self.processes else b""
        return b""

    def end(self, last_word: bytes) -> None:
        """Kill all in one call, say why, and become the command that cleans up."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # this session's only: landlock.fence
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, 0):  # orphans are ours: contain.adopt
                pass
        if last_word:
            with contextlib.suppress(OSError):
                self.life.send(last_word)
        command = landlock.removal(self.folder)
        os.execv(command[0], command)


def _descends(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False
