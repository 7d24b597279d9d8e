"""Attacking hand-ins by kind, each with two honest neighbours in the same run.

tests/attacks/<kind>.toml holds them: what each shows, the `code` that it adds to the
released notebook (after tools.py, at the end), or what it does to the file, and the
verdicts that it gets. Inside, whatever should be impossible prints GAINED.
"""

import base64
import dataclasses
import functools
import json
import math
import os
import re
import shutil
import struct
import tempfile
import threading
import time
import tomllib
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from classroom import Submission
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from nbgrader.utils import is_grade
from test_plugin import SECRET as COURSE_SECRET
from test_plugin import Course

from autograder import discretion, feedback, grading, plugin
from autograder.exercise import ROOT, load
from autograder.sandbox import Limits, Sandbox, cgroup

SLUG = "02-recurrent-cell"
SECRET = b"CANARY-OF-THE-COURSE: a secret for tests"
FOLDER = Path(__file__).parent / "attacks"
KINDS = ("points", "leak", "neighbour", "escape", "exhaustion", "malformed")
LEAST = {"points": 30, "leak": 15, "neighbour": 10, "escape": 10}
LIMITS = Limits(
    cell_s=3,
    question_s=1.5,
    session_s=10,
    memory_bytes=512 << 20,
    tmpfs_bytes=16 << 20,
)
# An honest hand-in on a busy machine takes longer than an attack needs to be caught.
PATIENT = dataclasses.replace(LIMITS, cell_s=20, question_s=10, session_s=120)
FILE_BYTES = 16 << 20  # of an autograded notebook, whatever its outputs were
PAGE_PIXELS = 1 << 27

pytestmark = pytest.mark.slow


def _attacks():
    for kind in KINDS:
        text = (FOLDER / f"{kind}.toml").read_text("utf-8")
        for name, fields in tomllib.loads(text).items():
            yield pytest.param(kind, name, fields, id=f"{kind}-{name}")


ATTACKS = list(_attacks())


class Attack:
    """One attacking hand-in, and what came of it."""

    def __init__(self, name, fields):
        self.fields = {"exercise": SLUG, "start": "released", **fields}
        self.submission = Submission(name, self._built())

    def _built(self):
        fields = dict(self.fields)
        tamper = dict(fields.get("tamper", {}))
        mark, count = fields.get("repeat", ["", 0])
        if "raw" in fields:
            tamper["raw"] = fields["raw"].replace("@", mark * count)
        added = list(fields.get("add", []))
        if "code" in fields:
            code = fields["code"].replace("@ROOT@", str(ROOT))
            code = code.replace("@", mark * count) if mark else code
            added += [{"source": (FOLDER / "tools.py").read_text("utf-8")}]
            added += [{"source": code}] * fields.get("times", 1)
        return {**fields, "tamper": tamper, "add": added}

    def hand_in(self, folder):
        """Put it where a hand-in lies, and say which file is read."""
        file = folder / "attacker" / SLUG / f"{self.submission.exercise}.ipynb"
        other = folder / "neighbour" / SLUG / file.name
        other.parent.mkdir(parents=True)
        other.write_bytes(honest())
        place = self.fields.get("place")
        if place is None:
            self.submission.write(file.parent)
        elif place == "linked folder":
            file.parent.parent.mkdir()
            file.parent.symlink_to(other.parent)
        else:
            file.parent.mkdir(parents=True)
            make = {"hard link": lambda: os.link(other, file), "folder": file.mkdir}
            make.get(place, lambda: os.mkfifo(file))()
        return file


HONEST = Submission("honest", {"exercise": SLUG, "expected": {"others": "full"}})
honest = functools.cache(HONEST.content)


def grade(slug, path, sandbox, limits=LIMITS):
    """The graded notebook as nbgrader would write it, and the verdicts."""
    sandbox.limits = limits
    notebook = plugin.taken_in(slug, path)
    checks = [cell for cell in notebook.cells if is_grade(cell)]
    cells = [c for c in notebook.cells if c.cell_type == "code" and c not in checks]
    if "unreadable" in notebook.metadata[plugin.MARK]:
        reason = notebook.metadata[plugin.MARK]["unreadable"]
        graded = grading.unchecked(slug, reason)
    else:
        spare = [n for n, cell in enumerate(cells) if plugin.MARK in cell.metadata]
        sources = [cell.source for cell in cells]
        graded = grading.grade(slug, sources, SECRET, sandbox, spare)
    for cell, result in zip(cells, graded.results, strict=False):
        cell.outputs = plugin.nbformat.from_dict(
            discretion.without_paths(result.outputs)
        )
    for cell in checks:
        name = cell.metadata["nbgrader"]["grade_id"].removeprefix("check_")
        cell.outputs = plugin.outputs(graded.verdicts[name])
    return notebook, graded


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    os.environ["CANARY"] = SECRET.decode()
    tmp_path_factory.getbasetemp()  # pytest's own lies where it always does
    tempfile.tempdir = tempfile.mkdtemp(prefix="attacks-")
    os.chmod(tempfile.tempdir, 0o755)  # `nobody` mounts from here
    with Sandbox(LIMITS, grading.IMPORTS) as made:
        yield made
    del os.environ["CANARY"]
    shutil.rmtree(tempfile.tempdir, ignore_errors=True)
    tempfile.tempdir = None  # whatever happened: the next file's tests need their own
    mine = f"{cgroup.PREFIX}-{os.getpid()}-*"
    assert not [p for parent in cgroup.parents().values() for p in parent.glob(mine)]


@pytest.fixture(scope="module")
def neighbour(sandbox, tmp_path_factory):
    """Grades an honest hand-in, which must have its full marks."""
    path = tmp_path_factory.mktemp("honest") / SLUG / f"{SLUG}.ipynb"
    HONEST.write(path.parent)

    def graded():
        _, found = grade(SLUG, path, sandbox, PATIENT)
        total = sum(task.total for task in load(SLUG).graded.values())
        said = [v.summary for v in found.verdicts.values()]
        assert found.points == total, said
        return left_behind()

    graded()
    return graded


def left_behind():
    """What a session could leave on this machine: processes, files, groups."""
    parents, names = {}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if state not in "ZX":  # the dead wait for bubblewrap to count them
            parents[int(status.parent.name)] = int(parent)
            names[int(status.parent.name)] = f"{name}) of {parent}"
    mine = {os.getpid()}
    for _ in range(len(parents)):
        more = {pid for pid, parent in parents.items() if parent in mine} | mine
        if more == mine:
            break
        mine = more
    return {p: names.get(p) for p in mine}, os.listdir(tempfile.gettempdir())


def said(notebook):
    """What the student's cells gave out, without the source that tracebacks quote."""
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            parts += [output.get("text", ""), output.get("evalue", "")]
            parts += [
                output.get("ename", ""),
                *map(str, output.get("data", {}).items()),
            ]
    return "\n".join(parts)


@pytest.fixture(scope="module")
def hidden_numbers():
    found = set()
    for slug in (SLUG, "03-bptt"):
        for name in load(slug).tasks:
            for case in grading.hidden_cases(slug, name, SECRET):
                for value in (*case.inputs.values(), *case.expected.values()):
                    array = np.asarray(value) if not isinstance(value, dict) else None
                    if array is not None and array.dtype.kind == "f":
                        found |= {f"{abs(x):.8f}" for x in array.flat[:20]}
    return {text for text in found if len(set(text)) > 5}


@pytest.mark.parametrize(("kind", "name", "fields"), ATTACKS)
def test_the_attacker_gains_nothing_and_the_neighbours_lose_nothing(
    kind, name, fields, sandbox, neighbour, hidden_numbers, tmp_path
):
    before = left_behind()
    attack = Attack(name, fields)
    exercise = attack.submission.exercise
    notebook, graded = grade(exercise, attack.hand_in(tmp_path), sandbox)
    after = neighbour()
    if after != before:  # once in thousands a process shows that nobody knew of
        time.sleep(1)
        warnings.warn(f"gone a second later? {before} {after}", stacklevel=1)
        after = left_behind()
    assert after == before, "a process or a file was left behind"
    _judged_as_stated(attack, graded)
    _nothing_given_away(attack, notebook, hidden_numbers)
    _bounded(notebook)
    _still(notebook)


def _judged_as_stated(attack, graded):
    stated = attack.fields.get("expected", {})
    assert graded.points <= attack.fields.get("points", 0)
    for function, verdict in graded.verdicts.items():
        wanted = stated.get(function, stated.get("others", {}))
        wanted = {"status": wanted} if isinstance(wanted, str) else wanted
        for key, value in wanted.items():
            assert getattr(verdict, key) == value, verdict.summary
        if wanted.get("status") != "could_not_check":
            assert verdict.status != "could_not_check", verdict.summary


def _nothing_given_away(attack, notebook, hidden_numbers):
    text = said(notebook)
    assert "GAINED" not in text, text[text.index("GAINED") - 80 :][:400]
    whole = json.dumps([cell.get("outputs") for cell in notebook.cells])
    assert SECRET.decode()[:20] not in whole
    assert str(ROOT) not in whole
    if "never" in attack.fields:
        assert attack.fields["never"] not in text
    assert not hidden_numbers & set(re.findall(r"\d+\.\d{8}", whole))


def _bounded(notebook):
    assert len(json.dumps(notebook)) < FILE_BYTES
    pixels = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            if picture:
                head = base64.b64decode(picture[:32])[16:24]
                pixels += math.prod(struct.unpack(">II", head))
    assert pixels < PAGE_PIXELS


def _still(notebook):
    """What formgrader shows of a student is text and pictures, before any cleaning."""
    for cell in notebook.cells:
        if is_grade(cell):
            continue
        for output in cell.get("outputs", []):
            assert set(output.get("data", {})) <= {"text/plain", "image/png"}
            assert output["output_type"] != "stream" or "\x1b" not in output["text"]
        if cell.cell_type == "markdown" and cell.id.startswith(("own-", "about")):
            soup = BeautifulSoup(markdown2html_mistune(cell.source), "html.parser")
            assert {t.name for t in soup(True)} <= {
                *("pre", "code", "div", "span", "h3", "ul", "li", "p", "a"),
            }
            assert not [t for t in soup("a") if not t["href"].startswith("#")]


def test_neighbours_keep_their_marks_while_fifty_processes_burn_every_core(
    sandbox, tmp_path
):
    with sandbox.open() as session:
        if session.group is None or "cpu" not in session.group.counts():
            pytest.skip("no control group shares out the processors here")
    (burning,) = (a.values for a in ATTACKS if a.id == "exhaustion-burns-every-core")
    attacker = Attack(*burning[1:]).hand_in(tmp_path)
    honest = attacker.parents[2] / "neighbour" / SLUG / attacker.name
    done = threading.Event()

    def burn():
        while not done.is_set():
            grade(SLUG, attacker, sandbox)

    with ThreadPoolExecutor() as threads:
        threads.submit(burn)
        time.sleep(0.5)
        pair = [threads.submit(grade, SLUG, honest, sandbox) for _ in range(2)]
        found = [future.result()[1] for future in pair]
        done.set()
    for graded in found:
        assert {v.status for v in graded.verdicts.values()} == {"full"}


PAGES = [p for p in ATTACKS if p.values[2].get("page")]


@pytest.mark.parametrize(("kind", "name", "fields"), PAGES)
def test_a_page_runs_nothing_and_asks_nobody(kind, name, fields, sandbox, tmp_path):
    notebook, _ = grade(SLUG, Attack(name, fields).hand_in(tmp_path), sandbox)
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    soup = BeautifulSoup(feedback._still(page, []), "html.parser")
    assert not soup([*feedback.ACTIVE, "svg"])
    for tag in soup(True):
        assert not [attribute for attribute in tag.attrs if attribute.startswith("on")]
        for link in (tag.get("src", "data:"), tag.get("href", "#")):
            assert link.startswith(("data:", "#"))


def test_one_long_text_among_short_ones_takes_no_memory():
    """NumPy gives each text of a list the room of the longest: 800 MB for 20,000."""
    texts = ["x" * 10_000, *["y"] * 100]
    answer = {"status": "ok", "function": "mse", "value": texts, "again": [texts]}
    answer["after"] = {"pred": texts, "target": {"k": texts}}
    question = {"call": "mse", "args": ["pred", "target"], "before": None}
    question["inputs"] = dict.fromkeys(question["args"], 0.0)
    kept = discretion.answer(answer, question, ["k"])
    rows = (kept["value"], *kept["again"], kept["after"]["pred"])
    for row in (*rows, kept["after"]["target"]["k"]):
        assert np.asarray(row).nbytes < 1e5


def test_code_that_would_hang_a_page_is_shown_without_colours():
    """Colouring 100 kB of blank lines, or of one line, would take a quarter of an
    hour or more, in the feedback's command and in formgrader's server."""
    assert "<span class=" in feedback.coloured("def f(x):\n    return x")
    for source in ("match " + "\n" * 50_000, "\n " * 50_000, "a." * 50_000):
        page = feedback.coloured(f"{source}f(x)", metadata={})
        assert "f(x)" in page
        assert 'class="n' not in page
    config = (ROOT / "nbgrader_config.py").read_text("utf-8")
    assert '"highlight_code": "autograder.feedback.coloured"' in config


# a dozen that stand for their kinds, by the plain command
PLAIN = (
    *("points-forged-outputs", "points-skip-execution-tag", "points-copied-checks"),
    *("points-end-the-keeper", "points-patched-answer", "leak-html", "leak-markdown"),
    *("leak-names", "neighbour-kills-group", "neighbour-link-to-a-neighbour"),
    *("neighbour-hard-link-to-a-neighbour", "exhaustion-every-cell-full"),
    *("malformed-pipe", "malformed-surrogates"),
)


@pytest.fixture(scope="module")
def course():
    """Those hand-ins in one course, between two honest ones, and two archives."""
    (ROOT / "_grading").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=ROOT / "_grading"))
    made = Course(folder)
    try:
        release = f"{folder.relative_to(ROOT)}/release"
        made.run(
            "generate_assignment",
            SLUG,
            f"--CourseDirectory.release_directory={release}",
        )
        for name in ("a-neighbour", "zz-neighbour"):
            made.put(name, HONEST)
        for attack in ATTACKS:
            if attack.id in PLAIN:
                scratch = folder / "scratch" / attack.id
                Attack(*attack.values[1:]).hand_in(scratch)
                target = folder / "submitted" / attack.id
                (scratch / "attacker").rename(target)
        made.said = made.run("autograde", SLUG)
        made.run("generate_feedback", SLUG)
        yield made
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_nbgrader_gives_an_attacker_nothing_either(course, name):
    fields = next(a.values[2] for a in ATTACKS if a.id == name)
    stated = fields.get("expected", {}).get("others", "")
    for function, verdict in course.verdicts(name).items():
        waits = verdict["status"] == "could_not_check"
        assert waits == (stated == "could_not_check")
        assert course.grades(name)[function] == (None if waits else 0, waits)
    page = course.page(name)
    assert COURSE_SECRET not in page
    assert not BeautifulSoup(page, "html.parser")([*feedback.ACTIVE, "svg"])
    assert "Traceback" not in course.said


def test_plain_nbgrader_leaves_the_neighbours_their_full_marks(course):
    for name in ("a-neighbour", "zz-neighbour"):
        for function, task in load(SLUG).graded.items():
            assert course.grades(name)[function] == (task.total, False)


def test_plain_zip_collect_takes_a_hand_in_from_who_sent_it(course):
    folder = course.folder / "downloaded" / SLUG / "archive"
    folder.mkdir(parents=True)
    for student, name in (("alice", f"{SLUG}.ipynb"), ("mallory", "alice_9.ipynb")):
        with zipfile.ZipFile(folder / f"{student}_1.zip", "w") as archive:
            archive.writestr(name, f"of {student}")
            archive.writestr("alice_7_again.ipynb", f"of {student}")
    regexp = "--Collect.named_regexp=(?P<student_id>[a-z]+)_"
    course.run("zip_collect", SLUG, regexp)
    for student in ("alice", "mallory"):
        taken = course.folder / "submitted" / student / SLUG / f"{SLUG}.ipynb"
        assert taken.read_text() == f"of {student}"


def test_there_are_enough_attacks_of_every_kind():
    counts = {kind: sum(a.values[0] == kind for a in ATTACKS) for kind in KINDS}
    assert all(counts[kind] >= LEAST.get(kind, 20) for kind in KINDS), counts
    assert sum(counts.values()) >= 80
    assert all(attack.values[2]["shows"].endswith(".") for attack in ATTACKS)


def test_every_test_that_the_security_page_names_exists():
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    named = re.findall(r"`(test_\w+\.py)::(\w+)(?:\[([\w-]+)\])?`", text)
    assert len(named) > 30
    ids = {attack.id for attack in ATTACKS}
    for file, test, case in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text("utf-8"), test
        assert not case or case in ids, case
