"""One submission's process: runs its cells, then answers questions, in forks of it.

From the first cell on, everything here may have been replaced by the student's code.
The trusted side believes nothing that comes out of it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.random  # NumPy 2 loads it late; before a cell, not within its time

from autograder import wire
from autograder.inside import shell as notebook

CELL, QUESTION = b"C", b"Q"
GIVEN = wire.Bounds(text=4 << 20)  # a cell's source; it comes from the trusted side


def serve(channel: socket.socket, shell: notebook.Shell, limits: Mapping) -> None:
    """Obey the trusted side until it closes the channel."""
    me = os.getpid()
    try:
        _settle()
        _unpack(wire.receive(channel, GIVEN))
    except Exception as error:  # ours: no cell has run yet
        wire.send(channel, {"fault": f"{type(error).__name__}: {error}"})
        return
    wire.send(channel, {"ready": True})
    room = limits["output_bytes"]
    bounds = wire.Bounds(text=2 * room, size=4 * room + (1 << 18))
    while os.getpid() == me:  # a cell may fork: only the first process answers
        order, fds, _, _ = socket.recv_fds(channel, 1, 1)
        if order == CELL:
            status, outputs = shell.run(wire.receive(channel, GIVEN), room)
            if os.getpid() == me:
                wire.send(channel, {"status": status, "outputs": outputs}, bounds)
        elif order == QUESTION:
            ended = _in_a_fork(fds[0], channel, shell.user_ns)
            wire.send(channel, {"ended": ended}, bounds)
        else:
            return


def _settle() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = open(os.devnull)  # noqa: SIM115 - stays open
    # A run must be the same each time, also where a cell forgot to set a seed.
    random.seed(0)
    np.random.seed(0)
    os.environ["PWD"] = os.getcwd()
    sys.path.insert(0, "")  # modules that a cell writes, as in a notebook


def _unpack(files: Mapping[str, np.ndarray]) -> None:
    for name, content in files.items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb") as file:
            file.write(content.tobytes())


def _in_a_fork(fd: int, channel: socket.socket, namespace: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            channel.close()
            _examined(socket.socket(fileno=fd), namespace)
        finally:
            os._exit(0)
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _examined(line: socket.socket, namespace: dict[str, Any]) -> None:
    """Answer one question after another, until the trusted side hangs up."""

    def stand_in(name: str, args: list) -> Any:
        wire.send(line, {"stand_in": name, "args": args})
        reply = wire.receive(line)
        if "error" in reply:
            raise ValueError(reply["error"])
        return reply["value"]

    with contextlib.suppress(EOFError):
        while True:
            line.sendall(_answer(wire.receive(line), namespace, stand_in))


def _answer(question: dict, namespace: dict[str, Any], stand_in: Any) -> bytes:
    from unrolled.answer import answer  # imported by the warm parent already

    try:
        found = answer(question, namespace, stand_in)
    except BaseException as error:  # SystemExit, MemoryError, a hostile class
        found = _failed(question, error)
    try:
        return wire.frame({"answer": found})
    except wire.WireError as error:
        return wire.frame({"answer": _failed(question, error)})


def _failed(question: Mapping, error: BaseException) -> dict[str, Any]:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, wire.WireError):
        text = f"TypeError: {question['call']} gave back {error}, which is no answer"
    return {
        "status": "error",
        "where": "value" if isinstance(error, wire.WireError) else "call",
        "function": question["call"],
        "error": text[:500],
        "line": None,
    }
