"""Shut one session in: namespaces, mounts, limits, capabilities, system calls.

`leave()` runs before the fork that makes the session's process 1, `furnish()` and
`confine()` in that process, before a student's line has run. Nothing here trusts what
it is given by a submission, because there is none yet.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Iterable, Mapping

from autograder.inside import syscalls

# Not /work or /home: an interpreter may live there, and would be covered.
BOX = "/box"

_NEW_NS, _NEW_UTS, _NEW_IPC = 0x20000, 0x4000000, 0x8000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_NEW_CGROUP = 0x2000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT = 1, 2, 4, 8, 32
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 4, 24, 38
_PR_SET_CHILD_SUBREAPER, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 36, 47, 4
_CAPABILITY_V3, _LAST_CAP = 0x20080522, 63

_libc = ctypes.CDLL(None, use_errno=True)


def leave() -> None:
    """Enter namespaces of our own; the next process that is forked is their first."""
    uid, gid = os.getuid(), os.getgid()
    namespaces = _NEW_NS | _NEW_UTS | _NEW_IPC | _NEW_PID | _NEW_NET | _NEW_CGROUP
    _call("unshare", _NEW_USER | namespaces)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def furnish(limits: Mapping[str, int]) -> None:
    """One empty, bounded folder for all that can be written, and a fresh /proc."""
    _mount(None, "/", None, _REC | _PRIVATE)
    room = f"size={limits['tmpfs_bytes']},nr_inodes=4096,mode=700"
    _mount("tmpfs", BOX, "tmpfs", _NOSUID | _NODEV, room)
    for name in ("home", "work", "tmp", "shm"):
        os.mkdir(f"{BOX}/{name}")
    _mount(f"{BOX}/shm", "/dev/shm", None, _BIND)
    if not os.listdir("/tmp"):  # otherwise an interpreter lives there
        _mount(f"{BOX}/tmp", "/tmp", None, _BIND)
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    _write("/proc/sys/user/max_user_namespaces", "0")
    # Started by root, we may be the owner of /proc/sys: nothing there is writable.
    flags = _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV | _NOEXEC
    _mount(None, "/proc", None, flags)
    _call("sethostname", b"sandbox", 7)


def confine(limits: Mapping[str, int], *, contained: bool) -> None:
    """Limits, then no capability, no new privilege, and the system-call filter."""
    _set_limits(limits)
    with contextlib.suppress(OSError, AttributeError):  # macOS has no prctl
        prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if not contained:
        return
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(_LAST_CAP + 1):
        with contextlib.suppress(OSError):  # past the last one that this kernel knows
            prctl(_PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_V3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())
    if syscalls.supported():
        syscalls.install()


def hide() -> None:
    """Keep this process's memory and files from others of the same user."""
    prctl(_PR_SET_DUMPABLE, 0)


def show() -> None:
    """The reverse, for a process that has changed its user: /proc/self is its own."""
    prctl(_PR_SET_DUMPABLE, 1)


def adopt() -> None:
    """Become the parent of orphaned descendants, where there is no namespace for it."""
    with contextlib.suppress(OSError, AttributeError):
        prctl(_PR_SET_CHILD_SUBREAPER, 1)


def close_all_but(keep: Iterable[int]) -> None:
    """Close every inherited file; the first three become /dev/null."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    kept = {0, 1, 2, *keep}
    top = max(kept)
    for fd in range(3, top):
        if fd not in kept:
            with contextlib.suppress(OSError):
                os.close(fd)
    os.closerange(top + 1, 65536)


def _set_limits(limits: Mapping[str, int]) -> None:
    wanted = {
        "AS": _address_space() + limits["memory_bytes"],
        "FSIZE": limits["tmpfs_bytes"],
        "NOFILE": limits["open_files"],
        "NPROC": limits["processes"],
        "CORE": 0,
        "MSGQUEUE": 0,
        "MEMLOCK": 0,
    }
    for name, value in wanted.items():
        which = getattr(resource, f"RLIMIT_{name}", None)
        if which is not None:
            _lower(which, value, value)


def limit_cpu(limits: Mapping[str, int]) -> None:
    """At the soft limit comes SIGXCPU, which says why; then SIGKILL."""
    _lower(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + 1)


def _lower(which: int, soft: int, hard: int) -> None:
    now = resource.getrlimit(which)[1]
    if now != resource.RLIM_INFINITY:
        soft, hard = min(soft, now), min(hard, now)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses some of them
        resource.setrlimit(which, (soft, hard))


def _address_space() -> int:
    """What the warm parent's imports have mapped already (torch: gigabytes)."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 1 << 30


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str = ""
) -> None:
    def text(value: str | None) -> bytes | None:
        return value.encode() if value else None

    _call("mount", text(source), text(target), text(kind), flags, text(data))


def prctl(*args: int) -> None:
    _call("prctl", *(args + (0,) * (5 - len(args))))


def _call(name: str, *args: object) -> None:
    if getattr(_libc, name)(*args) != 0:
        number = ctypes.get_errno()
        target = next((a for a in args[1:2] if isinstance(a, bytes)), b"").decode()
        raise OSError(number, f"{name} {target}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
