"""When a record was made, and on what."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

import torch


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def head() -> dict[str, str]:
    """What a record of a training on one thread begins with."""
    return {
        "date": datetime.date.today().isoformat(),
        "hardware": f"{processor()}, one of {os.cpu_count()} cores",
        "torch": torch.__version__,
    }
