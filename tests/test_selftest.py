"""`python -m unrolled selftest` and the practice task that it tries."""

import sys

import numpy as np
import pytest

from unrolled import practice, selftest
from unrolled.__main__ import main


def lines(findings):
    return {finding.what: finding for finding in findings}


def test_here_everything_is_in_place(capsys):
    assert main(["selftest"]) == 0
    out = capsys.readouterr().out
    assert out.rstrip().endswith("Ready to start.")
    assert "[FAIL]" not in out


def test_what_is_optional_and_absent_is_told_and_no_failure(monkeypatch, capsys):
    monkeypatch.setitem(selftest.OPTIONAL, "no_such_package", "shows nothing")
    assert main(["selftest"]) == 0
    out = capsys.readouterr().out
    assert "[ -- ] no_such_package: not installed (shows nothing)" in out


def test_an_old_python_and_an_old_numpy_are_to_be_mended_first(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    monkeypatch.setattr(np, "__version__", "1.22.1")
    assert main(["selftest"]) == 1
    out = capsys.readouterr().out
    assert "NumPy: 1.22.1, 1.26 is needed" in out
    assert "Mend first: Python, NumPy." in out


def test_a_damaged_checks_npz_is_told(tmp_path, monkeypatch):
    (tmp_path / "checks.npz").write_bytes(b"PK\x03\x04")
    monkeypatch.chdir(tmp_path)
    found = lines(selftest.selftest())["exercises"]
    assert found.ok is False
    assert "checks.npz is damaged" in found.found


def test_exercises_that_lie_in_the_folder_one_is_in_are_found(tmp_path, monkeypatch):
    folder = tmp_path / "exercises" / "carried-here"
    folder.mkdir(parents=True)
    (folder / "checks.npz").write_bytes(b"PK\x03\x04")
    monkeypatch.chdir(tmp_path)
    assert "checks.npz is damaged" in lines(selftest.selftest())["exercises"].found


def test_a_check_that_judges_wrongly_is_told(monkeypatch):
    monkeypatch.setattr(practice, "BUGS", ())
    found = lines(selftest.selftest())["a check"]
    assert found.ok is False


def late(xs):
    return np.cumsum(xs) - xs


def into_its_input(xs):
    np.cumsum(xs, out=xs)
    return xs


def unwritten(xs):
    raise NotImplementedError("Practice: running_sum")


@pytest.mark.parametrize(
    ("function", "status", "said"),
    [
        (np.cumsum, "full", "your values are right"),
        (late, "wrong", "This looks like: the sums are one step late"),
        (into_its_input, "partial", "writes into xs"),
        (lambda xs: np.cumsum(xs)[:, None], "partial", "has shape (5, 1)"),
        (unwritten, "not_done", "not written yet"),
    ],
)
def test_the_practice_task_shows_each_kind_of_report(function, status, said):
    report = practice.tried(function)
    assert report.verdict.status == status
    assert said in str(report)
