"""Every exercise as its notebook shows it and as it is handed in: empty, and done."""

import re
import shutil

import nbformat
import pytest

from autograder import bank, derive, grading, oracle
from autograder.exercise import (
    ROOT,
    Edit,
    ExerciseError,
    every_combination,
    load,
    slugs,
)
from autograder.sandbox import Sandbox
from unrolled.rehearsal import rehearse

SLUGS = slugs()
SECRET = b"a secret of a course, for tests only"
MARKER = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.M)
REGION = re.compile(r"    ### BEGIN SOLUTION.*### END SOLUTION", re.S)
FUNCTIONS = [(slug, name) for slug in SLUGS for name in load(slug).graded]

each_exercise = pytest.mark.parametrize("slug", SLUGS)
each_function = pytest.mark.parametrize(("slug", "function"), FUNCTIONS)


@each_exercise
def test_cells_fit_the_printed_page(slug):
    code = [c.source for c in load(slug).cells if c.cell_type == "code"]
    lines = [line for source in code for line in source.splitlines()]
    assert [line for line in lines if len(line) > 79] == []


@each_function
def test_what_to_read_is_a_section_of_the_chapter(slug, function):
    chapter, section = load(slug).tasks[function].read.split(", ", 1)
    assert chapter == f"chapter {int(slug[:2])}"
    text = (ROOT / "book" / f"{slug}.md").read_text("utf-8")
    assert re.search(rf"^##+ {re.escape(section)}$", text, re.M)


@each_exercise
def test_every_task_has_its_prose_its_stub_and_its_check(slug):
    exercise = load(slug)
    prose = "\n".join(c.source for c in exercise.cells if c.cell_type == "markdown")
    checks = [c.metadata["check"] for c in exercise.cells if "check" in c.metadata]
    assert checks == list(exercise.graded)
    for name in exercise.graded:
        assert f"{{task:{name}}}" in prose
        source = exercise.source(exercise.cell_of(name))
        assert "### BEGIN SOLUTION" in source
        assert '"""' in source.split("### BEGIN SOLUTION")[0]


@each_function
def test_a_stub_is_not_done(slug, function):
    exercise = load(slug)
    cell = exercise.cell_of(function)
    stub = REGION.sub('    raise NotImplementedError("open")', exercise.source(cell))
    names = oracle.namespace(exercise, {cell: stub})
    verdict = bank.examiner(slug, names).verdict(function)
    assert (verdict.status, verdict.points) == ("not_done", 0)
    assert function in verdict.summary


def test_edit_must_apply_exactly_once():
    with pytest.raises(ExerciseError, match="occurs 2 times"):
        Edit("twice", "a", "b", "says").apply("a a", "f")
    with pytest.raises(ExerciseError, match="occurs 0 times"):
        Edit("never", "c", "b", "says").apply("a a", "f")


def test_combinations_are_all_subsets_but_the_empty_one():
    edits = [Edit(n, n, n.upper(), n, ((n * 2, n),)) for n in "abc"]
    combined = every_combination(edits)
    assert [e.name for e in combined[:4]] == ["a", "b", "c", "a + b"]
    assert len(combined) == 7
    assert combined[3].more == (("aa", "a"), ("b", "B"), ("bb", "b"))


# ---------------------------------------------------------------- handed in


@pytest.fixture(scope="module")
def sandbox():
    """One warm parent for all; a busy machine may take its time."""
    with Sandbox(grading.LIMITS, grading.IMPORTS) as made:
        yield made


def released(slug):
    """What a student is given, by the cell's name; without a name, by its number."""
    return nbformat.read(derive.release_path(slug), as_version=4)


def name_of(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def graded(slug, notebook, sandbox):
    code = [c for c in notebook.cells if c.cell_type == "code"]
    cells = [c.source for c in code if not name_of(c).startswith("check_")]
    named = [bool(name_of(c)) for c in code if not name_of(c).startswith("check_")]
    spare = [n for n, kept in enumerate(named) if not kept]
    return grading.grade(slug, cells, SECRET, sandbox, spare)


@each_exercise
def test_an_exercise_left_empty_is_not_done_and_says_so(slug, sandbox):
    found = graded(slug, released(slug), sandbox)
    assert found.fault == ""
    assert found.points == 0
    for name, verdict in found.verdicts.items():
        assert verdict.status == "not_done", verdict
        assert name in verdict.summary


@pytest.mark.slow
@each_exercise
def test_an_exercise_is_done_cell_by_cell_in_its_released_notebook(
    slug, tmp_path, monkeypatch, sandbox
):
    """Pasted, run from top to bottom with every check and picture, handed in."""
    exercise, notebook = load(slug), released(slug)
    for cell in notebook.cells:
        if any(c.metadata.get("solution") == name_of(cell) for c in exercise.cells):
            cell.source = MARKER.sub("", exercise.source(name_of(cell)))
    nbformat.write(notebook, tmp_path / f"{slug}.ipynb")
    shutil.copy(derive.checks_path(slug), tmp_path)
    monkeypatch.chdir(tmp_path)
    rehearsed = rehearse(tmp_path / f"{slug}.ipynb")
    assert rehearsed.stopped == ()
    assert rehearsed.complete, rehearsed.reports
    found = graded(slug, notebook, sandbox)
    assert {v.status for v in found.verdicts.values()} == {"full"}, found.verdicts
    assert found.points == sum(task.total for task in exercise.graded.values())
