"""`autograder grade`: the same as nbgrader, many at once, and nothing lost."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import classroom
import psutil
import pytest
from distributed import Client
from nbgrader.api import Gradebook

from autograder import doctor, intake, ledger, worker
from autograder.exercise import ROOT
from autograder.faults import GraderFault
from autograder.ledger import Ledger
from autograder.pool import Pool
from autograder.sandbox import cgroup
from autograder.worker import Order

SLUG = "02-recurrent-cell"
SECRET = "a course secret that must be seen nowhere"
CLASS = (
    "accident-duplicated-answer",
    "accident-no-notebook",
    "accident-renamed-file",
    "broken-json",
    "bug-loss-not-masked",
    "bug-state-not-carried",
    "bug-writes-into-its-input",
    "half-done",
    "honest-full-solution",
    "hostile-exits",
    "hostile-forged-outputs",
    "hostile-points-changed",
    "inherited-fault",
    "left-empty",
    "prints-and-warns",
)
SUBMISSIONS = {s.name: s for s in classroom.submissions() if s.name in CLASS}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not doctor.usable(), reason="no sandbox: autograder doctor"),
]


class Course:
    """A course of its own under _grading/, with a small class in it."""

    def __init__(self, folder):
        self.folder = folder
        self.name = str(folder.relative_to(ROOT))
        for name, submission in SUBMISSIONS.items():
            submission.write(self.submitted(name))
        late = self.submitted("half-done") / "timestamp.txt"
        late.write_text("2026-01-05 10:00:00 UTC")
        aside = f"--CourseDirectory.release_directory={self.name}/release"
        self.run("-m", "nbgrader", "generate_assignment", SLUG, aside)

    def submitted(self, student):
        return self.folder / "submitted" / student / SLUG

    @property
    def env(self):
        return {
            **os.environ,
            "UNROLLED_GRADING": self.name,
            "UNROLLED_SECRET": SECRET,
            "PYTHONPATH": str(ROOT),
        }

    def start(self, *args, **options):
        command = [sys.executable, *args]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=self.env, **pipes, **options)

    def run(self, *args, code=0):
        process = self.start(*args)
        out, said = process.communicate()
        assert process.returncode == code, said[-3000:]
        return out, said

    def grade(self, *args):
        """Student -> result, and what was said."""
        out, said = self.run("-m", "autograder", "grade", SLUG, "--json", *args)
        return {row["student"]: row for row in map(json.loads, out.splitlines())}, said

    def judged(self):
        """Student -> points and every verdict, sentence by sentence."""
        kept = ("key", "status", "points", "verdicts")
        found = {student: self.result(student) for student in CLASS}
        return {name: [one[k] for k in kept] for name, one in found.items()}

    def result(self, student):
        return json.loads((self.results / f"{student}.json").read_text("utf-8"))

    @property
    def results(self):
        return self.folder / "results" / SLUG

    def autograded(self, student):
        return self.folder / "autograded" / student / SLUG

    def rows(self):
        """All that the gradebook says of the class."""
        with Gradebook(f"sqlite:///{self.folder}/gradebook.db", "unrolled") as book:
            return {
                found.student.id: (
                    str(found.timestamp),
                    [
                        (g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
                        for notebook in found.notebooks
                        for g in sorted(notebook.grades, key=lambda g: g.name)
                    ],
                    [
                        (c.name, c.auto_comment)
                        for notebook in found.notebooks
                        for c in sorted(notebook.comments, key=lambda c: c.name)
                    ],
                )
                for found in book.assignment_submissions(SLUG)
            }

    def export(self):
        path = self.folder / "grades.csv"
        self.run("-m", "nbgrader", "export", "--to", str(path))
        with path.open(newline="") as file:
            return list(csv.DictReader(file))


@contextlib.contextmanager
def course_of_its_own():
    (ROOT / "_grading").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-pool-", dir=ROOT / "_grading"))
    try:
        yield Course(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def plain():
    with course_of_its_own() as course:
        course.run("-m", "nbgrader", "autograde", SLUG)
        yield course


@pytest.fixture(scope="module")
def pooled():
    with course_of_its_own() as course:
        course.first, course.said = course.grade("--workers", "2")
        course.with_two = course.judged()
        yield course


@pytest.fixture
def here(pooled, monkeypatch):
    """The pooled course as this process's own."""
    monkeypatch.setenv("UNROLLED_GRADING", pooled.name)
    monkeypatch.setenv("UNROLLED_SECRET", SECRET)
    ledger.course.cache_clear()
    yield pooled
    ledger.course.cache_clear()


def test_the_gradebook_is_what_plain_nbgrader_writes(plain, pooled):
    assert set(pooled.rows()) == set(CLASS)
    assert pooled.rows() == plain.rows()


@pytest.mark.parametrize("student", CLASS)
def test_the_autograded_notebook_is_the_same_byte_by_byte(plain, pooled, student):
    for name in (f"{SLUG}.ipynb", "timestamp.txt"):
        one, other = (c.autograded(student) / name for c in (plain, pooled))
        assert one.exists() == other.exists()
        if one.exists():
            assert other.read_text("utf-8") == one.read_text("utf-8")
            assert other.stat().st_mode == one.stat().st_mode


def test_export_and_feedback_are_the_same(plain, pooled):
    assert pooled.export() == plain.export()
    for course in (plain, pooled):
        course.run("-m", "nbgrader", "generate_feedback", SLUG, "--student=half-done")
    name = f"half-done/{SLUG}/{SLUG}.html"
    pages = [(c.folder / "feedback" / name).read_text() for c in (plain, pooled)]
    assert pages[0] == pages[1]


def test_each_hand_in_is_one_line_of_json(pooled):
    assert set(pooled.first) == set(CLASS)
    full = pooled.first["honest-full-solution"]
    assert (full["status"], full["points"], full["unsafe"]) == ("full", 28, False)
    assert full["seconds"]["cells"] > 0
    assert full["seconds"]["mse"] > 0
    assert pooled.first["broken-json"]["status"] == "could_not_check"
    assert "2 could not be graded and need a person" in pooled.said
    bug = pooled.first["bug-state-not-carried"]["functions"]["rnn_forward"]["bug"]
    assert bug == "state-not-carried"


def test_the_secret_is_in_no_result(pooled):
    texts = [path.read_text("utf-8") for path in pooled.results.iterdir()]
    assert len(texts) > len(CLASS)
    assert not any(SECRET in text for text in texts)


def test_nothing_is_run_again_and_a_change_runs_that_hand_in_only(pooled):
    before = pooled.rows()
    assert "0 hand-ins were run" in pooled.grade()[1]
    SUBMISSIONS["honest-full-solution"].write(pooled.submitted("new-one"))
    found, said = pooled.grade()
    assert "0 hand-ins were run" in said  # it is equal to one that is known
    assert "1 grades were written" in said
    assert found["new-one"]["points"] == 28
    shutil.rmtree(pooled.submitted("new-one"))
    SUBMISSIONS["prints-and-warns"].write(pooled.submitted("new-one"))
    path = pooled.submitted("new-one") / f"{SLUG}.ipynb"
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    assert "1 hand-ins were run" in pooled.grade()[1]
    shutil.rmtree(pooled.folder / "submitted" / "new-one")
    assert {k: v for k, v in pooled.rows().items() if k != "new-one"} == before


def test_a_regrade_gives_the_same_and_a_later_hand_in_clears_the_grade(pooled):
    student = "left-empty"
    path = pooled.submitted(student) / f"{SLUG}.ipynb"
    kept = path.read_bytes()
    found, said = pooled.grade("--force", "--students", student)
    assert "1 hand-ins were run" in said
    same = ("key", "status", "points", "functions")
    first = pooled.first[student]
    assert [found[student][k] for k in same] == [first[k] for k in same]
    path.write_text("{")
    assert pooled.grade()[0][student]["status"] == "could_not_check"
    assert {row[1:] for row in pooled.rows()[student][1]} == {(None, None, True)}
    path.write_bytes(kept)
    assert pooled.grade()[0][student]["status"] == "not_done"


def test_what_is_in_the_gradebook_is_written_again_after_plain_nbgrader(pooled):
    pooled.run("-m", "nbgrader", "autograde", SLUG, "--student=half-done", "--force")
    assert "1 grades were written" in pooled.grade()[1]


def test_a_killed_run_goes_on_where_it_was(pooled):
    for path in pooled.results.glob("*.json"):
        path.unlink()
    process = pooled.start("-m", "autograder", "grade", SLUG, "--workers", "1")
    workers = []
    while len(list(pooled.results.glob("*.json"))) < 5:
        assert process.poll() is None, process.stderr.read()
        workers = psutil.Process(process.pid).children(recursive=True) or workers
        time.sleep(0.02)
    process.kill()
    process.communicate()
    done = len(list(pooled.results.glob("*.json")))
    assert not psutil.wait_procs(workers, timeout=20)[1]  # nothing is left running
    _, said = pooled.grade("--workers", "3")
    again = int(said.partition(" hand-ins were run")[0].split()[-1])
    assert 0 < again <= len(CLASS) - done
    assert pooled.judged() == pooled.with_two


@pytest.mark.parametrize("wait_s", [0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_ctrl_c_is_one_sentence_and_loses_nothing(pooled, wait_s):
    for path in pooled.results.glob("*.json"):
        path.unlink()
    process = pooled.start("-m", "autograder", "grade", SLUG, "--workers", "1")
    while not list(pooled.results.glob("*.json")):
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(wait_s)  # the first result is there before the workers are
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped." in said
    assert "Traceback" not in said
    assert list(pooled.results.glob("*.json"))
    pooled.grade("--workers", "1")
    assert pooled.judged() == pooled.with_two


@pytest.mark.parametrize("wait_s", [0.3, 1.5, 2.2, 3.0])
def test_ctrl_c_at_a_terminal_while_it_starts_shows_no_traceback(pooled, wait_s):
    """It reaches all processes of the command's group, as from a terminal."""
    command = ("grade", SLUG, "--force", "--students", "half-done", "--workers", "1")
    process = pooled.start("-m", "autograder", *command, start_new_session=True)
    time.sleep(wait_s)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130, -signal.SIGINT)  # 0: it was too quick
    assert "Traceback" not in said


def test_two_runs_do_not_write_at_once(here):
    with Ledger(SLUG).held():
        _, said = here.run("-m", "autograder", "grade", SLUG, code=1)
    assert "is being graded by another run" in said


def test_students_are_written_in_one_transaction(here, monkeypatch):
    from autograder import gradebook

    writer = gradebook.Writer(SLUG, gradebook.course())
    writer.ready()
    before = here.rows()
    fill = gradebook.Rows.fill

    def fails(self, marks):
        none = {"scores": {}, "comments": {}}
        fill(self, dict.fromkeys(marks, none))
        raise OSError("the disk is full")

    monkeypatch.setattr(gradebook.Rows, "fill", fails)
    student = "honest-full-solution"
    entry = gradebook.Entry(student, here.submitted(student), here.result(student))
    with pytest.raises(OSError, match="disk is full"):
        writer.write([entry])
    writer.close()
    assert here.rows() == before
    assert "1 grades were written" in here.grade()[1]


def test_where_the_sandbox_does_not_hold_it_refuses_or_marks_every_result(pooled):
    """Without bubblewrap on the path, as on another system."""
    python = f"import os; os.environ['PATH'] = {str(ROOT)!r}; "
    python += "from autograder.__main__ import main; main()"
    grade = ("-c", python, "grade", SLUG, "--force", "--students", "half-done")
    _, said = pooled.run(*grade, code=1)
    assert "bubblewrap is missing" in said
    assert "Traceback" not in said
    out, said = pooled.run(*grade, "--unsafe", "--json")
    assert json.loads(out)["unsafe"] is True
    assert "Graded without a sandbox" in said
    result = pooled.result("half-done")
    assert all("--unsafe" in v["summary"] for v in result["verdicts"].values())
    assert "UNSAFE" in pooled.run("-m", "autograder", "show", SLUG)[0]
    safe, _ = pooled.grade()
    assert safe["half-done"]["unsafe"] is False


# what happens to workers


def order(student, **more):
    path = ROOT / os.environ["UNROLLED_GRADING"] / "submitted" / student / SLUG
    packet = intake.fetch(path / f"{SLUG}.ipynb")
    return Order(SLUG, packet, ledger.course(SLUG), **more)


@dataclass(frozen=True)
class Deadly(Order):
    """A hand-in that kills whoever grades it."""

    home: int = 0

    def __getattribute__(self, name):
        if name == "course" and os.getpid() != object.__getattribute__(self, "home"):
            os.kill(os.getpid(), signal.SIGKILL)
        return object.__getattribute__(self, name)


def test_a_hand_in_that_kills_its_worker_twice_crashed_and_its_neighbours_did_not(here):
    honest, half = order("honest-full-solution"), order("half-done")
    deadly = Deadly(SLUG, half.packet, half.course, home=os.getpid())
    orders = [("a", honest), ("b", half), ("deadly", deadly), ("c", honest)]
    with Pool(workers=2) as pool:
        found = dict(pool.run(orders))
    assert {n: r["status"] for n, r in found.items()} == {
        "a": "full",
        "b": here.first["half-done"]["status"],
        "c": "full",
        "deadly": "crashed",
    }
    assert {v["status"] for v in found["deadly"]["verdicts"].values()} == {"crashed"}
    assert worker.KILLED in found["deadly"]["verdicts"]["mse"]["summary"]


def test_workers_that_end_leave_no_control_group(here):
    cgroup.sweep()

    def groups():
        folders = cgroup.parents().values()
        return {path for f in folders for path in f.glob(f"{cgroup.PREFIX}-*")}

    before = groups()
    with Pool(workers=2) as pool:
        dict(pool.run([("a", order("half-done"))]))
        during = groups()
    assert during > before or not cgroup.parents()
    assert groups() <= before


def test_the_workers_of_this_machine_can_be_reached_from_it_only_and_with_a_key(here):
    with Pool(workers=1) as pool:
        me = psutil.Process()
        found = [
            connection.laddr
            for process in (me, *me.children(recursive=True))
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert found
        assert {address.ip for address in found} == {"127.0.0.1"}
        address = pool._client.scheduler.address
        assert address.startswith("tls://")
        with pytest.raises(OSError, match="TCP"):
            Client(address.replace("tls", "tcp"), timeout=3)


class Cluster:
    """A scheduler and its workers: programs of their own, on this machine."""

    def __init__(self, course, folder, workers):
        self.course = course
        self.file = folder / "scheduler.json"
        common = ("--host", "127.0.0.1", "--no-dashboard")
        at = ("--scheduler-file", str(self.file))
        scheduler = "distributed.cli.dask_scheduler"
        self.parts = [course.start("-m", scheduler, *common, "--port", "0", *at)]
        while not self.file.exists() or not self.file.read_text():
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]
        program = ("-m", "distributed.cli.dask_worker", self.address, *common)
        more = ("--nthreads", "1", "--local-directory", str(folder))
        self.parts += [course.start(*program, *more) for _ in range(workers)]

    def worker_processes(self):
        """The processes that grade; each has a nanny that would replace it."""
        nannies = [psutil.Process(part.pid) for part in self.parts[1:]]
        children = [child for nanny in nannies for child in nanny.children()]
        return [c for c in children if any("spawn_main" in a for a in c.cmdline())]

    def close(self):
        for part in self.parts:
            part.terminate()
        for part in self.parts:
            part.communicate(timeout=30)


@pytest.fixture(scope="module")
def cluster(pooled, tmp_path_factory):
    made = Cluster(pooled, tmp_path_factory.mktemp("cluster"), workers=2)
    yield made
    made.close()


def test_a_worker_of_a_real_cluster_that_is_killed_costs_a_second_try_only(
    here, cluster
):
    for path in here.results.glob("*.json"):
        path.unlink()
    at = ("--scheduler", cluster.address, "--json")
    run = here.start("-m", "autograder", "grade", SLUG, *at)
    while len(list(here.results.glob("*.json"))) < 6:
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.02)
    cluster.worker_processes()[0].kill()
    out, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert len(out.splitlines()) == len(CLASS)
    assert here.judged() == here.with_two
    unreadable = 1  # nobody has to run what cannot be read
    assert f"{len(here.first) - unreadable} hand-ins were run" in said


def test_a_worker_with_another_secret_is_refused(here, cluster):
    here_secret = {**here.env, "UNROLLED_SECRET": "another secret of thirty-two bytes"}
    command = [sys.executable, "-m", "autograder", "grade", SLUG, "--force"]
    done = subprocess.run(
        [*command, "--scheduler", cluster.address],
        env=here_secret,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "has another secret than this machine" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scheduler_that_is_not_there_is_one_sentence(pooled):
    at = ("--scheduler", "tcp://127.0.0.1:9", "--force")
    _, said = pooled.run("-m", "autograder", "grade", SLUG, *at, code=1)
    assert "start the scheduler and its workers" in said
    assert "Traceback" not in said


def test_a_fault_of_the_grader_is_tried_again_and_not_kept(here, monkeypatch):
    result = worker.failed(order("half-done"), ZeroDivisionError("ours"))
    assert result["status"] == "could_not_check"
    assert result["key"] == ""


def test_a_run_that_is_known_by_its_key_ends_with_what_it_depends_on(here):
    one = order("half-done")
    other = intake.Packet(one.packet.data + b" ", one.packet.notes)
    keys = {
        one.key,
        Order(SLUG, other, one.course).key,
        Order(SLUG, one.packet, one.course._replace(grader="new")).key,
        Order(SLUG, one.packet, one.course._replace(exercise="new")).key,
        Order(SLUG, one.packet, one.course._replace(secret="new")).key,
        Order(SLUG, one.packet, one.course, unsafe=True).key,
        Order(SLUG, intake.Packet(one.packet.data, ("a note",)), one.course).key,
    }
    assert len(keys) == 7


def test_an_exercise_depends_on_those_that_it_takes_cells_from():
    assert ledger._mentioned("03-bptt") == [SLUG, "03-bptt"]
    assert ledger._mentioned(SLUG) == [SLUG]


@pytest.mark.parametrize("fault", [GraderFault("no disk"), worker.Refusal("not here")])
def test_faults_are_one_sentence(fault, capsys, monkeypatch):
    from autograder import __main__ as command

    monkeypatch.setattr(command, "app", lambda: (_ for _ in ()).throw(fault))
    with pytest.raises(SystemExit):
        command.main()
    assert str(fault) in capsys.readouterr().err.replace("\n", " ")
