"""The warm parent: imports what notebooks import, once, and forks for each session.

    python -m autograder.inside.warm FD namespaces|landlock|bare [MODULE ...]

It is started with an empty environment, inside bubblewrap where that works. It reads no
submission and holds no secret: a session that finds its way to this process's memory
finds imports.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import socket
import sys

from autograder import wire
from autograder.inside import compiler, contain, keeper, shell, student


def main(arguments: list[str]) -> None:
    control = socket.socket(fileno=int(arguments[0]))
    way = arguments[1]
    if compiler.NAME not in arguments:
        compiler.put_off()
    for name in ("numpy", "unrolled.answer", *arguments[2:]):
        importlib.import_module(name)
    notebook = shell.make()
    gc.collect()
    gc.freeze()  # a child that collects garbage then copies fewer pages
    if way == "landlock":  # the ended would count as processes until they are taken in
        contain.adopt()
    control.send(b"warm")
    while True:
        request, fds, _, _ = socket.recv_fds(control, 1 << 16, 2)
        if not request:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        first = os.fork()
        if first == 0:
            control.close()
            try:
                _session(wire.decode(request), fds, notebook, way)
            finally:
                os._exit(0)
        for fd in fds:
            os.close(fd)
        os.waitpid(first, 0)


def _session(request: dict, fds: list[int], notebook: shell.Shell, way: str) -> None:
    """Fork twice: the second process is the first of its namespaces."""
    channel, life = (socket.socket(fileno=fd) for fd in fds)
    limits = request["limits"]
    try:
        if way == "namespaces":
            contain.leave()
    except OSError as error:
        life.send(b"fault " + str(error).encode()[:500])
        return
    if os.fork():
        return

    def serve(channel: socket.socket) -> None:
        student.serve(channel, notebook, limits)

    try:
        places = {"folder": request["folder"], "readable": request["readable"]}
        keeper.keep(life, channel, limits, serve, way=way, **places)
    except Exception as error:
        life.send(b"fault %s" % repr(error).encode()[:500])


if __name__ == "__main__":
    main(sys.argv[1:])
