"""What this machine can contain, found out by trying it.

python -m autograder doctor
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.inside import syscalls
from autograder.sandbox import Ended, GraderFault, Limits, Sandbox
from autograder.sandbox.cage import NOBODY

_LIMITS = Limits(cell_s=10.0, memory_bytes=256 << 20, processes=24, tmpfs_bytes=8 << 20)

# Each prints "held" or says what got through; they run inside the sandbox.
_PROBES = {
    "network": (
        "import socket\n"
        "try: socket.create_connection(('127.0.0.1', {port}), 1)\n"
        "except OSError: print('held')\n"
        "else: print('a program on this machine could be reached')",
        "A submission reaches no network and no program on this machine.",
    ),
    "files": (
        "import os\n"
        "seen = []\n"
        "for path in {paths!r}:\n"
        "    try: (os.listdir if os.path.isdir(path) else open)(path)\n"
        "    except OSError: continue\n"
        "    seen.append(path)\n"
        "print(seen or 'held')",
        "A submission reads no file of the course and none of /etc, /home and /sys.",
    ),
    "processes": (
        "import os\n"
        "def signalled(pid):\n"
        "    try: return os.kill(pid, 0) is None\n"
        "    except OSError: return False\n"
        "try: seen = [n for n in os.listdir('/proc') if n.isdigit()]\n"
        "except PermissionError: seen = []\n"
        "print('held' if len(seen) < 4 and not signalled({grader})"
        " else f'{{len(seen)}} processes were seen')",
        "A submission sees and signals its own processes only.",
    ),
    "capabilities": (
        "import ctypes\n"
        "call, data = ctypes.CDLL(None), (ctypes.c_uint32 * 6)(*[1] * 6)\n"
        "call.capget((ctypes.c_uint32 * 2)(0x20080522, 0), data)\n"
        "bare = not any(data) and call.prctl(39, 0, 0, 0, 0) == 1\n"
        "print('held' if bare else 'some were left')",
        "A submission has no capability and can gain no privilege.",
    ),
    "system calls": (
        "import ctypes\n"
        "print('held' if ctypes.CDLL(None).unshare(0x10000000) else 'unshare worked')",
        "A submission cannot make namespaces of its own.",
    ),
    "memory": (
        "try: x = bytearray(b'x') * (400 << 20)\nexcept MemoryError: print('held')",
        "One process of a submission cannot have more memory than its limit.",
    ),
    "disk": (
        "try: open('big', 'wb').write(bytes(12 << 20))\nexcept OSError: print('held')",
        "A submission cannot write more than its limit.",
    ),
    "number of processes": (
        "import os, time\n"
        "try:\n"
        "    for _ in range(60):\n"
        "        if os.fork() == 0: time.sleep(5); os._exit(0)\n"
        "except OSError: print('held')\n"
        "else: time.sleep(2)",
        "A submission cannot have more processes than its limit.",
    ),
}


# What landlock leaves that namespaces would have closed: name, holds, sentence.
_WEAKER = (
    (
        "namespaces",
        False,
        "This machine refuses user namespaces (a container's seccomp profile, or "
        "apparmor's restriction): landlock stands in for bubblewrap.",
    ),
    (
        "disk in all",
        False,
        "What a session writes is measured 20 times a second, and too much ends it; a "
        "deleted file that is still open is not seen. Give the temporary folder a disk "
        "of its own.",
    ),
    (
        "names of files",
        False,
        "A submission can ask whether a path exists and how large the file is, though "
        "it can open none.",
    ),
    (
        "multiprocessing",
        False,
        "There is no /proc, no /dev/shm and no unix socket but a pair: notebooks that "
        "use multiprocessing locks or data loaders with workers fail here.",
    ),
)


@dataclass(frozen=True)
class Row:
    """One property: whether it holds here, and a sentence for a person."""

    name: str
    holds: bool
    sentence: str
    needed: bool = True


def examine(way: str = "") -> list[Row]:
    """Try everything; the first row that is needed and does not hold ends it."""
    rows = [_linux()]
    if not rows[0].holds:
        return rows
    with Sandbox(_LIMITS, way=way) as sandbox:
        starts = _starts(sandbox)
        alone = sandbox.how == "landlock"
        rows += [_bubblewrap(needed=not alone), starts]
        if starts.holds:
            rows += [_probe(sandbox, name) for name in _PROBES]
            rows += [_whole_session(sandbox), _processors(sandbox), _filter()]
            rows += [_user(sandbox)]
            rows += [Row(*pair, needed=False) for pair in _WEAKER] if alone else []
    return rows


def usable() -> bool:
    """Whether a sandbox starts here at all; tried once."""
    return _usable()


def holds(rows: list[Row]) -> bool:
    """Whether submissions may be graded here without `--unsafe`."""
    return all(row.holds for row in rows if row.needed)


def report(rows: list[Row]) -> str:
    """The rows as text, and one sentence that sums them up."""
    lines = [
        f"{'holds' if row.holds else 'FAILS' if row.needed else 'weaker':7}"
        f"{row.name:21}{row.sentence}"
        for row in rows
    ]
    if holds(rows):
        lines.append("\nSubmissions can be graded here.")
    else:
        lines.append(
            "\nSubmissions cannot be contained here: fix the lines that fail, or grade "
            "only your own code, with --unsafe."
        )
    return "\n".join(lines)


def main() -> int:
    """Print the report; 0 if submissions can be graded here."""
    rows = examine()
    print(report(rows))
    return 0 if holds(rows) else 1


def counted(sandbox: Sandbox, what: str) -> bool:
    """Whether a control group has "memory", "processes" or "cpu" of a whole session."""
    with sandbox.open() as session:
        group = session.group
        return group is not None and what in group.counts()


@functools.cache
def _usable() -> bool:
    if sys.platform != "linux":
        return False
    try:
        with Sandbox() as sandbox, sandbox.open():
            return True
    except GraderFault:
        return False


def _linux() -> Row:
    text = f"{platform.system()} {platform.release()} on {platform.machine()}."
    if sys.platform != "linux":
        text += " Only Linux can contain a submission; use a Linux host or WSL2."
    return Row("system", sys.platform == "linux", text)


def _bubblewrap(*, needed: bool) -> Row:
    path = shutil.which("bwrap")
    if path is None:
        text = "bubblewrap is missing: install Debian's package `bubblewrap`."
        return Row("bubblewrap", False, text, needed)
    said = subprocess.run([path, "--version"], capture_output=True, text=True)
    return Row("bubblewrap", True, f"{said.stdout.strip()} is installed.")


def _starts(sandbox: Sandbox) -> Row:
    try:
        with sandbox.open() as session:
            result = session.run(["1 + 1"])[0]
        return Row("sandbox", result.status == "ok", "A notebook runs in the sandbox.")
    except (GraderFault, Ended) as fault:
        return Row("sandbox", False, str(fault))


def _probe(sandbox: Sandbox, name: str) -> Row:
    source, sentence = _PROBES[name]
    course = Path(__file__).resolve().parents[1]
    paths = [str(course / "solutions"), str(course / "_grading"), "/home", "/sys"]
    paths += ["/etc/passwd"]
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            cell = source.format(port=port, paths=paths, grader=os.getpid())
            with sandbox.open() as session:
                result = session.run([cell])[0]
    except (GraderFault, Ended) as fault:
        return Row(name, False, str(fault))
    texts = [o.get("text") or o.get("evalue", "") for o in result.outputs]
    said = "".join(texts).strip()
    ended = result.status == "crashed" and "more processes than it may" in said
    if said == "held" or ended or (not said and result.status == "memory"):
        return Row(name, True, sentence)
    return Row(name, False, f"This does not hold: {sentence} ({said or 'no word'})")


def _whole_session(sandbox: Sandbox) -> Row:
    if counted(sandbox, "memory"):
        text = "A control group limits the memory of all processes of a session."
        return Row("memory in all", True, text, needed=False)
    text = (
        "No control group can be made here, so each process has a memory limit but not "
        "their sum: run as root, or in `systemd-run --user --scope -p Delegate=yes`."
    )
    return Row("memory in all", False, text, needed=False)


def _processors(sandbox: Sandbox) -> Row:
    if counted(sandbox, "cpu"):
        text = "Each session has the same part of the processors, however busy it is."
        return Row("processors in all", True, text, needed=False)
    text = (
        "No control group shares out the processors, so a submission that starts many "
        "busy processes slows those beside it, for as long as its limits let it: grade "
        "with one worker less than there are cores, or as root."
    )
    return Row("processors in all", False, text, needed=False)


def _filter() -> Row:
    if syscalls.supported():
        text = "A seccomp filter refuses system calls that no notebook needs."
        return Row("seccomp", True, text, needed=False)
    text = f"There is no system-call filter for {platform.machine()}."
    return Row("seccomp", False, text, needed=False)


def _user(sandbox: Sandbox) -> Row:
    if sandbox.how == "landlock":
        return _landlocked_user(sandbox)
    texts = {
        "nobody": "You are root; submissions run as nobody.",
        "user": "Submissions run as you, without your rights.",
        "root": "Submissions run as root without its rights, for nobody cannot "
        f"{_out_of_nobodys_reach()}.",
    }
    return Row("user", sandbox.how != "root", texts[sandbox.how], needed=False)


def _out_of_nobodys_reach() -> str:
    """Why the sandbox was started as root, and what to do about it."""
    temporary = tempfile.gettempdir()
    if not _nobody_may("x", temporary):
        return f"enter {temporary}: set TMPDIR to a folder that all may enter"
    for prefix in (sys.prefix, sys.base_prefix):
        if not _nobody_may("r", prefix):
            return f"read {prefix}: use an interpreter that all may read"
    return "start bubblewrap here: try it as an ordinary user"


def _nobody_may(right: str, path: str) -> bool:
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    try:
        done = subprocess.run([*command, "test", f"-{right}", path], check=False)
    except OSError:  # no setpriv here
        return True
    return done.returncode == 0


def _landlocked_user(sandbox: Sandbox) -> Row:
    with sandbox.open() as session:
        (result,) = session.run(["import os; print(os.getuid())"])
    user = int(result.outputs[0]["text"])
    if user == 0:
        text = "Submissions run as root without its rights, for no other user can read "
        python = Path(sys.executable).resolve()
        return Row("user", False, f"{text}{python}.", needed=False)
    if user != os.getuid():
        return Row("user", True, "You are root; each session is a user of its own.")
    text = (
        "Submissions run as you: their processes are counted 5 times a second, and too "
        "many end the session. Started by root, each would be a user of its own."
    )
    return Row("user", False, text, needed=False)
