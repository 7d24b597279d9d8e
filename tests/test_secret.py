import os
import stat

import pytest

from autograder.faults import GraderFault
from autograder.secret import course_secret


@pytest.fixture(autouse=True)
def _no_secret_in_the_environment(monkeypatch):
    monkeypatch.delenv("UNROLLED_SECRET", raising=False)


def test_made_once_and_readable_by_its_owner_only(tmp_path):
    made = course_secret(tmp_path / "grading")
    path = tmp_path / "grading" / "secret"
    assert len(made) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert course_secret(tmp_path / "grading") == made
    assert os.listdir(tmp_path / "grading") == ["secret"]


def test_two_courses_have_two_secrets(tmp_path):
    assert course_secret(tmp_path / "one") != course_secret(tmp_path / "two")


def test_the_environment_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_SECRET", "e" * 40)
    assert course_secret(tmp_path) == b"e" * 40
    assert os.listdir(tmp_path) == []


def test_a_short_secret_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_SECRET", "short")
    with pytest.raises(GraderFault, match="5 bytes; at least 32"):
        course_secret(tmp_path)


def test_a_secret_that_others_can_read_is_refused(tmp_path):
    course_secret(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(GraderFault, match="can be read by others"):
        course_secret(tmp_path)
