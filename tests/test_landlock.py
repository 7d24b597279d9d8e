"""Where user namespaces are refused: the same attacks against landlock.

The tests that are imported from test_sandbox run here with this module's sandbox.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder import doctor
from autograder.inside import landlock
from autograder.sandbox import Ended, GraderFault, Limits, Sandbox, cage
from autograder.sandbox import sandbox as border
from tests import test_sandbox as twin
from tests.test_sandbox import (  # noqa: F401 - pytest runs them from here
    LIMITS,
    question,
    said,
    test_a_forged_answer_is_a_broken_protocol_and_costs_only_itself,
    test_a_forged_result_of_a_cell_is_a_broken_protocol,
    test_a_missing_function_and_one_that_raises_are_answers,
    test_a_notebook_runs_cell_by_cell_and_a_failing_cell_does_not_stop_the_next,
    test_a_notebook_that_ends_its_own_process_has_crashed,
    test_a_picture_arrives_as_png_and_everything_else_as_text,
    test_a_question_is_answered_with_arrays,
    test_a_question_leaves_nothing_for_the_next,
    test_a_question_whose_process_dies_costs_only_itself,
    test_a_stand_in_runs_on_the_trusted_side_and_its_error_is_raised_inside,
    test_an_endless_question_costs_only_itself,
    test_everything_that_a_session_started_is_gone_when_it_closes,
    test_memory_of_all_its_processes_together_is_bounded,
    test_memory_of_one_process_is_bounded_and_said_to_be_the_cause,
    test_no_environment_of_the_grader_is_seen,
    test_no_file_of_the_course_or_the_host_can_be_read,
    test_no_setuid_program_and_no_second_abi_helps,
    test_no_system_call_opens_a_way_out,
    test_only_its_own_folder_can_be_written,
    test_open_files_are_bounded_and_no_limit_can_be_raised,
    test_the_public_files_are_where_the_notebook_starts,
    test_two_runs_of_unseeded_code_agree,
    tried,
)

HERE = Path(__file__).resolve()

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or bool(landlock.problem()),
    reason="this kernel has no landlock of ABI 6",
)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(LIMITS, way="landlock") as sandbox:
        yield sandbox


@pytest.fixture
def session(sandbox):
    with sandbox.open() as session:
        yield session


@pytest.fixture
def victim(tmp_path):
    """A file of the user who grades, in a folder that landlock does not name."""
    path = tmp_path / "gradebook.db"
    path.write_text("grades")
    return path


def ended(session, *cells):
    """How the last of the cells ended the session, and what was said of it."""
    result = session.run(list(cells))[-1]
    return result.status, result.outputs[0]["evalue"]


# Reach


def test_it_says_that_it_is_contained_and_by_what(sandbox, session):
    assert sandbox.how == "landlock"
    assert session.contained


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW"])
def test_no_socket_can_be_made(session, family, kind):
    made = tried(session, f"socket.socket(socket.{family}, socket.{kind})")
    assert made == "PermissionError"


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
@pytest.mark.parametrize("place", ["abstract", "path"])
def test_no_unix_socket_of_the_host_hears_it(session, kind, place, tmp_path):
    name = "\0autograder-landlock" if place == "abstract" else str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, getattr(socket, kind)) as server:
        server.bind(name)
        if place == "path":
            os.chmod(name, 0o777)
        if kind == "SOCK_STREAM":
            server.listen()
        server.settimeout(0.2)
        pair = f"socket.socketpair(socket.AF_UNIX, socket.{kind})[0]"
        for way in (
            f"socket.socket(socket.AF_UNIX, socket.{kind}).connect({name!r})",
            f"{pair}.connect({name!r})",
            f"{pair}.sendto(b'x', {name!r})",
        ):
            assert tried(session, way) in ("PermissionError", "OSError"), way
        with pytest.raises(TimeoutError):
            server.accept() if kind == "SOCK_STREAM" else server.recv(1)


def test_a_pair_of_sockets_works_within_a_session(session):
    cell = "a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))"
    assert said(session, "import socket", cell) == "b'x'"


@pytest.mark.parametrize(
    "harm",
    [
        "open({path!r}, 'r+')",
        "os.truncate({path!r}, 0)",
        "os.unlink({path!r})",
        "os.rename({path!r}, {path!r} + '2')",
        "os.link({path!r}, 'mine')",
        "os.chmod({path!r}, 0)",
        "os.chown({path!r}, 65534, 65534)",
        "os.utime({path!r}, (0, 0))",
        "os.setxattr({path!r}, 'user.x', b'1')",
        "os.symlink({path!r}, 'mine') or open('mine', 'w')",
        "os.chmod(os.path.dirname({path!r}), 0)",
        "ctypes.CDLL(None).syscall(254, ctypes.CDLL(None).inotify_init(),"
        " {path!r}.encode(), 0xfff)",
    ],
)
def test_a_file_of_the_same_user_stays_as_it_was(session, victim, harm):
    before = victim.stat(), victim.parent.stat()
    found = tried(session, harm.format(path=str(victim)))
    assert found in ("PermissionError", "OSError", "None", "-1")
    assert victim.read_text() == "grades"
    for old, new in zip(before, (victim.stat(), victim.parent.stat()), strict=True):
        same = ("st_mode", "st_uid", "st_gid", "st_mtime", "st_nlink", "st_ino")
        assert [getattr(old, n) for n in same] == [getattr(new, n) for n in same]
    assert os.listxattr(victim) == []


def test_a_file_of_the_interpreter_stays_as_it_was(session):
    before = os.stat(os.__file__)
    said(session, "import os", "os.fchmod(open(os.__file__).fileno(), 0)")
    assert os.stat(os.__file__).st_mode == before.st_mode


def test_no_file_of_proc_and_no_shared_memory_of_the_host_can_be_opened(session):
    for path in ("/proc/self/environ", "/proc/cpuinfo", "/proc/self/fd", "/dev/shm"):
        read = f"os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r})"
        assert tried(session, read) == "PermissionError"
    for call in ("shmat(0, 0, 0)", "shmctl(0, 0, 0)", "msgget(0, 0o1600)"):
        assert tried(session, f"ctypes.CDLL(None).{call}") == "-1"


def test_nothing_of_the_course_can_be_imported(session):
    for name in ("solutions", "tests", "autograder.oracle", "autograder.sandbox"):
        found = tried(session, f"__import__({name!r})")
        assert found in ("ModuleNotFoundError", "PermissionError"), name
    assert said(session, "from unrolled import check; import autograder.wire") == ""


def test_two_sessions_cannot_reach_each_other(sandbox):
    with sandbox.open() as one, sandbox.open() as two:
        path = said(one, "import os; print(os.path.abspath('n'))")
        said(one, "open('n', 'w').write('secret')")
        pid = said(one, "print(os.getpid())")
        for way in (f"open({path!r})", f"os.listdir({os.path.dirname(path)!r})"):
            assert tried(two, way) == "PermissionError"
        assert tried(two, f"os.kill({pid}, 9)") == "PermissionError"
        tried(two, "os.kill(-1, 9)")
        assert said(one, "print('alive')") == "alive"


@pytest.mark.parametrize("number", [0, 9, 19])
def test_no_process_outside_can_be_signalled(sandbox, session, number):
    with subprocess.Popen(["sleep", "30"]) as bystander:
        keeper = int(twin.tried_outside(session, "Pid"))
        for pid in (bystander.pid, os.getpid(), sandbox._cage._process.pid, keeper):
            assert tried(session, f"os.kill({pid}, {number})") == "PermissionError"
            by_fd = f"signal.pidfd_send_signal(os.pidfd_open({pid}), {number})"
            assert tried(session, by_fd) == "PermissionError"
        tried(session, "os.kill(-1, 9)")
        assert bystander.poll() is None
        bystander.kill()


def test_no_signal_of_a_file_reaches_a_process_outside(session):
    with subprocess.Popen(["sleep", "30"]) as bystander:
        tried(
            session,
            "[a := socket.socketpair(), f := __import__('fcntl').fcntl,"
            f" f(a[0], 8, {bystander.pid}), f(a[0], 10, 9), f(a[0], 4, 0o20000),"
            " a[1].send(b'x')]",
        )
        time.sleep(0.1)
        assert bystander.poll() is None
        bystander.kill()


def test_no_priority_of_a_process_outside_can_be_changed(session):
    for call in (
        f"os.setpriority(os.PRIO_PROCESS, {os.getpid()}, 19)",
        f"os.sched_setaffinity({os.getpid()}, [0])",
        f"resource.prlimit({os.getpid()}, resource.RLIMIT_NOFILE, (9, 9))",
    ):
        assert tried(session, call) == "PermissionError"
    assert tried(session, "os.sched_setaffinity(0, [0])") == "None"


def test_it_has_no_capability_and_can_gain_no_privilege(session):
    cell = (
        "import ctypes\n"
        "c = ctypes.CDLL(None)\n"
        "data = (ctypes.c_uint32 * 6)(*[1] * 6)\n"
        "assert c.capget((ctypes.c_uint32 * 2)(0x20080522, 0), data) == 0\n"
        "print(list(data), c.prctl(39, 0, 0, 0, 0))"
    )
    assert said(session, cell) == "[0, 0, 0, 0, 0, 0] 1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_started_by_root_it_runs_as_a_user_of_its_own_where_that_one_can_read(sandbox):
    with sandbox.open() as one, sandbox.open() as two:
        users = [int(said(s, "import os; print(os.getuid())")) for s in (one, two)]
    if users != [0, 0]:
        assert users[0] != users[1]
        assert set(users) <= set(landlock._USERS)
    else:  # then a control group counts its processes
        assert "processes" in one.group.counts()


# Exhaustion


def test_the_number_of_processes_is_bounded(session):
    cell = (
        "import os, time\nn = 0\n"
        "try:\n"
        "    for _ in range(60):\n"
        "        if os.fork() == 0:\n            time.sleep(9); os._exit(0)\n"
        "        n += 1\n"
        "except OSError: print(n)\n"
        "else: time.sleep(2)"
    )
    (result,) = session.run([cell])
    if result.status == "ok":  # the kernel counts this session alone
        assert int(result.outputs[0]["text"]) < LIMITS.processes
    else:
        assert "more processes than it may" in result.outputs[0]["evalue"]


def test_one_file_larger_than_the_limit_is_refused(session):
    write = f"open('big', 'wb').write(bytes({LIMITS.tmpfs_bytes + (1 << 20)}))"
    assert tried(session, write) == "OSError"


def test_more_on_disk_than_the_limit_ends_the_session_and_says_so(session):
    cell = (
        "import time\n"
        "for n in range(12): open(f'../tmp/{n}', 'wb').write(bytes(1 << 20))\n"
        "time.sleep(3)"
    )
    status, text = ended(session, cell)
    assert status == "crashed"
    assert "written more to disk than it may while the cell that" in text


@pytest.mark.parametrize(
    "cell",
    [
        "os.mkdir('x', 0o300); open('x/y', 'w')\ntime.sleep(2)",
        "for n in range(5000): open(str(n), 'w')\ntime.sleep(2)",
        "for _ in range(1500): os.mkdir('deep'); os.chdir('deep')",
        "os.mkdir('x'); os.symlink('/', 'x/root'); os.mkfifo('fifo')",
    ],
)
def test_whatever_a_session_made_of_its_folder_is_gone_when_it_closes(sandbox, cell):
    with sandbox.open() as session:
        folder = Path(session._folder)
        session.run(["import os, time", cell])
    assert not os.path.lexists(folder)


# What is left behind


def test_a_daemon_that_forks_faster_than_it_can_be_found_is_gone(sandbox):
    chain = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    for _ in range(3000):\n"
        "        if os.fork(): os._exit(0)\n"
        "    os._exit(0)\n"
        "time.sleep(0.1)"
    )
    with sandbox.open() as session:
        said(session, chain)
        folder = session._folder
    assert not [cwd for cwd in _working_folders() if cwd.startswith(folder)]


def _working_folders():
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            yield os.readlink(path)


def test_what_a_question_started_is_gone_when_the_next_is_asked(session):
    mark = "autograder-landlock-question"
    cell = (
        "import os, time\n"
        "def spawn(x):\n"
        "    for _ in range(3):\n"
        "        if os.fork() == 0:\n"
        "            os.setsid()\n"
        f"            os.execv('/bin/sh', ['sh', '-c', 'sleep 60 # {mark}'])\n"
        "    time.sleep(0.1)\n"
        "    return x\n"
        "def f(x): return x"
    )
    session.run([cell])
    session.ask(question("spawn"))
    assert twin._running(mark) > 0
    session.ask(question("f"))
    assert twin._running(mark) == 0


def test_a_session_whose_keeper_is_killed_leaves_nothing(sandbox):
    mark = "autograder-landlock-orphan"
    with sandbox.open() as session:
        if session.group is None:
            pytest.skip("without a control group, only its own process is sure to go")
        cell = (
            "import os\n"
            "if os.fork() == 0:\n"
            f"    os.execv('/bin/sh', ['sh', '-c', 'sleep 60 # {mark}'])\n"
        )
        said(session, cell, "import time; time.sleep(0.1)")
        assert twin._running(mark) > 0
        os.kill(int(twin.tried_outside(session, "Pid")), signal.SIGKILL)
        with pytest.raises(GraderFault):
            session.run(["time.sleep(2)"])
    assert twin._running(mark) == 0
    assert not os.path.lexists(session._folder)


def test_a_killed_grader_takes_its_session_and_its_folder_along():
    mark = "autograder-landlock-grader"
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from autograder.sandbox import Sandbox\n"
        "s = Sandbox(way='landlock'); x = s.open()\n"
        "x.run(['import subprocess; subprocess.Popen("
        f'["sh", "-c", "sleep 60 # {mark}"], start_new_session=True)\'])\n'
        "print(x._folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(HERE.parents[1])], stdout=-1, text=True
    ) as grader:
        folder = grader.stdout.readline().strip()
        assert twin._running(mark) > 0
        grader.kill()
    for _ in range(150):
        if not os.path.exists(folder):  # its keeper's last act
            break
        time.sleep(0.02)
    assert not os.path.exists(folder)
    assert twin._running(mark) == 0


def test_an_endless_cell_is_stopped():
    limits = Limits(cell_s=0.5)
    with Sandbox(limits, way="landlock") as sandbox, sandbox.open() as session:
        started = time.monotonic()
        results = session.run(["while True: pass", "1"])
        assert [r.status for r in results] == ["timeout", "timeout"]
        assert time.monotonic() - started < 3
        with pytest.raises(Ended):
            session.ask(question("f"))


# Which way is taken


REFUSING = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from autograder.inside import contain, syscalls\n"
    "from autograder.sandbox import Sandbox\n"
    "contain.prctl(38, 1); syscalls.install()\n"  # as Docker's default profile does
    "with Sandbox() as s, s.open() as x:\n"
    "    print(s.how, x.contained, x.run(['6 * 7'])[0].outputs[0]['data'])"
)


def test_landlock_is_taken_where_namespaces_are_refused():
    done = subprocess.run(
        [sys.executable, "-c", REFUSING, str(HERE.parents[1])],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "landlock True {'text/plain': '42'}\n", done.stderr


def test_landlock_is_taken_where_bubblewrap_starts_but_no_session_does(monkeypatch):
    with Sandbox(LIMITS) as sandbox:
        hear = border._hear_ready

        def heard(life):
            if sandbox.how != "landlock":
                raise GraderFault("A session cannot be contained here: unshare.")
            return hear(life)

        monkeypatch.setattr(border, "_hear_ready", heard)
        with sandbox.open() as session:
            assert sandbox.how == "landlock"
            assert said(session, "print(1)") == "1"


def test_bubblewrap_is_taken_where_both_work():
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    ways = cage.Cage((), contained=True, wait_s=1)._ways()
    assert ways[0] != "landlock"
    assert ways[-1] == "landlock"


def test_without_landlock_either_it_is_the_graders_fault_and_says_why(monkeypatch):
    monkeypatch.setattr(landlock, "problem", lambda: "the kernel has no landlock")
    refused = f"{cage.REFUSED} (bwrap: no)"
    monkeypatch.setattr(cage.Cage, "_try", lambda self, how: refused)
    with Sandbox() as sandbox, pytest.raises(GraderFault) as fault:
        sandbox.open()
    assert "refuses user namespaces (bwrap: no), and the kernel" in str(fault.value)


def test_another_problem_of_bubblewrap_is_never_answered_with_landlock(monkeypatch):
    tried_ways = []

    def broken(self, how):
        tried_ways.append(how)
        return "No module named 'torch'"

    monkeypatch.setattr(cage.Cage, "_try", broken)
    with Sandbox() as sandbox, pytest.raises(GraderFault, match="torch"):
        sandbox.open()
    assert "landlock" not in tried_ways


def test_the_doctor_grades_here_and_says_what_is_weaker():
    rows = {row.name: row for row in doctor.examine(way="landlock")}
    assert doctor.holds(list(rows.values())), doctor.report(list(rows.values()))
    weaker = {row.name for row in rows.values() if not row.holds}
    assert {"namespaces", "disk in all", "names of files"} <= weaker
    assert not any(rows[name].needed for name in weaker)
