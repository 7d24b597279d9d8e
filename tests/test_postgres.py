"""The gradebook in a PostgreSQL that this test starts, on a socket of its own."""

import contextlib
import csv
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from test_pool import CLASS, SLUG, course_of_its_own

from autograder import doctor

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
NOBODY = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAMS, reason="Debian's package postgresql is missing"),
    pytest.mark.skipif(not doctor.usable(), reason="no sandbox: autograder doctor"),
]


@pytest.fixture(scope="module")
def database():
    """Its address. PostgreSQL does not run as root: then nobody runs it."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    bin, data = PROGRAMS[-1].parent, folder / "data"
    if NOBODY:
        shutil.chown(folder, **NOBODY)
    run = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL, **NOBODY}
    subprocess.run([bin / "initdb", "-D", data, "-U", "grader", "-A", "trust"], **run)
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    control = [bin / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], **run)
    try:
        yield f"postgresql://grader@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def course(database):
    with contextlib.ExitStack() as undo:
        undo.enter_context(pytest.MonkeyPatch.context()).setenv(
            "UNROLLED_DB_URL", database
        )
        made = undo.enter_context(course_of_its_own())
        made.first, _ = made.grade("--workers", "2")
        yield made


def scores(database):
    with Gradebook(database, "unrolled") as book:
        return {
            found.student.id: (found.score, found.needs_manual_grade)
            for found in book.assignment_submissions(SLUG)
        }


def test_every_grade_is_in_postgresql_and_none_in_a_file(course, database):
    assert not (course.folder / "gradebook.db").exists()
    found = scores(database)
    assert set(found) == set(CLASS)
    for student, row in course.first.items():
        points, a_person = found[student]
        assert points == row["points"]
        assert a_person == (row["status"] == "could_not_check")


def test_plain_nbgrader_grades_and_exports_there_too(course, database):
    before = scores(database)
    names = ("--student=half-done", "--force")
    course.run("-m", "nbgrader", "autograde", SLUG, *names)
    assert scores(database) == before
    path = course.folder / "grades.csv"
    course.run("-m", "nbgrader", "export", "--to", str(path))
    with path.open(newline="") as file:
        assert {row["student_id"] for row in csv.DictReader(file)} >= set(CLASS)
    course.run("-m", "nbgrader", "generate_feedback", SLUG, "--student=half-done")
    assert (course.folder / "feedback" / "half-done" / SLUG / f"{SLUG}.html").exists()


def test_a_later_hand_in_that_cannot_be_read_clears_the_grade_there(course, database):
    path = course.submitted("honest-full-solution") / f"{SLUG}.ipynb"
    path.write_text("{")
    course.grade()
    assert scores(database)["honest-full-solution"] == (0, True)
