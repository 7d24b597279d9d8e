"""How much one session may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The most that one session may use."""

    cell_s: float = 20.0
    question_s: float = 10.0
    session_s: float = 300.0  # all cells and questions together
    cpu_s: int = 60  # of one process
    memory_bytes: int = 1 << 30
    processes: int = 64  # threads count
    open_files: int = 256
    tmpfs_bytes: int = 64 << 20  # all files together
    output_bytes: int = 256 << 10  # of one cell
    outputs_bytes: int = 4 << 20  # of all cells
    stand_in_calls: int = 100_000  # of one question
    stand_in_bytes: int = 256 << 20
