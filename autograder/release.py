"""Rule 1, checked: nothing that students get carries an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from autograder.exercise import EXERCISES, ROOT, load, slugs

PUBLIC = ("exercises", "unrolled", "book")
MIN_LENGTH = 25  # shorter lines, such as `return loss`, say nothing by themselves


def regions(slug: str) -> tuple[set[str], set[str]]:
    """The telling lines inside and outside the solution regions of an exercise."""
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
    return inside, outside


def bug_lines(slug: str) -> set[str]:
    """The code that the known bugs are made of, which is nearly an answer."""
    edits = [edit for found in load(slug).edits.values() for edit in found]
    texts = [text for edit in edits for text in (edit.old, edit.new)]
    lines = {line.strip() for text in texts for line in text.splitlines()}
    return {line for line in lines if len(line) >= MIN_LENGTH}


def answer_lines() -> set[str]:
    """What must not stand anywhere: lines of solutions and bugs that no exercise
    gives away itself, outside its solution regions."""
    secret: set[str] = set()
    given: set[str] = set()
    for slug in slugs():
        inside, outside = regions(slug)
        secret |= inside | bug_lines(slug)
        given |= outside
    return secret - given


def given_answers() -> list[str]:
    """Graded functions that a given cell defines: an answer in the open."""
    graded = {name for slug in slugs() for name in load(slug).graded}
    found = []
    for slug in slugs():
        for cell in load(slug).cells:
            names = set(re.findall(r"^(?:def|class) (\w+)", cell.source, re.M))
            if "solution" not in cell.metadata and cell.cell_type == "code":
                found += [
                    f"solutions/{slug}/notebook.py defines {name} in a cell that "
                    "students get: take it out."
                    for name in sorted(names & graded)
                ]
    return found


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
    forbidden = answer_lines()
    found = given_answers()
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
