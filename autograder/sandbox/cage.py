"""The warm parent in its bubblewrap, seen from outside: start it, fork it, stop it.

What is mounted is a list of what is let in, not of what is kept out: the system's
/usr, the interpreter, the package `unrolled`, the inside of the sandbox and the wire.
Started by root, everything runs as `nobody`: root steps down before bubblewrap starts.
Where this machine refuses user namespaces, there is no bubblewrap around it, and
landlock lets the same list into each session.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from autograder import wire
from autograder.faults import GraderFault
from autograder.inside import landlock

HERE = Path(__file__).resolve().parents[1]
COURSE = HERE.parent
NOBODY = "65534"
DOCTOR = "`python -m autograder doctor` says what this machine can contain"
REFUSED = "this machine refuses user namespaces"
ROOM = 16 << 20  # for what the warm parent writes; no session sees it

# Root's part: show nobody the folders that root alone may reach, then become nobody.
_STEP_DOWN = f"""set -e
mount -t tmpfs -o mode=755,size=1m none "$1"
cd "$1"; shift
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir "$2"; else : > "$2"; fi
  mount --bind "$1" "$2"; shift 2
done
shift; cd /
exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --inh-caps=-all -- "$@"
"""


class Cage:
    """One warm parent. `how` is "user", "nobody", "root", "landlock" or "bare" once it
    runs; `way` asks for "bubblewrap" or "landlock" alone."""

    def __init__(
        self, imports: Iterable[str], *, contained: bool, wait_s: float, way: str = ""
    ):
        self.imports = tuple(imports)
        self.contained = contained
        self.way = way
        self.wait_s = wait_s
        self.how = ""
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._stage = ""
        self._home = ""

    def start(self) -> None:
        """Start it in the strongest way that works here; GraderFault if none does."""
        problem = ""
        for how in self._ways():
            if how == "landlock" and problem and not problem.startswith(REFUSED):
                break  # something else is wrong, and would be there too
            self.how = how
            problem = self._try(how)
            if not problem:
                return
            self.stop()
        if problem.startswith(REFUSED) and landlock.problem():
            problem += f", and {landlock.problem()}"
        raise GraderFault(f"The sandbox did not start: {problem}. {DOCTOR}.")

    def weaken(self) -> bool:
        """After bubblewrap started, but no session could make namespaces: landlock."""
        if self.way or self.how in ("landlock", "bare") or landlock.problem():
            return False
        self.stop()
        self.how = self.way = "landlock"
        return not self._try("landlock")

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def fork(self, request: dict, fds: list[int]) -> None:
        """Ask for a new session that gets these two sockets."""
        if self._control is None:
            raise OSError("the warm parent is not running")
        readable = [str(path) for path in _sources()] if self.how == "landlock" else []
        request = {**request, "readable": readable}
        socket.send_fds(self._control, [wire.encode(request)], fds)

    def stop(self) -> None:
        if self._control is not None:
            self._control.close()  # it ends by itself; the kill is for when it cannot
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None
        if self._home:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = ""

    def _ways(self) -> list[str]:
        if not self.contained:
            return ["bare"]
        if sys.platform != "linux":
            raise GraderFault(
                f"Submissions cannot be contained on {sys.platform}: grade on Linux, "
                "or only your own code with --unsafe."
            )
        fallback = [] if landlock.problem() else ["landlock"]
        if self.way == "landlock" and not fallback:
            raise GraderFault(f"Landlock cannot be used: {landlock.problem()}.")
        if self.way == "landlock":
            return fallback
        if shutil.which("bwrap") is None:
            if fallback and not self.way and _refuses_namespaces():
                return fallback
            raise GraderFault(
                "bubblewrap is missing: install Debian's package `bubblewrap`; "
                f"{DOCTOR}."
            )
        ways = ["nobody", "root"] if os.geteuid() == 0 else ["user"]
        return ways if self.way else ways + fallback

    def _try(self, how: str) -> str:
        """Start it this way; what went wrong, or nothing."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        kind = how if how in ("landlock", "bare") else "namespaces"
        warm = [_interpreter(), "-P", "-s", "-m", "autograder.inside.warm"]
        warm += [str(theirs.fileno()), kind, *self.imports]
        with theirs, tempfile.TemporaryFile() as errors:
            try:
                self._process = subprocess.Popen(
                    self._command(how, warm),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=[theirs.fileno()],
                    env=self._environment(how),
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is the grader's to handle
                )
            except OSError as error:
                return f"{error.filename}: {error.strerror}"
            finally:
                theirs.close()
            heard = _hears(ours, self.wait_s)
            if self._stage:  # bubblewrap has mounted what it needs, or never will
                os.rmdir(self._stage)
                self._stage = ""
            if heard == b"warm":
                return ""
            self._process.kill()
            self._process.wait()
            errors.seek(0)
            said = errors.read()[-2000:].decode("utf-8", "replace").split("\n")
        return _explained([line for line in said if line.strip()])

    def _environment(self, how: str) -> dict[str, str]:
        if how == "landlock":  # the warm parent's; each session has its own
            self._home = tempfile.mkdtemp(prefix="autograder-")
            return _environment(str(COURSE), self._home, self._home)
        if how == "bare":
            home = tempfile.gettempdir()
            return _environment(str(COURSE), home, home)
        return _environment()

    def _command(self, how: str, warm: list[str]) -> list[str]:
        if how in ("landlock", "bare"):
            return warm
        sources = _sources()
        if how != "nobody":
            return _bubblewrap([(path, path) for path in sources], sources, warm)
        self._stage = tempfile.mkdtemp(prefix="autograder-")
        shown = [(path, f"{self._stage}/{n}") for n, path in enumerate(sources)]
        pairs = [part for n, path in enumerate(sources) for part in (str(path), str(n))]
        step_down = ["unshare", "--mount", "--propagation", "private", "--"]
        step_down += ["/bin/sh", "-c", _STEP_DOWN, "sh", self._stage, *pairs, "--"]
        return step_down + _bubblewrap(shown, sources, warm)


def _sources() -> dict[Path, str]:
    """What is mounted read-only besides /usr, and where."""
    found: dict[Path, str] = {}
    for name in {sys.prefix, sys.base_prefix}:
        path = Path(name).resolve()
        if path == COURSE or path in COURSE.parents:
            raise GraderFault(
                f"The course lies inside the interpreter's folder {path}, which every "
                "submission can read: move the course, or use a virtual environment."
            )
        if Path("/usr") not in (path, *path.parents):
            found[path] = str(path)
    if Path("/usr") in COURSE.parents:
        raise GraderFault(f"The course lies in {COURSE}: move it out of /usr.")
    found[COURSE / "unrolled"] = "/course/unrolled"
    found[HERE / "inside"] = "/course/autograder/inside"
    found[HERE / "wire.py"] = "/course/autograder/wire.py"
    return found


def _bubblewrap(
    shown: list[tuple], targets: dict[Path, str], warm: list[str]
) -> list[str]:
    command = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "1000"]
    command += ["--gid", "1000", "--hostname", "sandbox", "--cap-drop", "ALL"]
    command += ["--die-with-parent", "--new-session", "--clearenv"]
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    command += ["--ro-bind", "/usr", "/usr", *_system_links(), "--proc", "/proc"]
    command += ["--tmpfs", "/dev", "--dir", "/dev/shm"]
    for name in ("null", "zero", "full", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        command += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    command += ["--symlink", "/proc/self/fd", "/dev/fd", "--remount-ro", "/dev"]
    command += ["--dir", "/tmp", "--size", str(ROOM), "--tmpfs", "/box"]
    command += ["--dir", "/box/home", "--dir", "/box/tmp"]
    for path, source in shown:
        command += ["--ro-bind", str(source), targets[path]]
    for path in {sys.prefix, sys.base_prefix}:
        if str(Path(path).resolve()) != path and not path.startswith("/usr/"):
            command += ["--symlink", str(Path(path).resolve()), path]
    return [*command, "--remount-ro", "/", "--chdir", "/", "--", *warm]


def _system_links() -> list[str]:
    options = []
    for name in ("lib", "lib32", "lib64", "libx32", "bin", "sbin"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    for name in ("ld.so.cache", "alternatives"):  # where shared libraries are
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return options


def _interpreter() -> str:
    """This interpreter, by a path that holds inside as well."""
    return str(Path(sys.prefix).resolve() / "bin" / Path(sys.executable).name)


def _environment(
    course: str = "/course", home: str = "/box/home", scratch: str = "/box/tmp"
) -> dict[str, str]:
    threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
    return {
        "PATH": f"{Path(sys.prefix).resolve()}/bin:/usr/bin:/bin",
        "PYTHONPATH": course,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # the order of a set is the same in every run
        "HOME": home,
        "TMPDIR": scratch,
        "USER": "student",  # getpass.getuser has no /etc/passwd to ask
        "LANG": "C.UTF-8",
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MALLOC_ARENA_MAX": "2",
        **{f"{name}_NUM_THREADS": "1" for name in threads},
    }


def _hears(sock: socket.socket, wait_s: float) -> bytes:
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        if select.select([sock], [], [], until - time.monotonic())[0]:
            try:
                return sock.recv(64)
            except OSError:
                return b""
    return b""


def _explained(said: list[str]) -> str:
    """Bubblewrap's own words, or what they mean."""
    text = said[-1].strip() if said else "it said nothing"
    refused = ("namespace", "uid map", "Operation not permitted", "EPERM")
    if text.startswith("bwrap:") and any(word in text for word in refused):
        return f"{REFUSED} ({text})"
    return text


def _refuses_namespaces() -> bool:
    """Whether bubblewrap, which is not here, would be of no use."""
    command = ["unshare", "--user", "--mount", "--pid", "--fork", "true"]
    try:
        done = subprocess.run(command, stdin=-3, stdout=-3, stderr=-3, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode != 0
