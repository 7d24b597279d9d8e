"""One class of honest, unlucky and hostile hand-ins, through plain nbgrader."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import classroom
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook
from sqlalchemy.exc import DatabaseError

from autograder import __main__ as commands
from autograder import derive, plugin, screen
from autograder.exercise import ROOT, load
from autograder.faults import GraderFault
from autograder.release import answer_lines
from unrolled.report import VERDICT_MIME

SLUG = "02-recurrent-cell"
SECRET = "a course secret that must be seen nowhere"
SUBMISSIONS = {s.name: s for s in classroom.submissions()}
SLUGS = sorted({submission.exercise for submission in SUBMISSIONS.values()})
NEIGHBOURS = ("honest-full-solution", "zz-honest-neighbour")

pytestmark = pytest.mark.slow


def nbgrader(*args, **env):
    """Run the plain command as an instructor does."""
    command = [sys.executable, "-m", "nbgrader", *args]
    env = {**os.environ, "UNROLLED_SECRET": SECRET, **env}
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def slug_of(student):
    return SUBMISSIONS[student].exercise if student in SUBMISSIONS else SLUG


class Course:
    """A course of its own under _grading/, with the whole class in it."""

    def __init__(self, folder):
        self.folder = folder
        self.said = ""
        self.env = {"UNROLLED_GRADING": str(folder.relative_to(ROOT))}

    def run(self, *args):
        done = nbgrader(*args, **self.env)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    def gradebook(self):
        return Gradebook(f"sqlite:///{self.folder}/gradebook.db", "unrolled")

    def grades(self, student):
        """Function -> (automatic score, whether a person has to look)."""
        with self.gradebook() as book:
            slug = slug_of(student)
            found = book.find_submission_notebook(slug, slug, student).grades
            return {
                grade.name.removeprefix("check_"): (
                    grade.auto_score,
                    grade.needs_manual_grade,
                )
                for grade in found
            }

    def notebook(self, student):
        slug = slug_of(student)
        path = self.folder / "autograded" / student / slug / f"{slug}.ipynb"
        return json.loads(path.read_text("utf-8"))

    def verdicts(self, student):
        return {
            data["function"]: data
            for cell in self.notebook(student)["cells"]
            for output in cell.get("outputs", [])
            if (data := output.get("data", {}).get(VERDICT_MIME))
        }

    def page(self, student):
        slug = slug_of(student)
        path = self.folder / "feedback" / student / slug / f"{slug}.html"
        return path.read_text("utf-8")

    def put(self, student, submission, timestamp=""):
        folder = self.folder / "submitted" / student / SLUG
        shutil.rmtree(folder, ignore_errors=True)
        submission.write(folder)
        if timestamp:
            (folder / "timestamp.txt").write_text(timestamp)


@pytest.fixture(scope="module")
def course():
    (ROOT / "_grading").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=ROOT / "_grading"))
    made = Course(folder)
    try:
        release = f"{folder.relative_to(ROOT)}/release"
        aside = f"--CourseDirectory.release_directory={release}"
        classroom.write_class(folder / "submitted")
        for name in NEIGHBOURS:
            made.put(name, SUBMISSIONS[NEIGHBOURS[0]], "2026-01-05 10:00:00 UTC")
        for slug in SLUGS:
            made.run("generate_assignment", slug, aside)
            made.said += made.run("autograde", slug)
            made.run("generate_feedback", slug)
        yield made
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_release_is_the_committed_notebook(course, slug):
    released = course.folder / "release" / slug / f"{slug}.ipynb"
    assert released.read_bytes() == derive.release_path(slug).read_bytes()


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_each_hand_in_gets_what_it_earned(course, name):
    verdicts, grades = course.verdicts(name), course.grades(name)
    for function, stated in SUBMISSIONS[name].expected().items():
        verdict = verdicts[function]
        assert {key: verdict[key] for key in stated} == stated, verdict["summary"]
        score = verdict["points"], False
        if verdict["status"] == "could_not_check":
            score = None, True
        assert grades[function] == score


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_honest_neighbours_keep_their_full_marks(course, name):
    points = {n: (task.total, False) for n, task in load(SLUG).graded.items()}
    assert course.grades(name) == points


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_what_is_odd_about_a_hand_in_is_said_once_on_top(course, name):
    says = SUBMISSIONS[name].fields.get("says", {})
    cells = course.notebook(name)["cells"]
    about = "".join(cells[0]["source"])
    if "note" in says:
        assert about.startswith("### About this hand-in")
        assert about.count(says["note"]) == 1
    shown = json.dumps([cell.get("outputs", []) for cell in cells])
    assert says.get("output", "") in shown
    assert says.get("never", "(nothing)") not in shown


def test_no_hand_in_stops_the_command_or_shows_a_traceback(course):
    assert "Traceback" not in course.said
    assert "ERROR" not in course.said


def test_files_beside_a_notebook_are_left_where_they_are(course):
    for stage in ("autograded", "feedback"):
        names = {path.name for path in (course.folder / stage).glob("*/*/*")}
        ours = {f"{slug}{end}" for slug in SLUGS for end in (".ipynb", ".html")}
        assert names <= {*ours, "timestamp.txt"}
        assert not any(p.is_symlink() for p in (course.folder / stage).rglob("*"))


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_an_autograded_notebook_holds_no_answer_and_no_secret(course, name):
    """But for what the student wrote: here, what was copied from solutions/."""
    cells = course.notebook(name)["cells"]
    text = json.dumps([cell.get("outputs") for cell in cells])
    if SUBMISSIONS[name].fields.get("start") == "released":
        solved = SUBMISSIONS[name].fields.get("solved", [])
        cells = [c for c in cells if _name(c) not in solved]
        text += "\n".join("".join(cell["source"]) for cell in cells)
    assert SECRET not in text
    for line in answer_lines():
        assert line not in text


def _name(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_a_feedback_page_is_still_and_keeps_to_itself(course, name):
    page = course.page(name)
    assert SECRET not in page
    assert str(ROOT) not in page
    soup = BeautifulSoup(page, "html.parser")
    assert soup.find("meta", {"http-equiv": "Content-Security-Policy"})
    assert not soup(["script", "iframe", "link", "object", "embed", "form", "base"])
    for tag in soup(True):
        assert not [name for name in tag.attrs if name.startswith("on")]
        for link in (tag.get("src", "data:"), tag.get("href", "#")):
            assert link.startswith(("data:", "#"))
    styles = " ".join(style.string or "" for style in soup("style"))
    assert not re.search(r"@import|url\(['\"]?(?!data:)\w", styles)


def test_a_feedback_page_says_what_was_wrong(course):
    page = course.page("bug-state-not-carried")
    assert "This looks like:" in page
    assert "Exercise 2.2" in page
    about = course.page("broken-json")
    assert "About this hand-in" in about
    assert "not graded yet" in about


def test_the_export_has_a_row_for_each_student(course):
    path = course.folder / "grades.csv"
    course.run("export", f"--to={path}")
    rows = {
        row["student_id"]: row
        for row in csv.DictReader(path.read_text().splitlines())
        if row["assignment"] == slug_of(row["student_id"])
    }
    assert set(rows) == {*SUBMISSIONS, *NEIGHBOURS}
    full = sum(task.total for task in load(SLUG).graded.values())
    for name in NEIGHBOURS:
        assert float(rows[name]["score"]) == float(rows[name]["max_score"]) == full
        assert rows[name]["ungraded"] == "0"
    assert rows["broken-json"]["ungraded"] == str(len(load(SLUG).graded))


def test_graded_again_by_a_program_the_grades_are_the_same(course):
    names = ["bug-state-not-carried", "broken-json", "inherited-fault", NEIGHBOURS[1]]
    before = {name: course.grades(name) for name in names}
    code = f"""
import json
from nbgrader.apps import NbGrader, NbGraderAPI
app = NbGrader()
app.load_config_file()
api = NbGraderAPI(config=app.config)
print(json.dumps([api.autograde({SLUG!r}, name)["success"] for name in {names!r}]))
print(api.generate_feedback({SLUG!r}, {names[0]!r})["success"])
"""
    env = {**os.environ, **course.env, "UNROLLED_SECRET": SECRET}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[-3:-1] == ["[true, true, true, true]", "True"]
    assert {name: course.grades(name) for name in names} == before


def test_a_newer_hand_in_is_graded_and_leaves_no_old_grade(course):
    name = NEIGHBOURS[1]
    course.put(name, SUBMISSIONS["broken-empty"], "2026-01-04 10:00:00 UTC")
    course.run("autograde", SLUG, f"--student={name}")
    assert {score for score, _ in course.grades(name).values()} != {None}
    course.put(name, SUBMISSIONS["broken-empty"], "2026-01-06 10:00:00 UTC")
    course.run("autograde", SLUG, f"--student={name}")
    assert set(course.grades(name).values()) == {(None, True)}
    course.put(name, SUBMISSIONS["honest-full-solution"], "2026-01-07 10:00:00 UTC")
    course.run("autograde", SLUG, f"--student={name}")
    assert {needs for _, needs in course.grades(name).values()} == {False}
    course.run("generate_feedback", SLUG, f"--student={name}")
    assert "About this hand-in" not in course.page(name)


def test_a_grader_without_its_secret_gives_no_zero(course):
    name = "half-done"
    env = {**course.env, "UNROLLED_SECRET": "short"}
    done = nbgrader("autograde", SLUG, f"--student={name}", "--force", **env)
    assert "at least 32" in done.stderr
    assert set(course.grades(name).values()) == {(None, True)}


def test_a_machine_without_bubblewrap_gives_no_zero(course, tmp_path):
    name = "half-done"
    (tmp_path / "python").symlink_to(sys.executable)
    env = {**course.env, "PATH": str(tmp_path)}
    done = nbgrader("autograde", SLUG, f"--student={name}", "--force", **env)
    assert "install Debian's package `bubblewrap`" in done.stderr
    assert set(course.grades(name).values()) == {(None, True)}
    assert "install Debian" in course.verdicts(name)["mse"]["summary"]


def test_a_gradebook_that_cannot_be_read_is_one_sentence(course, tmp_path):
    before = course.grades(NEIGHBOURS[0])
    (tmp_path / "gradebook.db").write_bytes(b"no database" * 500)
    env = {**course.env, "UNROLLED_DB_URL": f"sqlite:///{tmp_path}/gradebook.db"}
    done = nbgrader("autograde", SLUG, "--force", **env)
    assert done.returncode == 1
    assert "The gradebook cannot be used: file is not a database." in done.stderr
    assert "Traceback" not in done.stderr
    assert course.grades(NEIGHBOURS[0]) == before


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (OSError(28, "No space left on device"), "No space left on device. What was"),
        (
            DatabaseError("", {}, RuntimeError("disk is full")),
            "The gradebook cannot be used: disk is full. No grade was changed.",
        ),
        (GraderFault("No [bwrap] here."), "No [bwrap] here."),
    ],
)
def test_what_stops_a_run_is_one_sentence(monkeypatch, capsys, fault, said):
    def fails(*_, **__):
        raise fault

    monkeypatch.setattr(screen, "grade", fails)
    monkeypatch.setattr(sys, "argv", ["autograder", "grade", SLUG])
    with pytest.raises(SystemExit) as end:
        commands.main()
    assert end.value.code == 1
    assert said in capsys.readouterr().err


def test_an_exercise_that_has_changed_is_not_graded_against_an_old_gradebook(course):
    with course.gradebook() as book:
        cell = book.find_grade_cell("check_mse", SLUG, SLUG)
        cell.max_score += 1
        book.db.commit()
    try:
        done = nbgrader("autograde", SLUG, "--force", **course.env)
        assert done.returncode == 1
        assert "has changed since its release" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        with course.gradebook() as book:
            cell = book.find_grade_cell("check_mse", SLUG, SLUG)
            cell.max_score -= 1
            book.db.commit()


def test_an_exercise_that_does_not_exist_is_one_sentence(course):
    (course.folder / "submitted" / "nobody" / "99-nothing").mkdir(parents=True)
    (course.folder / "submitted" / "nobody" / "99-nothing" / "x.ipynb").touch()
    done = nbgrader("autograde", "99-nothing", **course.env)
    assert done.returncode == 1
    assert "There is no exercise '99-nothing'" in done.stderr
    assert "Traceback" not in done.stderr


def test_force_empties_the_release_and_it_is_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr(derive, "EXERCISES", tmp_path)
    plugin.put_back(SLUG, ".", [])
    names = sorted(path.name for path in (tmp_path / SLUG).iterdir())
    assert names == [f"{SLUG}.ipynb", "checks.npz"]
