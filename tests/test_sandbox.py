"""What a submission cannot do, each tried by a submission that does its best.

Every attack is bounded: in memory, in disk, in loops, and to this machine.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from autograder import doctor, wire
from autograder.sandbox import Ended, GraderFault, Limits, Sandbox, cgroup

HERE = Path(__file__).resolve()
LIMITS = Limits(
    cell_s=6.0,
    question_s=1.0,
    memory_bytes=300 << 20,
    processes=20,
    open_files=64,
    tmpfs_bytes=8 << 20,
    output_bytes=20_000,
    stand_in_calls=50,
    stand_in_bytes=1 << 20,
)

pytestmark = pytest.mark.skipif(
    not doctor.usable(), reason="this machine cannot contain: autograder doctor"
)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(LIMITS) as sandbox:
        yield sandbox


@pytest.fixture
def session(sandbox):
    with sandbox.open() as session:
        yield session


def question(call, inputs=None, **more):
    inputs = {"x": np.arange(3.0)} if inputs is None else inputs
    empty = {"before": None, "keep": [True], "twice": False, "stand_ins": []}
    return {"call": call, "args": list(inputs), "inputs": inputs, **empty, **more}


def said(session, *cells):
    """What the cells print, if they all run."""
    results = session.run(list(cells))
    assert [r.status for r in results] == ["ok"] * len(cells), results
    texts = [o.get("text", "") for r in results for o in r.outputs]
    return "".join(texts).strip()


def tried(session, expression):
    """The value of an expression, or the name of what it raised."""
    return said(
        session,
        "import os, socket, ctypes, resource, signal, sys, time",
        f"try: print({expression})\nexcept BaseException as e: print(type(e).__name__)",
    )


# What an honest submission sees


def test_a_notebook_runs_cell_by_cell_and_a_failing_cell_does_not_stop_the_next(
    session,
):
    results = session.run(["x = 1", "print(x)\n1/0", "x + 1", "def ("])
    assert [r.status for r in results] == ["ok", "error", "ok", "error"]
    assert results[1].outputs[0] == {
        "output_type": "stream",
        "name": "stdout",
        "text": "1\n",
    }
    assert results[1].outputs[1]["ename"] == "ZeroDivisionError"
    assert results[2].outputs[0]["data"] == {"text/plain": "2"}


def test_a_question_is_answered_with_arrays(session):
    session.run(["def double(x):\n    x += 1\n    return 2 * x"])
    for _ in range(2):
        answer = session.ask(question("double"))
        assert answer["status"] == "ok"
        np.testing.assert_array_equal(answer["value"], [2.0, 4.0, 6.0])
        np.testing.assert_array_equal(answer["after"]["x"], [1.0, 2.0, 3.0])


def test_a_question_leaves_nothing_for_the_next(session):
    session.run(["n = 0\ndef count(x):\n    global n\n    n += 1\n    return n"])
    assert [session.ask(question("count"))["value"] for _ in range(3)] == [1, 1, 1]


def test_the_questions_of_one_examination_share_a_fork(session):
    said(session, "n = 0\ndef count(x):\n    global n\n    n += 1\n    return n")

    def ask(within):
        return session.ask(question("count"), within=within)["value"]

    assert [ask(w) for w in ("a", "a", "b", "b", "a", "", "")] == [1, 2, 1, 2, 1, 1, 1]
    assert said(session, "print(n)") == "0"


def test_an_examination_goes_on_in_a_new_fork_after_a_question_that_ended_it(session):
    said(
        session,
        "import os\nn = 0",
        "def die(x): os._exit(3)",
        "def count(x):\n    global n\n    n += 1\n    return n",
    )
    assert session.ask(question("count"), within="a")["value"] == 1
    with pytest.raises(Ended, match="status 3"):
        session.ask(question("die"), within="a")
    assert session.ask(question("count"), within="a")["value"] == 1


def test_an_answer_given_ahead_is_no_answer_to_the_next_question(session):
    said(
        session,
        "from autograder import wire; import gc, socket",
        "def f(x):\n"
        "    ahead = wire.frame({'answer': {'status': 'ok', 'value': x}})\n"
        "    for s in gc.get_objects():\n"
        "        if isinstance(s, socket.socket) and s.fileno() > 0: s.send(ahead)\n"
        "    return x",
    )
    inputs = ({"x": np.arange(float(n))} for n in (2, 3, 4))
    answers = [session.ask(question("f", i), within="f")["value"] for i in inputs]
    assert [len(a) for a in answers] == [2, 2, 3]  # late by one: wrong, and no more


def test_a_missing_function_and_one_that_raises_are_answers(session):
    session.run(["def bad(x): raise ValueError('no')"])
    assert session.ask(question("absent"))["status"] == "missing"
    assert session.ask(question("bad"))["error"] == "ValueError: no"


def test_the_public_files_are_where_the_notebook_starts(sandbox, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "data.txt").write_text("42")
    (tmp_path / "link").symlink_to("/etc/hostname")
    with sandbox.open(tmp_path) as session:
        assert said(session, "print(open('deep/data.txt').read())") == "42"
        assert "link" not in said(session, "import os; print(os.listdir())")
        said(session, "open('deep/data.txt', 'w').write('0')")
    assert (tmp_path / "deep" / "data.txt").read_text() == "42"


def test_a_picture_arrives_as_png_and_everything_else_as_text(session):
    (result,) = session.run(
        [
            "%matplotlib inline\nimport matplotlib.pyplot as plt\n"
            "from IPython.display import HTML, display\n"
            "display(HTML('<script>alert(1)</script>'))\n"
            "plt.plot([1, 2]); plt.show()"
        ]
    )
    html, picture = result.outputs
    assert html["data"].keys() == {"text/plain"}
    assert picture["data"]["image/png"].startswith("iVBORw0KGgo")


def test_two_runs_of_unseeded_code_agree(sandbox):
    cell = "import random\nprint(random.random(), __import__('numpy').random.rand())"
    texts = set()
    for _ in range(2):
        with sandbox.open() as session:
            texts.add(said(session, cell + "\nprint({'a', 'b', 'c'}, hash('a'))"))
    assert len(texts) == 1


# Reach


def test_no_network_can_be_reached_not_even_this_machine(session):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = tried(session, f"socket.create_connection(('127.0.0.1', {port}), 1)")
    assert found == "OSError"


def test_no_unix_socket_of_the_host_can_be_reached(session, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0autograder-test")
        server.listen()
        call = "socket.socket(socket.AF_UNIX).connect('\\0autograder-test')"
        assert tried(session, call) == "ConnectionRefusedError"


@pytest.mark.parametrize(
    "path",
    [
        HERE,
        HERE.parents[1] / "solutions",
        HERE.parents[1] / "autograder" / "sandbox" / "sandbox.py",
        HERE.parents[1] / ".git",
        "/etc/passwd",
        "/etc/shadow",
        "/home",
        "/sys",
        "/proc/1/environ",
        "/proc/1/fd",
        "/proc/1/mem",
    ],
    ids=str,
)
def test_no_file_of_the_course_or_the_host_can_be_read(session, path):
    read = f"os.listdir({str(path)!r}) if os.path.isdir({str(path)!r})"
    found = tried(session, f"{read} else open({str(path)!r}, 'rb').read(9)")
    assert found in ("FileNotFoundError", "PermissionError")


def test_only_its_own_folder_can_be_written(session):
    targets = ["/x", "/usr/x", "/course/x", "/dev/x", "/proc/sys/kernel/core_pattern"]
    targets += [f"{Path(sys.prefix).resolve()}/x", "/proc/sysrq-trigger", "/etc/x"]
    for target in targets:
        found = tried(session, f"open({target!r}, 'w')")
        assert found in ("OSError", "PermissionError", "FileNotFoundError"), target
    assert tried(session, "open('mine', 'w').write('1')") == "1"


def test_no_environment_of_the_grader_is_seen(session, monkeypatch):
    seen = said(session, "import os; print(dict(os.environ))")
    assert str(HERE.parents[1]) not in seen.replace(sys.prefix, "")
    for name in os.environ.keys() & {"SSH_AUTH_SOCK", "HOSTNAME", "LOGNAME", "SHELL"}:
        assert name not in seen


def test_no_open_file_is_inherited_but_its_channel(session):
    names = "[os.readlink(f'/proc/self/fd/{n}') for n in range(3, 60)"
    found = tried(session, names + " if os.path.exists(f'/proc/self/fd/{n}')]")
    assert found.count("socket:") + found.count("/dev/null") <= 3
    assert "pipe" not in found
    assert "/sys" not in found


def test_only_its_own_processes_are_seen(session):
    pids = "[int(n) for n in os.listdir('/proc') if n.isdigit()]"
    assert tried(session, pids) == "[1, 2]"
    assert tried(session, "os.getpid()") == "2"


def test_no_process_outside_can_be_signalled(session):
    assert tried(session, f"os.kill({os.getpid()}, 0)") == "ProcessLookupError"


def test_process_1_of_its_namespace_cannot_be_killed(session):
    assert tried(session, "os.kill(1, signal.SIGKILL)") == "None"
    assert said(session, "print('alive')") == "alive"


def test_it_runs_as_nobody_without_capabilities_or_new_privileges(session, sandbox):
    lines = tried(session, "open('/proc/self/status').read()").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split()[0] == "1000"
    if os.geteuid() == 0 and sandbox.how == "nobody":
        pid = int(tried_outside(session, "Pid"))
        outside = Path(f"/proc/{pid}/status").read_text()
        assert "Uid:\t65534" in outside


def tried_outside(session, name):
    info = Path(f"/proc/self/fdinfo/{session._process}").read_text()
    return dict(line.split(":\t") for line in info.splitlines())[name]


@pytest.mark.parametrize(
    "call",
    [
        "ptrace(16, 1, 0, 0)",
        "mount(b'none', b'/box', b'tmpfs', 0, None)",
        "umount2(b'/box', 2)",
        "unshare(0x10000000)",
        "unshare(0x20000)",
        "setns(0, 0)",
        "chroot(b'/box')",
        "syscall(310, 1, 0, 0, 0, 0, 0)",
        "syscall(250, 0, 0)",
        "syscall(321, 0, 0, 0)",
        "syscall(323, 0)",
        "syscall(425, 1, 0)",
        "syscall(435, 0, 0)",
        "syscall(56, 0x10000011, 0, 0, 0, 0)",
        "syscall(319, b'x', 0)",
        "shmget(0, 4096, 0o1600)",
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86_64")
def test_no_system_call_opens_a_way_out(session, call):
    assert tried(session, f"ctypes.CDLL(None).{call}") == "-1"


def test_no_setuid_program_and_no_second_abi_helps(session):
    found = said(
        session,
        "import subprocess\n"
        "print(subprocess.run(['/usr/bin/su', '-c', 'id'], stdin=-3, stdout=-1,"
        " stderr=-3).returncode)",
    )
    assert found != "0"


def test_two_sessions_of_one_sandbox_share_nothing(sandbox):
    with sandbox.open() as one, sandbox.open() as two:
        places = ["os.getcwd() + '/n'", "'/dev/shm/n'"]
        if not sys.prefix.startswith("/tmp/"):  # else it is the interpreter's, and shut
            places.append("'/tmp/n'")
        for path in places:
            assert tried(one, f"open({path}, 'w').write('secret')") == "6"
            assert tried(two, f"open({path}).read()") == "FileNotFoundError"
        bind = "s = socket.socket(socket.AF_UNIX); s.bind('\\0n'); s.listen(); print(1)"
        said(one, "import socket; " + bind)
        call = "socket.socket(socket.AF_UNIX).connect('\\0n')"
        assert tried(two, call) == "ConnectionRefusedError"


def test_modules_that_a_session_changes_are_unchanged_in_the_next(sandbox):
    with sandbox.open() as one:
        said(one, "import numpy, builtins\nnumpy.tanh = None; builtins.abs = None")
    with sandbox.open() as two:
        assert said(two, "import numpy; print(numpy.tanh(0.0), abs(-1))") == "0.0 1"


# Exhaustion


def test_memory_of_one_process_is_bounded_and_said_to_be_the_cause(session):
    (result,) = session.run(["import numpy as np\nx = np.ones(50_000_000)"])
    assert result.status == "memory"
    session.run(["def grow(x):\n    return np.ones(50_000_000)"])
    with pytest.raises(Ended) as ended:
        session.ask(question("grow"))
    assert ended.value.kind == "memory"


def test_memory_of_all_its_processes_together_is_bounded(sandbox, session):
    if not doctor.counted(sandbox, "memory"):
        pytest.skip("no cgroup for memory can be made here")
    (result,) = session.run(
        [
            "import os, time\n"
            "for _ in range(6):\n"
            "    if os.fork() == 0:\n"
            "        keep = bytearray(b'x' * 150_000_000); time.sleep(1); os._exit(0)\n"
            "while True: os.wait()"
        ]
    )
    assert result.status == "memory"
    group = session.group
    peak = int((group.memory / "memory.max_usage_in_bytes").read_text())
    assert peak <= LIMITS.memory_bytes + LIMITS.tmpfs_bytes + (64 << 20)


def test_the_number_of_processes_is_bounded(session):
    found = said(
        session,
        "import os, time\nn = 0\n"
        "try:\n"
        "    for _ in range(60):\n"
        "        if os.fork() == 0:\n            time.sleep(9); os._exit(0)\n"
        "        n += 1\n"
        "except OSError: print(n)",
    )
    assert int(found) < LIMITS.processes


def test_disk_is_bounded(session):
    found = said(
        session,
        "n = 0\n"
        "for place in ('.', '/tmp', '/dev/shm'):\n"
        "    for i in range(20):\n"
        "        try:\n"
        "            with open(f'{place}/{i}', 'wb') as f:\n"
        "                n += f.write(bytes(1 << 20))\n"
        "        except OSError: pass\n"
        "print(n)",
    )
    assert int(found) <= LIMITS.tmpfs_bytes


def test_open_files_are_bounded_and_no_limit_can_be_raised(session):
    opened = "len([open('/dev/null') for _ in range(200)])"
    assert tried(session, opened) == "OSError"
    for name in ("AS", "NPROC", "NOFILE", "CPU", "FSIZE", "CORE"):
        raised = f"resource.setrlimit(resource.RLIMIT_{name}, (-1, -1))"
        assert tried(session, raised) in ("ValueError", "PermissionError"), name


def test_cpu_time_is_bounded():
    with Sandbox(Limits(cpu_s=1, cell_s=10)) as sandbox, sandbox.open() as session:
        result = session.run(["while True: pass"])[0]
        assert result.status == "timeout"
        assert "CPU" in result.outputs[0]["evalue"]


def test_an_endless_cell_is_stopped_and_the_rest_says_that_it_was_not_run():
    with Sandbox(Limits(cell_s=0.5)) as sandbox, sandbox.open() as session:
        started = time.monotonic()
        results = session.run(["x = 1", "while True: pass", "x"])
        assert time.monotonic() - started < 3
        assert [r.status for r in results] == ["ok", "timeout", "timeout"]
        assert "not run" in results[2].outputs[0]["evalue"]
        with pytest.raises(Ended) as ended:
            session.ask(question("f"))
        assert ended.value.kind == "timeout"


def test_a_cell_that_ignores_every_signal_is_stopped_too():
    cell = (
        "import signal, time\n"
        "for n in range(1, 65):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "time.sleep(60)"
    )
    with Sandbox(Limits(cell_s=0.5)) as sandbox, sandbox.open() as session:
        assert session.run([cell])[0].status == "timeout"


def test_all_cells_together_have_a_limit():
    limits = Limits(cell_s=5, session_s=1.0)
    with Sandbox(limits) as sandbox, sandbox.open() as session:
        results = session.run(["import time; time.sleep(0.4)"] * 4)
        assert results[-1].status == "timeout"
        assert "whole notebook" in results[-1].outputs[0]["evalue"]


def test_an_endless_question_costs_only_itself(session):
    session.run(["def hang(x):\n    while True: pass\ndef f(x): return x"])
    with pytest.raises(Ended) as ended:
        session.ask(question("hang"))
    assert ended.value.kind == "timeout"
    assert session.ask(question("f"))["status"] == "ok"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("os._exit(0)", "crashed"),
        ("os.kill(os.getpid(), 9)", "crashed"),
        ("ctypes.string_at(0)", "crashed"),
        ("os.closerange(3, 64)", "crashed"),
    ],
)
def test_a_question_whose_process_dies_costs_only_itself(session, body, kind):
    session.run([f"import os, ctypes\ndef die(x):\n    {body}\ndef f(x): return x"])
    with pytest.raises(Ended) as ended:
        session.ask(question("die"))
    assert ended.value.kind == kind
    assert session.ask(question("f"))["status"] == "ok"


def test_an_exit_or_a_keyboard_interrupt_in_a_function_is_its_answer(session):
    session.run(
        ["import sys\ndef f(x): sys.exit(1)\ndef g(x): raise KeyboardInterrupt"]
    )
    assert session.ask(question("f"))["error"].startswith("SystemExit")
    assert session.ask(question("g"))["error"].startswith("KeyboardInterrupt")


@pytest.mark.parametrize(
    "cell",
    ["os._exit(3)", "os.kill(os.getpid(), 9)", "ctypes.string_at(0)", "os.abort()"],
)
def test_a_notebook_that_ends_its_own_process_has_crashed(session, cell):
    results = session.run(["import os, ctypes", cell, "1"])
    assert [r.status for r in results] == ["ok", "crashed", "crashed"]
    assert f"begins `{cell}` ran" in results[1].outputs[0]["evalue"]


def test_an_exit_in_a_cell_is_only_an_error(session):
    results = session.run(["import sys; sys.exit(1)", "exit()", "1 + 1"])
    assert results[0].status == "error"
    assert results[2].outputs[0]["data"] == {"text/plain": "2"}


# What is left behind


def test_everything_that_a_session_started_is_gone_when_it_closes(sandbox):
    mark = "autograder-left-behind"
    cell = (
        "import os, time\n"
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        f"            os.execv('/bin/sh', ['sh', '-c', 'sleep 77 # {mark}'])\n"
        "        time.sleep(77); os._exit(0)\n"
    )
    with sandbox.open() as session:
        said(session, cell)
        time.sleep(0.2)
        assert _running(mark) > 0
    assert _running(mark) == 0


def _running(mark):
    count = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += mark.encode() in path.read_bytes()
        except OSError:
            continue
    return count


def test_what_a_question_started_is_gone_when_the_next_is_asked(session):
    cells = [
        "import os, time, subprocess\n"
        "def spawn(x):\n"
        "    for _ in range(3):\n"
        "        if os.fork() == 0:\n"
        "            os.setsid(); time.sleep(60); os._exit(0)\n"
        "    return x\n"
        "def others(x):\n"
        "    return len([n for n in os.listdir('/proc') if n.isdigit()])"
    ]
    session.run(cells)
    before = session.ask(question("others"))["value"]
    session.ask(question("spawn"))
    assert session.ask(question("others"))["value"] == before


def test_no_control_group_is_left_when_the_sandbox_closes():
    with Sandbox(LIMITS) as sandbox:
        with sandbox.open() as session:
            session.run(["1"])
        folders = [f for group in sandbox._groups for f in group.folders]
    assert not any(folder.exists() for folder in folders)


def test_a_killed_grader_takes_its_sandbox_along(tmp_path):
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from autograder.sandbox import Sandbox\n"
        "s = Sandbox(); x = s.open(); x.run(['import os'])\n"
        "print(s._cage._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(HERE.parents[1])], stdout=-1, text=True
    ) as grader:
        pid = int(grader.stdout.readline())
        grader.kill()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
    cgroup.sweep()
    for parent in cgroup.parents().values():
        assert not list(parent.glob(f"autograder-{grader.pid}-*"))


# The channel


CHANNEL = (
    "import gc, os, socket, struct\n"
    "def channels():\n"
    "    return [s for s in gc.get_objects() if isinstance(s, socket.socket)"
    " and s.fileno() > 2]\n"
    "def write(data):\n"
    "    for s in channels(): s.setblocking(True); s.sendall(data)\n"
)

FRAMES = {
    "forged": wire.frame({"status": "full", "outputs": [], "points": 10}),
    "foreign": wire.frame({"answer": {"status": "ok", "value": 1}}),
    "a list": wire.frame([1, 2]),
    "oversized": b"\xff\xff\xff\xff" + b"x" * 1000,
    "nonsense": b"\x00\x00\x00\x04\x80\x04K\x00",
    "nested": wire.frame({"status": "ok", "outputs": [[[[]]]]}),
    "arrays": wire.frame({"status": np.arange(3), "outputs": []}),
    "array kind": wire.frame(
        {"status": "ok", "outputs": [{"output_type": np.arange(3)}]}
    ),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_a_forged_result_of_a_cell_is_a_broken_protocol(session, frame):
    session.run([CHANNEL])
    with pytest.raises(Ended) as ended:
        session.run([f"write({frame!r})"])
    assert ended.value.kind == "protocol"
    with pytest.raises(Ended):
        session.ask(question("f"))


@pytest.mark.parametrize(
    "frame",
    [
        *[frame for name, frame in FRAMES.items() if name != "foreign"],
        wire.frame({"answer": {"status": "full"}}),
        wire.frame({"answer": {"status": np.arange(3)}}),
        wire.frame({"answer": {"status": "ok", "where": np.arange(3)}}),
        wire.frame({"stand_in": np.arange(3), "args": []}),
        wire.frame({"answer": {"status": "ok", "error": [1]}}),
        wire.frame({"answer": {"status": "ok", "after": 1}}),
        wire.frame({"answer": {"status": "ok", "line": "1"}}),
        wire.frame({"stand_in": "rnn_step_forward", "args": []}),
        wire.frame({"stand_in": ["x"], "args": 3}),
    ],
    ids=lambda f: f[4:24].hex(),
)
def test_a_forged_answer_is_a_broken_protocol_and_costs_only_itself(session, frame):
    session.run([CHANNEL, f"def f(x): write({frame!r})\ndef g(x): return x"])
    with pytest.raises(Ended) as ended:
        session.ask(question("f"))
    assert ended.value.kind == "protocol"
    assert session.ask(question("g"))["status"] == "ok"


def test_a_frame_cut_short_is_a_broken_protocol(session):
    session.run([CHANNEL, "def f(x): write(b'\\0\\0\\1\\0abc'); os._exit(0)"])
    with pytest.raises(Ended) as ended:
        session.ask(question("f"))
    assert ended.value.kind == "protocol"


@pytest.mark.parametrize(
    "way", ["print('x' * 10**8)", "write(b'\\0\\0\\1\\0' * 10**7)"]
)
def test_a_flood_never_grows_the_trusted_process(session, way):
    session.run([CHANNEL])
    before = _resident()
    with contextlib.suppress(Ended):
        (result,) = session.run([way])
        assert sum(len(str(o)) for o in result.outputs) < 2 * LIMITS.output_bytes
    assert _resident() - before < 8 << 20


def _resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_frame_that_trickles_in_is_stopped_by_the_clock(session):
    session.run(
        [
            CHANNEL,
            "import time\n"
            "def f(x):\n"
            "    write(b'\\0\\1\\0\\0')\n"
            "    while True: write(b'x'); time.sleep(0.05)",
        ]
    )
    started = time.monotonic()
    with pytest.raises(Ended) as ended:
        session.ask(question("f"))
    assert ended.value.kind == "timeout"
    assert time.monotonic() - started < 3


def test_outputs_are_bounded_in_bytes_and_in_number(session):
    results = session.run(
        [
            "import sys\n"
            "for i in range(30_000): print(i, file=[sys.stdout, sys.stderr][i % 2])",
            "for _ in range(10_000): display('x' * 50)",
            "raise ValueError('x' * 10**7)",
        ]
    )
    assert [r.status for r in results] == ["ok", "ok", "error"]
    for result in results:
        assert sum(len(str(o)) for o in result.outputs) < 6 * LIMITS.output_bytes


def test_outputs_carry_no_terminal_escape_and_no_control_character(session):
    text = said(session, r"print('a\x1b[31mb\x1b]0;title\x07c\x00d\re')")
    assert text == "abcd\ne"


@pytest.mark.parametrize(
    "value",
    [
        "object()",
        "np.array([object()])",
        "np.zeros(3, complex)",
        "'x' * 10**6",
        "[0] * 10**5",
        "np.zeros(5_000_000)",
        "{1: 2}",
        "2 ** 100",
        "type('A', (np.ndarray,), {'__array__': None, '__reduce__': None})((2,))",
        "type('L', (list,), {'__iter__': lambda s: iter([exit])})([1])",
    ],
)
def test_a_strange_value_is_an_error_or_plain_by_the_time_it_arrives(session, value):
    session.run([f"import numpy as np\ndef f(x): return {value}"])
    answer = session.ask(question("f"))
    assert answer["status"] in ("ok", "error")
    assert _plain(answer["value"])


def _plain(value):
    if isinstance(value, list | dict):
        return all(map(_plain, value.values() if isinstance(value, dict) else value))
    return value is None or type(value) in (bool, int, float, str, np.ndarray)


# Functions that the grader stands in for


def test_a_stand_in_runs_on_the_trusted_side_and_its_error_is_raised_inside(session):
    session.run(
        [
            "def step(x): return None\n"
            "def f(x):\n"
            "    try: step(-x)\n"
            "    except ValueError as e: assert str(e) == 'negative'\n"
            "    return step(x) + 1"
        ]
    )

    def stand_in(name, args):
        assert name == "step"
        if (args[0] < 0).any():
            raise ValueError("negative")
        return args[0] * 10

    answer = session.ask(question("f", stand_ins=["step"]), stand_in)
    np.testing.assert_array_equal(answer["value"], [1.0, 11.0, 21.0])


def test_endless_calls_are_stopped_by_the_clock():
    limits = Limits(question_s=0.5)
    with Sandbox(limits) as sandbox, sandbox.open() as session:
        session.run(["def f(x):\n    while True: step(x)"])
        started = time.monotonic()
        with pytest.raises(Ended) as ended:
            session.ask(question("f", stand_ins=["step"]), lambda name, args: 0)
        assert ended.value.kind == "timeout"
        assert time.monotonic() - started < 3


def test_a_notebook_that_dies_after_its_last_cell_has_crashed(session):
    session.run(["import os, threading\nthreading.Timer(0.2, os._exit, [4]).start()"])
    time.sleep(1)
    for _ in range(2):
        with pytest.raises(Ended) as ended:
            session.ask(question("f"))
        assert ended.value.kind == "crashed"


@pytest.mark.parametrize("size", [1, 100_000])
def test_calls_of_a_stand_in_are_bounded_in_number_and_in_bytes(session, size):
    session.run(
        ["import numpy as np\ndef f(x):\n" + f"    while True: step(np.ones({size}))"]
    )
    calls = []
    with pytest.raises(Ended) as ended:
        session.ask(question("f", stand_ins=["step"]), lambda n, a: calls.append(n))
    assert ended.value.kind == "protocol"
    assert len(calls) <= LIMITS.stand_in_calls


def test_a_stand_in_that_fails_is_the_graders_fault(session):
    session.run(["def f(x): return step(x)", "def g(x): return x"])
    with pytest.raises(GraderFault, match="step"):
        session.ask(question("f", stand_ins=["step"]), lambda n, a: 1 / 0)
    assert session.ask(question("g"))["status"] == "ok"


# The grader's own side


def test_in_a_v2_tree_a_group_is_made_where_the_controllers_are_handed_on(
    tmp_path, monkeypatch
):
    own = tmp_path / "user.slice" / "run.scope"
    own.mkdir(parents=True)
    (tmp_path / "own").write_text("0::/user.slice/run.scope\n")
    for folder, handed_on in ((own, ""), (own.parent, "cpu memory pids")):
        (folder / "cgroup.subtree_control").write_text(handed_on)
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
    group = cgroup.Group.make(1 << 20, 20)
    assert group.memory.parent == own.parent
    assert (group.memory / "memory.max").read_text() == str(1 << 20)
    assert (group.memory / "pids.max").read_text() == "20"
    assert group.add(123) == []
    assert (group.memory / "cgroup.procs").read_text() == "123"
    (group.memory / "memory.events").write_text("oom 2\noom_kill 1\n")
    assert group.ran_out()
    assert not group.ran_out()


def test_a_warm_parent_that_died_is_started_again(sandbox):
    with sandbox.open() as session:
        sandbox._cage._process.kill()
        with pytest.raises(GraderFault):
            session.run(["import time; time.sleep(5)"])
    with sandbox.open() as session:
        assert said(session, "print(1)") == "1"


def test_a_missing_bubblewrap_is_the_graders_fault_and_names_the_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with Sandbox() as sandbox, pytest.raises(GraderFault) as fault:
        sandbox.open()
    assert "`bubblewrap`" in str(fault.value)
    assert "autograder doctor" in str(fault.value)


def test_a_question_that_cannot_cross_is_the_graders_fault(session):
    with pytest.raises(GraderFault):
        session.ask(question("f", {"x": object()}))


def test_sessions_opened_from_several_threads_do_not_mix(sandbox):
    found = {}

    def work(number):
        with sandbox.open() as session:
            session.run([f"def f(x): return {number}"])
            found[number] = session.ask(question("f"))["value"]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: n for n in range(4)}


def test_without_bubblewrap_it_says_that_nothing_is_contained():
    limits = Limits(question_s=1.0, memory_bytes=300 << 20)
    with Sandbox(limits, unsafe=True) as sandbox, sandbox.open() as session:
        assert not session.contained
        session.run(["def f(x): return x\ndef hang(x):\n    while True: pass"])
        folder = Path(session._folder)
        with pytest.raises(Ended) as ended:
            session.ask(question("hang"))
        assert ended.value.kind == "timeout"
        assert session.ask(question("f"))["status"] == "ok"
        pid = int(tried_outside(session, "Pid"))
        assert folder.is_dir()
    assert not folder.exists()
    assert _state(pid) in ("", "Z")


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""
