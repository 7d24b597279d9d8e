"""An instructor's own nbgrader assignment, tested by asserts, by plain commands."""

import io
import json
import shutil
import tempfile
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from rich.console import Console
from test_plugin import Course as AnyCourse

from autograder import feedback, own, results
from autograder.exercise import ROOT
from unrolled.report import VERDICT_MIME

NAME = "own-words"
PARTS = ("one", "two")
SOLUTION = """def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION"""
VISIBLE = 'assert double(2) == 4, "twice two is four"'
HIDDEN = """assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(8191) == 16382  # a prime that nobody tries
### END HIDDEN TESTS"""
PARTIAL = """from helper import TOP
min(TOP, double(1)) - 0.5"""

pytestmark = pytest.mark.slow


def cell(source, name="", points=None, *, solution=False, kind=new_code_cell):
    made = kind(source)
    if name:
        made.metadata["nbgrader"] = {
            **{"grade_id": name, "schema_version": 3, "task": False},
            **{"solution": solution, "grade": points is not None},
            **{"locked": not solution, "cell_type": made.cell_type},
        }
        if points is not None:
            made.metadata["nbgrader"]["points"] = points
    return made


def source():
    cells = [
        new_markdown_cell("# Words of my own"),
        new_code_cell("import math"),
        cell(SOLUTION, "double", solution=True),
        cell(VISIBLE, "visible", 2),
        cell(HIDDEN, "hidden", 3),
        cell(PARTIAL, "partial", 2),
        cell("Why?", "why", 4, solution=True, kind=new_markdown_cell),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


RIGHT = "def double(x):\n    return math.sqrt(4) * x"
HAND_INS = {  # what stands in the answer cell, and the points of the three tests
    "right": (RIGHT, (2, 3, 1.5)),
    "warns": (f"{RIGHT}\nimport warnings; warnings.warn('odd')", (2, 3, 1.5)),
    "table": ("def double(x):\n    return {1: 2, 2: 4}[x]", (2, 0, 1.5)),
    "empty": (None, (0, 0, 0)),
    "endless": ("import os\ndef double(x):\n    os._exit(3)", (0, 0, 0)),
    "curious": (
        "import inspect, linecache\n"
        "def double(x):\n"
        "    for lines in list(linecache.cache.values()):\n"
        "        if 'prime' in str(lines): print(lines)\n"
        "    print('seen', x)\n"
        "    if x > 100: raise type(f'Seen{x}', (Exception,), {})(x)\n"
        "    return 2 * x",
        (2, 0, 1.5),
    ),
}


class Course(AnyCourse):
    def grades(self, student, part="one"):
        with self.gradebook() as book:
            found = book.find_submission_notebook(part, NAME, student).grades
            return {g.name: (g.auto_score, g.needs_manual_grade) for g in found}

    def file(self, step, student, name):
        return self.folder / step / student / NAME / name

    def hand_in(self, student, part, change):
        released = self.folder / "release" / NAME / f"{part}.ipynb"
        notebook = nbformat.read(released, as_version=4)
        change(notebook.cells)
        path = self.file("submitted", student, f"{part}.ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)


def answered(text, written=None):
    def change(cells):
        if text is not None:
            cells[2].source = text
        if written is not None:
            cells[-1].source = written

    return change


def tampered(cells):
    cells[2].source = "def double(x): return 0"
    for found in cells[3:6]:
        found.metadata["tags"] = ["skip-execution"]
        found.source = "assert True"
        found.metadata["nbgrader"]["points"] = 100
    cells.insert(4, nbformat.from_dict({**cells[3], "id": "copied"}))


@pytest.fixture(scope="module")
def course():
    (ROOT / "_grading").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=ROOT / "_grading"))
    made = Course(folder)
    place = folder / "source" / NAME
    place.mkdir(parents=True)
    for part in PARTS:
        nbformat.write(source(), place / f"{part}.ipynb")
    (place / "helper.py").write_text("TOP = 2\n")
    try:
        release = f"{folder.relative_to(ROOT)}/release"
        aside = f"--CourseDirectory.release_directory={release}"
        made.run("generate_assignment", NAME, aside)
        for student, (text, _) in HAND_INS.items():
            made.hand_in(student, "one", answered(text))
        why = answered(RIGHT, "<script>x</script>Because.")
        made.hand_in("right", "two", why)
        made.hand_in("cheat", "one", tampered)
        made.file("submitted", "cheat", "passwords").symlink_to("/etc/passwd")
        broken = made.file("submitted", "broken", "one.ipynb")
        broken.parent.mkdir(parents=True)
        broken.write_text("{")
        made.said = made.run("autograde", NAME)
        made.run("generate_feedback", NAME)
        yield made
    finally:
        shutil.rmtree(folder)


def test_the_release_has_the_files_beside_it_and_no_hidden_test(course):
    text = (course.folder / "release" / NAME / "one.ipynb").read_text()
    assert "8191" not in text
    assert "return 2" not in text
    assert (course.folder / "release" / NAME / "helper.py").is_file()


@pytest.mark.parametrize("student", HAND_INS)
def test_a_test_that_raises_earns_nothing_and_one_that_does_not_all(course, student):
    grades = course.grades(student)
    found = tuple(grades[name] for name in ("visible", "hidden", "partial"))
    assert found == tuple((points, False) for points in HAND_INS[student][1])


def test_a_written_answer_waits_for_a_person_and_none_is_none(course):
    assert course.grades("right", "two")["why"] == (None, True)
    assert course.grades("right", "one")["why"] == (0, False)


def test_tags_points_and_texts_of_tests_are_the_instructor_s(course):
    tests = ("visible", "hidden", "partial")
    assert {course.grades("cheat")[name] for name in tests} == {(0, False)}
    assert not course.file("autograded", "cheat", "passwords").exists()


@pytest.mark.parametrize(("student", "part"), [("broken", "one"), ("cheat", "two")])
def test_what_cannot_be_read_is_no_zero(course, student, part):
    assert set(course.grades(student, part).values()) == {(None, True)}


def test_every_result_says_that_it_is_untrusted(course):
    notebook = json.loads(course.file("autograded", "right", "one.ipynb").read_text())
    said = [
        output["data"]
        for found in notebook["cells"]
        for output in found.get("outputs", [])
        if VERDICT_MIME in output.get("data", {})
    ]
    assert len(said) == 3
    assert all(own.UNTRUSTED in "".join(data["text/plain"]) for data in said)


def test_no_output_and_no_page_shows_a_hidden_test(course):
    for student, part in (*((name, "one") for name in HAND_INS), ("right", "two")):
        page = course.file("feedback", student, f"{part}.html").read_text()
        assert "8191" not in page, student
        soup = BeautifulSoup(page, "html.parser")
        assert not soup([*feedback.ACTIVE, "svg"])
        assert own.UNTRUSTED in soup.get_text()
    page = course.file("feedback", "empty", "one.html").read_text()
    assert "it raised NotImplementedError" in page
    page = course.file("feedback", "table", "one.html").read_text()
    assert "it raised KeyError" in page


def test_no_hand_in_shows_a_traceback(course):
    assert "Traceback" not in course.said


def test_the_table_says_so_too(course, monkeypatch):
    monkeypatch.setenv("UNROLLED_GRADING", course.env["UNROLLED_GRADING"])
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(results.table(NAME))
    text = console.export_text()
    assert "13/22" in text  # both of its notebooks; the answers wait
    assert own.UNTRUSTED in text


def test_a_source_that_changed_is_released_again_before_it_is_graded(course):
    path = course.folder / "source" / NAME / "two.ipynb"
    before = path.read_text()
    path.write_text(before.replace('"points": 4', '"points": 5'))
    try:
        with pytest.raises(AssertionError, match="has changed since its release"):
            course.run("autograde", NAME, "--force")
    finally:
        path.write_text(before)


# a student's code in the process that counts

SPY = """import sys
def double(x):
    frame = sys._getframe()
    while frame and "raw_cell" not in frame.f_locals:
        frame = frame.f_back
    raise MemoryError(frame.f_locals["raw_cell"] if frame else "")"""
FLOOD = """class Odd(float):
    def __repr__(self):
        return "no number"
def double(x):
    print("a" * 300_000)
    return x
def odd(x):
    return Odd(x)
def digits(x):
    return 0.8191"""


def _judged(monkeypatch, *cells):
    monkeypatch.setattr(own, "publish", lambda *_: None)
    return own.grade(NAME, cells)[0]


def test_running_out_of_memory_carries_no_hidden_test_out(monkeypatch):
    found = _judged(monkeypatch, cell(SPY), cell(HIDDEN, "hidden", 3))["hidden"]
    assert (found.status, found.points) == ("memory", 0)
    assert "assert" not in json.dumps(found.to_dict())


def test_a_process_that_ended_is_told_without_the_hidden_line(monkeypatch):
    source = HIDDEN.partition("\n")[2]  # nothing before the hidden tests
    ends = "def double(x):\n    import os; os._exit(3)"
    found = _judged(monkeypatch, cell(ends), cell(source, "hidden", 3))["hidden"]
    assert (found.status, found.points) == ("crashed", 0)
    assert "8191" not in json.dumps(found.to_dict())


@pytest.mark.parametrize(
    ("source", "status", "points"),
    [
        ("double(1) * 0.5", "could_not_check", 0),  # pushed out by prints
        ("double(1)", "could_not_check", 0),
        ("odd(1)", "could_not_check", 0),  # shown as something else
        ("round(odd(1)); None", "full", 2),  # shows nothing, as the author wants it
        ("print(odd(1))", "full", 2),
        ("0 + odd(1)", "partial", 1),
        ("digits(1)  ### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS", "partial", 0.82),
    ],
)
def test_a_number_of_points_that_did_not_come_out_waits_for_a_person(
    source, status, points, monkeypatch
):
    found = _judged(monkeypatch, cell(FLOOD), cell(source, "part", 2))["part"]
    assert (found.status, found.points) == (status, points), found.summary
