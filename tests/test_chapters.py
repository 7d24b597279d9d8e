"""What a chapter claims it runs: every equation is evaluated, no answer stands in it.

A code cell says in its first line which equations it evaluates:
``# evaluates: eq-hidden, eq-preactivation``.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]-*.md"))
NOTEBOOKS = sorted((ROOT / "solutions").glob("*/notebook.py"))

CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = re.compile(
    r"\A(?:---\n.*?^---\n|(?::[^\n]*\n)+\n?)", re.MULTILINE | re.DOTALL
)
LABEL = re.compile(r"^\$\$ \((eq-[\w-]+)\)$", re.MULTILINE)
CLAIM = re.compile(r"\A# evaluates: (.+)$", re.MULTILINE)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
GRADED = re.compile(r'^# %% check="(\w+)"', re.MULTILINE)

each_chapter = pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)


def cells(page: Path) -> list[str]:
    found = CELL.findall(page.read_text("utf-8"))
    return [OPTIONS.sub("", cell) for cell in found]


def evaluated(cell: str) -> list[str]:
    claim = CLAIM.search(cell)
    return re.split(r",\s*", claim[1].strip()) if claim else []


def bare(line: str) -> str:
    """A line of code without its comment and spaces."""
    return re.sub(r"\s+", "", line.split("  #")[0])


def is_telling(line: str) -> bool:
    """An assignment or a return that computes; short ones mean nothing."""
    return len(line) > 20 and bool(re.search(r"=|return", line))


def answer_lines() -> set[str]:
    regions = [
        region for book in NOTEBOOKS for region in SOLUTION.findall(book.read_text())
    ]
    lines = {bare(line) for region in regions for line in region.splitlines()}
    return {line for line in lines if is_telling(line)}


@each_chapter
def test_every_equation_is_evaluated_by_a_cell(page):
    labels = set(LABEL.findall(page.read_text("utf-8")))
    claimed = {label for cell in cells(page) for label in evaluated(cell)}
    assert labels
    assert labels - claimed == set(), "no cell evaluates these"
    assert claimed - labels == set(), "no such equation in this chapter"


@each_chapter
def test_a_cell_that_evaluates_can_fail(page):
    claiming = [cell for cell in cells(page) if evaluated(cell)]
    idle = [c for c in claiming if not re.search(r"^ *(assert|agree\()", c, re.M)]
    assert not idle


@each_chapter
def test_lines_of_cells_fit_the_page(page):
    long = [line for c in cells(page) for line in c.splitlines() if len(line) > 79]
    assert not long


@each_chapter
def test_no_chapter_defines_a_graded_function(page):
    graded = {n for book in NOTEBOOKS for n in GRADED.findall(book.read_text())}
    assert "rnn_backward" in graded
    text = page.read_text("utf-8")
    assert not [name for name in graded if re.search(rf"\bdef {name}\b", text)]


@each_chapter
def test_no_chapter_contains_a_line_of_an_answer(page):
    answers = answer_lines()
    assert answers
    written = {bare(line) for cell in cells(page) for line in cell.splitlines()}
    assert written & answers == set()
