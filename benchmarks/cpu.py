"""Processor seconds of this process and all that it starts, ended ones too.

Counted by a control group, which takes root; elsewhere they are nan.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def counter() -> Callable[[], float]:
    """A function that says how many seconds have been used up to now."""
    for parent, file, read in (
        (ROOT / "cpuacct", "cpuacct.usage", lambda text: int(text) / 1e9),
        (ROOT, "cpu.stat", lambda text: int(text.split()[1]) / 1e6),  # usage_usec
    ):
        group = parent / f"bench-{os.getpid()}"
        try:
            group.mkdir()
            (group / "cgroup.procs").write_text(str(os.getpid()))
            read((group / file).read_text())
        except (OSError, ValueError):
            continue
        return lambda at=group / file, read=read: read(at.read_text())
    return lambda: math.nan
