"""Shut one session in where namespaces are refused: landlock and a user of its own.

Landlock is a list of what a process may open, connect to and signal; it needs no
privilege and cannot be taken back. It hides nothing: which paths exist, and when they
were written, can still be asked, and there is no quota. So process 1 measures what the
session writes and how many processes it has, while it runs. What landlock does not
decide is in reach.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping

from autograder.inside import contain, reach, syscalls

ABI = 6  # Linux 6.12, the first that keeps signals inside
FOLDERS = ("home", "work", "tmp")
ENTRIES = 4096  # files and folders of one session

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every machine
_EXECUTE, _WRITE, _READ, _LIST, _TRUNCATE = 1, 2, 4, 8, 1 << 14
_MAKE_DEVICE, _MAKE_SOCKET, _IOCTL = (1 << 6) | (1 << 11), 1 << 9, 1 << 15
_FILES = (1 << 16) - 1  # every right over files that ABI 6 knows
_OF_A_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE
_TCP, _SOCKETS_AND_SIGNALS = 3, 3
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9
_USERS = range(61184, 65520)  # what systemd, too, takes for users that come and go

_libc = ctypes.CDLL(None, use_errno=True)


def problem() -> str:
    """Why this machine cannot contain a submission this way; "" if it can."""
    if not syscalls.supported():
        return "there is no system-call filter for this machine's processor"
    found = _libc.syscall(_CREATE, None, ctypes.c_size_t(0), 1)
    if found < 0:
        return "the kernel has no landlock, or it is switched off"
    if found < ABI:
        return f"its landlock is too old (ABI {found}, {ABI} is needed: Linux 6.12)"
    if not os.path.isdir("/proc/self"):
        return "there is no /proc, by which processes are found and ended"
    return ""


def settle(folder: str, limits: Mapping[str, int], *, counted: bool) -> dict[str, int]:
    """Furnish the folder; root becomes a user of its own. The limits that then hold."""
    for name in FOLDERS:
        os.mkdir(f"{folder}/{name}")
    if os.geteuid() != 0:
        # The kernel counts all processes of this user, in other sessions too. Process 1
        # counts this session's; the limit is for what is faster than it.
        room = _tasks(os.geteuid()) + 4 * limits["processes"]
        return {**limits, "processes": room}
    if not _become(_free_user(), folder) and not counted:
        raise OSError(
            f"no other user can read {sys.prefix}, and root's processes cannot be "
            "counted: use an interpreter that all may read"
        )
    return dict(limits)


def fence() -> None:
    """Let this process and its children signal nobody else. `kill(-1)` is theirs only.

    So process 1 can kill a whole session in one call, which no fork can outrun.
    """
    _restrict(_ruleset(0, 0))
    with contextlib.suppress(PermissionError):
        os.kill(os.getppid(), 0)
        raise OSError("landlock let a signal out")  # and kill(-1) would be everyone's


def shut_in(folder: str, readable: Iterable[str]) -> None:
    """For the student's process: the last doors. Its keeper stays outside of this."""
    parent = os.getppid()
    _die_with(parent)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # short of memory, the kernel ends this before its keeper
    rules = _ruleset(_FILES, _TCP)
    for path in (*_SYSTEM, *_SYSTEM_FILES, *readable):
        _allow(rules, path, _EXECUTE | _READ | _LIST)
    for name in _DEVICES:
        _allow(rules, f"/dev/{name}", _READ | _WRITE)
    _allow(rules, folder, _FILES & ~(_MAKE_DEVICE | _MAKE_SOCKET | _IOCTL))
    _restrict(rules)
    reach.install()
    os.chdir(f"{folder}/work")
    # It names the course, of which little can be read, and nothing new be imported.
    course = os.environ.pop("PYTHONPATH")
    sys.path[:] = [path for path in sys.path if path != course]
    sys.path_importer_cache.clear()
    os.environ |= {
        "HOME": f"{folder}/home",
        "TMPDIR": f"{folder}/tmp",
        "IPYTHONDIR": f"{folder}/home/.ipython",
        "MPLCONFIGDIR": f"{folder}/home/.matplotlib",
    }


def written(folder: str) -> float:
    """Bytes of all files below `folder`; without end if they cannot be measured."""
    total, entries = 0, 0
    try:
        for entry in _walk(folder):
            entries += 1
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat(follow_symlinks=False).st_blocks * 512
            if entries > ENTRIES:
                return float("inf")
    except OSError:  # a folder that its owner may not list, or a path too long
        return float("inf")
    return total


def removal(folder: str) -> list[str]:
    """The command that removes a session's folder, whatever was made of it."""
    script = 'rm -rf -- "$1" || { chmod -R u+rwx -- "$1"; rm -rf -- "$1"; }'
    return ["/bin/sh", "-c", f"{{ {script}; }} 2> /dev/null", "sh", folder]


def _walk(folder: str) -> Iterator[os.DirEntry]:
    folders = [folder]
    while folders:
        with contextlib.suppress(FileNotFoundError), os.scandir(folders.pop()) as found:
            for entry in found:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)


def _die_with(parent: int) -> None:
    contain.prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _free_user() -> int:
    """A user number of which no process runs, so that a limit counts ours alone."""
    taken = set(_owners().values())
    first = os.getpid() % len(_USERS)
    numbers = [*_USERS[first:], *_USERS[:first]]
    return next(number for number in numbers if number not in taken)


def _become(user: int, folder: str) -> bool:
    """Whether root is `user` from here on: it may be, and can read what it must."""
    needed = [sys.executable, os.__file__, sys.modules["numpy"].__file__ or ""]
    try:
        os.setgroups([])
        os.setegid(user)
        os.seteuid(user)
        os.stat(folder)
        for path in needed:
            os.close(os.open(path, os.O_RDONLY))
        able = True
    except OSError:
        able = False
    finally:
        os.seteuid(0)
        os.setegid(0)
    if not able:
        return False
    for place in (folder, *(f"{folder}/{name}" for name in FOLDERS)):
        os.chown(place, user, user)
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    contain.show()
    return True


def _owners() -> dict[str, int]:
    """Process number to the user it runs as."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                found[name] = os.stat(f"/proc/{name}").st_uid
    return found


def _tasks(user: int) -> int:
    total = 0
    for name, owner in _owners().items():
        if owner == user:
            with contextlib.suppress(OSError):
                total += len(os.listdir(f"/proc/{name}/task"))
    return total


def _ruleset(files: int, tcp: int) -> int:
    attributes = struct.pack("=QQQ", files, tcp, _SOCKETS_AND_SIGNALS)
    return _checked(_libc.syscall(_CREATE, attributes, ctypes.c_size_t(24), 0), "rules")


def _allow(rules: int, path: str, rights: int) -> None:
    """`rights` over `path` and all below it, if it exists."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= _OF_A_FILE
    rule = struct.pack("=Qi", rights, fd)
    _checked(_libc.syscall(_ADD, rules, 1, rule, 0), path)
    os.close(fd)


def _restrict(rules: int) -> None:
    _checked(_libc.syscall(_RESTRICT, rules, 0), "this process")
    os.close(rules)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"landlock of {what}: {os.strerror(number)}")
    return result
