"""Process 1 of one session: shuts itself in, starts the student's process, keeps it.

It runs none of the student's code. It tells the trusted side how that process ended,
and kills what a question left behind. When it ends, the kernel kills everything else
in its namespace; without namespaces (`--unsafe`) it does so itself, as far as it can.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

from autograder.inside import contain

PATIENCE = 400  # rounds of a millisecond until a sweep gives up


def keep(
    life: socket.socket,
    channel: socket.socket,
    limits: Mapping[str, int],
    serve: Callable[[socket.socket], None],
    *,
    contained: bool,
) -> None:
    """Run one session to its end; never returns to the warm parent's code."""
    # The kernel keeps from process 1 every signal but those that it handles, and
    # Python handles this one: a submission could end its keeper.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    contain.close_all_but([life.fileno(), channel.fileno()])
    # The trusted side reads our process number from the credentials of this message.
    life.send(b"ready %d" % os.getpid())
    order, doors, _, _ = socket.recv_fds(life, 64, 8)
    if order != b"go":
        return
    try:
        for door in doors:  # control groups that count us from here on
            os.write(door, b"0")
            os.close(door)
        if contained:
            contain.furnish(limits)
        else:
            contain.adopt()
        contain.confine(limits, contained=contained)
    except OSError as error:
        life.send(b"fault " + str(error).encode()[:500])
        return
    child = os.fork()
    if child == 0:
        life.close()
        contain.limit_cpu(limits)  # not the keeper's own: signals cost it time
        _finish(lambda: serve(channel))
    channel.close()
    if contained:
        contain.hide()
    _Keeper(life, child, contained=contained).run()


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
        while self.status is None:
            ready = select.select([self.life.fileno(), awake], [], [])[0]
            if awake in ready:
                os.read(awake, 4096)
            self.reap()
            if self.life.fileno() in ready and not self.obey(self.life.recv(64)):
                break
        if not self.contained:
            self.sweep(spared=set())
        if self.status is not None:
            self.life.send(b"exit %d" % self.status)

    def obey(self, order: bytes) -> bool:
        if order == b"mark":
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
        """The session's processes but for this one; the dead wait for their parents."""
        parents: dict[int, int] = {}
        for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
            if name.isdigit():
                with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
                    if state not in "ZX":
                        parents[int(name)] = int(parent)
        me = os.getpid()
        if self.contained:
            return [pid for pid in parents if pid != me]
        return [pid for pid in parents if pid != me and _descends(pid, me, parents)]


def _descends(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False
