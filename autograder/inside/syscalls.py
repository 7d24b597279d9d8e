"""The system calls that a submission has no use for, refused by a seccomp filter.

The filter is a few lines of the kernel's own BPF, so it needs no library. It refuses
by name what reaches into other processes, the kernel or new namespaces, and memory
that no limit counts; everything else stays allowed, since the namespaces, limits and
missing capabilities are what contains a submission. Other architectures: no filter.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

# name: (x86_64, aarch64)
_DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "syslog": (103, 116),
    # Memory that neither RLIMIT_AS nor a tmpfs size counts.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
}
_SOCKET = (41, 198)
_PRLIMIT = (302, 261)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # x86_64's second ABI: the same calls under other numbers
_NEW_NAMESPACES = 0x7E020000
_AF_UNIX = 1

LOAD, JEQ, JGE, JSET, RET = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
NR, _ARCH, _ARG0 = 0, 4, 16  # offsets in struct seccomp_data
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def supported() -> bool:
    """Whether the numbers above are those of this machine."""
    return platform.machine() in _AUDIT_ARCH


def install() -> None:
    """Filter this process and all its children from now on; needs no_new_privs."""
    load(_program(platform.machine()))


def load(program: bytes) -> None:
    """Add a filter, which can refuse more than those before it, never less."""
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, head, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP)")


def column(machine: str) -> int:
    """Where this machine's numbers stand in the tables."""
    return list(_AUDIT_ARCH).index(machine)


def own_only(number: int) -> list[bytes]:
    """Refuse a call whose first argument names another process than the caller."""
    return [
        op(JEQ, number, 0, 4),
        op(LOAD, _ARG0),
        op(JEQ, 0, 1, 0),
        refuse(errno.EPERM),
        op(RET, ALLOW),
    ]


def _program(machine: str) -> bytes:
    here = column(machine)
    code = [
        op(LOAD, _ARCH),
        op(JEQ, _AUDIT_ARCH[machine], 1, 0),
        refuse(errno.ENOSYS),
        op(LOAD, NR),
        op(JGE, _X32, 0, 1),
        refuse(errno.ENOSYS),
        op(JEQ, _CLONE3[here], 0, 1),
        refuse(errno.ENOSYS),  # glibc then uses clone, whose flags can be read
    ]
    for numbers in _DENIED.values():
        code += [op(JEQ, numbers[here], 0, 1), refuse(errno.EPERM)]
    code += [
        op(JEQ, _CLONE[here], 0, 4),
        op(LOAD, _ARG0),
        op(JSET, _NEW_NAMESPACES, 0, 1),
        refuse(errno.EPERM),
        op(RET, ALLOW),
        *own_only(_PRLIMIT[here]),  # its own limits only, not its keeper's
        op(JEQ, _SOCKET[here], 0, 3),
        op(LOAD, _ARG0),
        op(JEQ, _AF_UNIX, 1, 0),
        refuse(errno.EAFNOSUPPORT),
        op(RET, ALLOW),
    ]
    return b"".join(code)


def op(code: int, k: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction; `yes` and `no` are how many to skip after a comparison."""
    return struct.pack("=HBBI", code, yes, no, k)


def refuse(number: int) -> bytes:
    """Return this error without doing what was asked."""
    return op(RET, _ERRNO | number)
