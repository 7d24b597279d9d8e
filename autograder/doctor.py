"""What this machine can contain, found out by trying it.

python -m autograder doctor
"""

from __future__ import annotations

import functools
import platform
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.inside import syscalls
from autograder.sandbox import Ended, GraderFault, Limits, Sandbox

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
        "seen = [p for p in {paths!r} if os.path.exists(p)]\n"
        "print(seen or 'held')",
        "A submission sees no file of the course and none of /etc, /home and /sys.",
    ),
    "processes": (
        "import os\n"
        "seen = [n for n in os.listdir('/proc') if n.isdigit()]\n"
        "print('held' if len(seen) < 4 else f'{{len(seen)}} processes were seen')",
        "A submission sees its own processes only.",
    ),
    "capabilities": (
        "text = open('/proc/self/status').read()\n"
        "names = ('CapEff', 'CapPrm', 'CapBnd')\n"
        "bare = all(f'{{n}}:\\t{zero}' in text for n in names)\n"
        "print('held' if bare and 'NoNewPrivs:\\t1' in text else 'some were left')",
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
        "except OSError: print('held')",
        "A submission cannot have more processes than its limit.",
    ),
}


@dataclass(frozen=True)
class Row:
    """One property: whether it holds here, and a sentence for a person."""

    name: str
    holds: bool
    sentence: str
    needed: bool = True


def examine() -> list[Row]:
    """Try everything; the first row that is needed and does not hold ends it."""
    rows = [_linux(), _bubblewrap()]
    if not all(row.holds for row in rows):
        return rows
    with Sandbox(_LIMITS) as sandbox:
        rows.append(_starts(sandbox))
        if rows[-1].holds:
            rows += [_probe(sandbox, name) for name in _PROBES]
            rows += [_whole_session(sandbox), _filter(), _user(sandbox)]
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
    """Whether a control group limits "memory" or "processes" of a whole session."""
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


def _bubblewrap() -> Row:
    path = shutil.which("bwrap")
    if path is None:
        text = "bubblewrap is missing: install Debian's package `bubblewrap`."
        return Row("bubblewrap", False, text)
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
            cell = source.format(port=port, paths=paths, zero="0" * 16)
            with sandbox.open() as session:
                result = session.run([cell])[0]
    except (GraderFault, Ended) as fault:
        return Row(name, False, str(fault))
    texts = [o.get("text") or o.get("evalue", "") for o in result.outputs]
    said = "".join(texts).strip()
    if said == "held" or (not said and result.status == "memory"):
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


def _filter() -> Row:
    if syscalls.supported():
        text = "A seccomp filter refuses system calls that no notebook needs."
        return Row("seccomp", True, text, needed=False)
    text = f"There is no system-call filter for {platform.machine()}."
    return Row("seccomp", False, text, needed=False)


def _user(sandbox: Sandbox) -> Row:
    texts = {
        "nobody": "You are root; submissions run as nobody.",
        "user": "Submissions run as you, without your rights.",
        "root": "Submissions run as root without its rights, for nobody cannot read "
        f"{sys.prefix}: an interpreter that all may read is safer.",
    }
    return Row("user", sandbox.how != "root", texts[sandbox.how], needed=False)
