"""`python -m unrolled check NN-slug`, as a student runs it before handing in."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest

from autograder import derive, exercise
from unrolled.__main__ import main
from unrolled.report import opening

SLUG = "02-recurrent-cell"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A student's folder: the released notebook and its checks."""
    for path in (derive.release_path(SLUG), derive.checks_path(SLUG)):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_an_empty_notebook_is_summed_up_without_a_crash(desk, capsys):
    assert main(["check", SLUG]) == 1
    out = capsys.readouterr().out
    assert "0 of 28 points, 0 of 6 exercises complete." in out
    assert "Exercise 2.1: rnn_step_forward is not written yet." in out


@pytest.mark.slow
def test_a_complete_notebook_is_ready_to_hand_in(desk, capsys):
    notebook = derive.source_notebook(exercise.load(SLUG))
    nbformat.write(notebook, desk / f"{SLUG}.ipynb")
    before = (desk / f"{SLUG}.ipynb").read_bytes()
    assert main(["check", SLUG]) == 0
    assert "28 of 28 points" in capsys.readouterr().out
    assert (desk / f"{SLUG}.ipynb").read_bytes() == before


@pytest.mark.slow
def test_a_cell_that_never_ends_is_told(desk, capsys):
    notebook = nbformat.read(desk / f"{SLUG}.ipynb", as_version=4)
    notebook.cells[1].source = "while True: pass"
    nbformat.write(notebook, desk / f"{SLUG}.ipynb")
    assert main(["check", SLUG, "--timeout", "2"]) == 1
    assert "no answer within 2 s" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "{", '{"cells": 3}', "\x00\x01"])
def test_a_file_that_is_no_notebook_is_one_sentence(desk, capsys, content):
    (desk / f"{SLUG}.ipynb").write_text(content)
    assert main(["check", SLUG]) == 2
    error = capsys.readouterr().err.strip()
    assert SLUG in error
    assert error.count("\n") == 0


def test_a_missing_notebook_is_one_sentence(desk, capsys):
    assert main(["check", "04-nothing"]) == 2
    assert "There is no 04-nothing.ipynb here" in capsys.readouterr().err


def test_json_that_is_not_a_notebook_is_one_sentence(desk, capsys):
    (desk / f"{SLUG}.ipynb").write_text(json.dumps({"hello": 1}))
    assert main(["check", SLUG]) == 2


@pytest.mark.slow
def test_a_check_of_a_first_try_does_not_count(tmp_path, monkeypatch, capsys):
    slug = "00-start-here"
    shutil.copy(derive.checks_path(slug), tmp_path)
    monkeypatch.chdir(tmp_path)
    nbformat.write(
        derive.source_notebook(exercise.load(slug)), tmp_path / f"{slug}.ipynb"
    )
    assert main(["check", slug]) == 0
    assert "4 of 4 exercises complete" in capsys.readouterr().out


def test_a_cell_is_named_by_the_line_that_its_author_sees():
    assert opening("# a note\n\n  x = 1\ny = 2") == "cell that begins `x = 1`"
    assert opening("# only a note") == "cell that begins `# only a note`"
    assert opening("") == "cell that begins ``"
    assert opening("s = '\x1b[2J\u202e'") == "cell that begins `s = '?[2J?'`"
    assert len(opening("x" * 1000)) < 70
