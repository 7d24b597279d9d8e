"""Derived files follow from solutions/, byte by byte, and edits are never lost."""

from __future__ import annotations

import shutil
import subprocess
import sys

import nbformat
import pytest
from typer.testing import CliRunner

from autograder import adopt, derive, exercise, release
from autograder.__main__ import app
from autograder.exercise import ExerciseError, slugs
from unrolled import checks


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A copy of the private and public sides that a test may change."""
    for name in ("solutions", "exercises"):
        shutil.copytree(exercise.ROOT / name, tmp_path / name)
    monkeypatch.setattr(exercise, "SOLUTIONS", tmp_path / "solutions")
    monkeypatch.setattr(adopt, "SOLUTIONS", tmp_path / "solutions")
    monkeypatch.setattr(derive, "EXERCISES", tmp_path / "exercises")
    monkeypatch.setattr(derive, "ROOT", tmp_path)
    monkeypatch.delenv("UNROLLED_GRADING", raising=False)
    exercise.load.cache_clear()
    yield tmp_path
    exercise.load.cache_clear()


@pytest.mark.parametrize("slug", slugs())
def test_the_committed_exercise_is_fresh(slug):
    assert derive.stale(slug) == []


@pytest.mark.slow
def test_two_processes_derive_the_same_bytes():
    code = (
        "import hashlib; from autograder import derive, exercise; "
        "print([hashlib.sha256(derive.notebook_text(make(exercise.load(s))).encode())"
        ".hexdigest() for s in exercise.slugs() "
        "for make in (derive.source_notebook, derive.release_notebook)])"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) > 100


def test_checks_are_written_as_the_same_bytes_and_read_back():
    made = derive.public_checks(exercise.load("02-recurrent-cell"))
    assert checks.write(made) == checks.write(made)


@pytest.mark.parametrize("slug", slugs())
def test_a_released_notebook_has_ids_and_points_and_no_outputs(slug):
    notebook = nbformat.read(derive.release_path(slug), as_version=4)
    nbformat.validate(notebook)
    assert "jupytext" not in notebook.metadata
    assert all(not cell.get("outputs") for cell in notebook.cells)
    graded = [
        c.metadata.nbgrader
        for c in notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade")
    ]
    tasks = exercise.load(slug).graded
    assert [cell.grade_id for cell in graded] == [f"check_{name}" for name in tasks]
    assert [cell.points for cell in graded] == [t.total for t in tasks.values()]


@pytest.mark.parametrize("slug", slugs())
def test_a_stub_names_its_task(slug):
    notebook = nbformat.read(derive.release_path(slug), as_version=4)
    source = "\n".join(cell.source for cell in notebook.cells)
    for task in exercise.load(slug).graded.values():
        assert f'raise NotImplementedError("{task.label}: {task.name}")' in source


def test_no_answer_leaves_the_house():
    assert release.leaks() == []


def test_the_search_for_answers_can_fail(house, monkeypatch):
    monkeypatch.setattr(release, "ROOT", house)
    monkeypatch.setattr(release, "EXERCISES", house / "exercises")
    monkeypatch.setattr(release, "PUBLIC", ("exercises",))
    assert release.leaks() == []
    line = sorted(release.answer_lines())[0]
    (house / "exercises" / "hint.md").write_text(f"    {line}\n")
    assert ["hint.md" in sentence for sentence in release.leaks()] == [True]


def test_a_stale_notebook_is_told_with_the_command_to_run(house):
    path = house / "solutions/02-recurrent-cell/notebook.py"
    path.write_text(path.read_text().replace("# # The recurrent cell", "# # The cell"))
    exercise.load.cache_clear()
    (sentence,) = derive.stale("02-recurrent-cell")
    assert "run `make derive`" in sentence


def test_a_hand_edited_exercise_is_told(house):
    path = house / "exercises/02-recurrent-cell/02-recurrent-cell.ipynb"
    path.write_text(path.read_text().replace("overflow", "underflow"))
    (sentence,) = derive.stale("02-recurrent-cell")
    assert "edited by hand" in sentence


def test_a_file_that_nothing_derives_is_told(house):
    (house / "exercises/02-recurrent-cell/cases.py").write_text("answers = 42\n")
    assert any(
        "cases.py is not derived" in s for s in derive.stale("02-recurrent-cell")
    )


def test_changed_numbers_in_checks_are_stale(house):
    path = house / "exercises/02-recurrent-cell/checks.npz"
    found = checks.read(path)
    found.cases["mse"][0].inputs["pred"][0] += 1e-3
    path.write_bytes(checks.write(found))
    assert derive.stale("02-recurrent-cell") == [
        "exercises/02-recurrent-cell/checks.npz is stale: run `make derive`."
    ]


def edit(slug: str, change) -> None:
    path = derive.source_path(slug)
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def test_an_instructors_edit_is_adopted_and_nothing_else_moves(house):
    slug = "02-recurrent-cell"
    derive.derive(slug)
    author = house / "solutions" / slug / "notebook.py"
    before = author.read_text().splitlines()

    def change(notebook):
        notebook.cells[0].source += "\n\nOne more sentence."
        notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="seen")]

    edit(slug, change)
    assert adopt.adopt(slug)
    after = author.read_text().splitlines()
    assert [line for line in after if line not in before] == ["# One more sentence."]
    assert len(after) == len(before) + 2
    assert derive.stale(slug) == []


def test_an_edited_solution_is_adopted(house):
    slug = "02-recurrent-cell"
    derive.derive(slug)

    def change(notebook):
        cell = next(c for c in notebook.cells if c.id == "mse")
        # an edit that every known bug of mse still applies to
        cell.source = cell.source.replace("return loss, dpred", "return (loss, dpred)")

    edit(slug, change)
    assert adopt.adopt(slug)
    assert "return (loss, dpred)" in exercise.load(slug).source("mse")


def test_an_edit_that_cannot_be_written_back_is_refused_and_kept(house):
    slug = "02-recurrent-cell"
    derive.derive(slug)
    author = house / "solutions" / slug / "notebook.py"
    before = author.read_text()

    def change(notebook):
        cell = next(c for c in notebook.cells if c.id == "check-mse")
        cell.metadata.nbgrader.points = 99

    edit(slug, change)
    edited = derive.source_path(slug).read_text()
    with pytest.raises(ExerciseError, match=r"check_mse.*cannot be written back"):
        adopt.adopt(slug)
    assert author.read_text() == before
    assert derive.source_path(slug).read_text() == edited


def test_derive_does_not_overwrite_an_edit(house):
    slug = "02-recurrent-cell"
    derive.derive(slug)
    edit(slug, lambda notebook: notebook.cells.pop())
    with pytest.raises(ExerciseError, match="run `make adopt`"):
        derive.derive(slug)


def test_running_the_instructors_notebook_is_not_an_edit(house):
    slug = "02-recurrent-cell"
    derive.derive(slug)

    def run(notebook):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = 7

    edit(slug, run)
    assert not adopt.adopt(slug)
    derive.derive(slug)


def test_two_edits_of_the_same_notebook_are_refused(house):
    slug = "02-recurrent-cell"
    derive.derive(slug)
    edit(slug, lambda notebook: notebook.cells.pop())
    path = house / "solutions" / slug / "notebook.py"
    path.write_text(path.read_text().replace("# # The recurrent cell", "# # The cell"))
    exercise.load.cache_clear()
    with pytest.raises(ExerciseError, match="bring one of the two edits over by hand"):
        adopt.adopt(slug)


def test_an_unknown_exercise_is_one_sentence():
    with pytest.raises(ExerciseError, match="There is no exercise '99-nothing'"):
        exercise.load("99-nothing")


def test_one_refused_edit_does_not_stop_the_others(monkeypatch):
    def one(slug):
        if slug == "a":
            raise ExerciseError("both changed")
        return slug == "b"

    monkeypatch.setattr(adopt, "adopt", one)
    done = CliRunner().invoke(app, ["adopt", "a", "b", "c"])
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        *("a: refused: both changed", "b: adopted", "c: no edits"),
    ]
