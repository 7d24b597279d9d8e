"""A socket to a process that nobody trusts: every wait and length is bounded."""

from __future__ import annotations

import select
import socket
import time
from typing import Any

from autograder import wire
from autograder.faults import Ended

PART = 1 << 18


class GoneError(Exception):
    """The process at the other end is gone, or has closed the line."""


class LateError(Exception):
    """The other end did not speak, or did not listen, in time."""


class Line:
    """Sends and receives frames; `watched` becomes readable when the session ends."""

    def __init__(self, sock: socket.socket, watched: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.watched = watched
        self.received = 0
        self._begun = bytearray()  # of the next frame; it stays when time runs out

    def send(self, data: bytes, until: float) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.sock.send(rest[:PART]) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, until)
            except OSError:
                raise GoneError from None

    def send_with(self, data: bytes, fd: int, until: float) -> None:
        """Send one byte that carries a file descriptor."""
        while True:
            try:
                socket.send_fds(self.sock, [data], [fd])
                return
            except BlockingIOError:
                self._wait(select.POLLOUT, until)
            except OSError:
                raise GoneError from None

    def receive(self, until: float, bounds: wire.Bounds = wire.BOUNDS) -> Any:
        """The next frame's value. Ended("protocol") if it is not a proper one."""
        try:
            self._fill(wire.HEAD, until)
            size = wire.length(self._begun[: wire.HEAD], bounds)
            self._fill(wire.HEAD + size, until)
            frame, self._begun = self._begun, bytearray()
            return wire.decode(memoryview(frame)[wire.HEAD :], bounds)
        except wire.WireError as error:
            raise Ended(
                "protocol", f"Your notebook sent the grader what is no answer: {error}."
            ) from None

    def close(self) -> None:
        self.sock.close()

    def _fill(self, count: int, until: float) -> None:
        """Read until `count` bytes of the frame are there."""
        while len(self._begun) < count:
            if time.monotonic() > until:  # also when there is always more to read
                raise LateError
            try:
                part = self.sock.recv(min(count - len(self._begun), PART))
            except BlockingIOError:
                self._wait(select.POLLIN, until)
                continue
            except OSError:
                part = b""
            if not part:
                if self._begun:
                    raise wire.WireError("a frame that is cut short")
                raise GoneError
            self._begun += part
            self.received += len(part)

    def _wait(self, event: int, until: float) -> None:
        poller = select.poll()
        poller.register(self.sock, event)
        poller.register(self.watched, select.POLLIN)
        ready = dict(poller.poll(max(0.0, until - time.monotonic()) * 1000))
        if not ready:
            raise LateError
        if self.sock.fileno() not in ready:  # nothing left to read, and it has ended
            raise GoneError
