"""Rule 1, checked: nothing that students get carries an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from autograder.exercise import EXERCISES, ROOT, SOLUTIONS, load, slugs

PUBLIC = ("exercises", "unrolled", "book")
MIN_LENGTH = 25  # shorter lines, such as `return loss`, say nothing by themselves


def answer_lines(slug: str) -> set[str]:
    """The lines that stand in a solution region and nowhere else in the exercise."""
    inside: set[str] = set()
    outside: set[str] = set()
    for cell in load(slug).cells:
        if "include" in cell.metadata:
            continue  # these are the answers of an earlier exercise, sought there
        target = outside
        for line in map(str.strip, cell.source.splitlines()):
            if line == "### BEGIN SOLUTION":
                target = inside
            elif line == "### END SOLUTION":
                target = outside
            elif len(line) >= MIN_LENGTH and not line.startswith("#"):
                target.add(line)
    return inside - outside


def edited_lines(slug: str) -> set[str]:
    """The code that the known bugs are made of, which is nearly an answer."""
    lines = set()
    for edits in load(slug).edits.values():
        for edit in edits:
            for text in (edit.old, edit.new):
                lines |= {s.strip() for s in text.splitlines()}
    return {line for line in lines if len(line) >= MIN_LENGTH}


def texts() -> Iterator[tuple[Path, str]]:
    """Every text that leaves the house, notebooks cell by cell."""
    for folder in PUBLIC:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix == ".ipynb":
                cells = json.loads(path.read_text("utf-8"))["cells"]
                yield path, "\n".join("".join(cell["source"]) for cell in cells)
            elif path.suffix in (".py", ".md"):
                yield path, path.read_text("utf-8")
            elif path.suffix == ".npz":
                yield path, path.read_bytes().decode("latin-1")


def leaks() -> list[str]:
    """One sentence for each answer found outside solutions/."""
    forbidden = {line for s in slugs() for line in answer_lines(s) | edited_lines(s)}
    found = []
    for path, text in texts():
        lines = {line.strip() for line in text.splitlines()}
        for line in sorted(forbidden & lines):
            found.append(
                f"{path.relative_to(ROOT)} holds a line of a solution "
                f"({line[:40]!r}): take it out."
            )
    for path in EXERCISES.rglob("*"):
        if path.suffix == ".py":
            found.append(f"{path.relative_to(ROOT)} must not be in exercises/.")
    return found


__all__ = ["SOLUTIONS", "answer_lines", "edited_lines", "leaks", "texts"]
