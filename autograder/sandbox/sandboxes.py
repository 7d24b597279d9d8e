"""The sandboxes of this process, each with a warm parent for what cells import.

A session is a fork of its warm parent, and so is each examination: what a submission
does not import makes all of them dearer. So one parent has NumPy only, and another has
what its cells name besides; each is started when it is first needed.
"""

from __future__ import annotations

import atexit
import os
import re
from collections.abc import Sequence

from autograder.inside import compiler
from autograder.sandbox.limits import Limits
from autograder.sandbox.sandbox import Sandbox

LIMITS = Limits(session_s=120.0)
LIGHT = ("numpy", "unrolled")
HEAVY = {  # what takes long to import, by the words that tell of it
    "matplotlib": "matplotlib.pyplot",
    "plots": "matplotlib.pyplot",
    "torch": "torch",
}
# Words of cells that will need torch's compiler: 100 MB, a second or more.
COMPILES = re.compile(r"\b(compile|checkpoint|func|profiler)\b")

_pool: dict[tuple[str, ...], Sandbox] = {}
_state = {"process": 0, "unsafe": False}  # a fork must not use its parent's


def imports(cells: Sequence[str]) -> tuple[str, ...]:
    """What these cells should find imported."""
    text = "\n".join(cells)
    named = {
        module for word, module in HEAVY.items() if re.search(rf"\b{word}\b", text)
    }
    if "torch" in named and COMPILES.search(text):
        named.add(compiler.NAME)
    return (*LIGHT, *sorted(named))


def fitting(cells: Sequence[str]) -> Sandbox:
    """This process's sandbox for these cells."""
    if _state["process"] != os.getpid():
        _pool.clear()
        _state["process"] = os.getpid()
        atexit.register(close)
    wanted = imports(cells)
    if wanted not in _pool:
        _pool[wanted] = Sandbox(LIMITS, wanted, unsafe=bool(_state["unsafe"]))
    return _pool[wanted]


def contain_nothing() -> None:
    """From now on this process grades without containment: `--unsafe`."""
    if not _state["unsafe"]:
        close()
        _state["unsafe"] = True


def close() -> None:
    while _pool and _state["process"] == os.getpid():
        _pool.popitem()[1].close()
