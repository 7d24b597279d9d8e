"""More system calls to refuse where a submission shares the machine's namespaces.

Landlock decides on opening files, on TCP and on signals. Here is what it leaves: every
other socket, the modes, owners and dates of files that belong to the same user, other
processes' priorities, shared memory and queues by number, and watching folders.
"""

from __future__ import annotations

import errno
import platform

from autograder.inside import syscalls
from autograder.inside.syscalls import op, refuse

# name: (x86_64, aarch64); -1 where a machine does not have it
_DENIED = {
    "connect": (42, 203),  # a pair of datagram sockets could be led elsewhere
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "socket": (41, 198),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "inotify_init": (253, -1),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
# These say that they worked, and do nothing: shutil.copy calls them.
_IDLE = {
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "fchown": (93, 55),
    "lchown": (94, -1),
    "fchownat": (260, 54),
    "utime": (132, -1),
    "utimes": (235, -1),
    "futimesat": (261, -1),
    "utimensat": (280, 88),
}
_OWN_ONLY = {  # the first argument is a process: 0, the caller
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
_SOCKETPAIR = (53, 199)
_ARG1, _AND, _KIND = 24, 0x54, 0xF
_STREAM, _SEQPACKET = 1, 5  # connected for good; a datagram may name another address


def install() -> None:
    """Refuse them to this process and all its children from now on."""
    syscalls.load(_program(platform.machine()))


def _program(machine: str) -> bytes:
    column = syscalls.column(machine)
    code = [op(syscalls.LOAD, syscalls.NR)]
    for calls, number in ((_DENIED, errno.EPERM), (_IDLE, 0)):
        for numbers in calls.values():
            if numbers[column] >= 0:
                code += [op(syscalls.JEQ, numbers[column], 0, 1), refuse(number)]
    for numbers in _OWN_ONLY.values():
        code += syscalls.own_only(numbers[column])
    code += [
        op(syscalls.JEQ, _SOCKETPAIR[column], 0, 5),
        op(syscalls.LOAD, _ARG1),
        op(_AND, _KIND),
        op(syscalls.JEQ, _STREAM, 2, 0),
        op(syscalls.JEQ, _SEQPACKET, 1, 0),
        refuse(errno.EPERM),
        op(syscalls.RET, syscalls.ALLOW),
    ]
    return b"".join(code)
