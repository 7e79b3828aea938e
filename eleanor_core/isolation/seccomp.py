"""A filter on system calls, by the kernel's oldest interface for it: classic BPF through prctl.

It names what is refused. A list of what is allowed would be tighter and would break with the next
release of the C library. What is newer than this list does not exist behind the filter, so that the
kernel grows nothing that nobody looked at. Numbers: `asm/unistd.h` of Linux 6.10.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping
from typing import Final

NEWEST: Final = 462
"""The last call of Linux 6.10 (`mseal`), the same on both machines."""

# Machine -> audit architecture, and (x86-64, aarch64) numbers; None where it does not exist.
MACHINES: Final[Mapping[str, tuple[int, int]]] = {
    "x86_64": (0xC000003E, 0),
    "aarch64": (0xC00000B7, 1),
}
_Numbers = Mapping[str, tuple[int | None, int | None]]

NETWORK: Final[_Numbers] = {"socket": (41, 198)}
"""`socketpair` stays: an event loop wakes itself through one, and it leads nowhere else."""

PROCESSES: Final[_Numbers] = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
}

ALWAYS: Final[_Numbers] = {
    # io_uring would do the refused calls in the kernel's name.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Other processes, the host's first of all.
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    # Its own limits, which a privileged process could lift again.
    "setrlimit": (160, 164),
    # What Landlock leaves open: who may do what with a file, and memory that is nobody's file.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # The machine itself.
    "mknod": (133, None),
    "mknodat": (259, 33),
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "open_by_handle_at": (304, 265),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "syslog": (103, 116),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "iopl": (172, None),
    "ioperm": (173, None),
}

_CLONE, _CLONE3 = (56, 220), 435
_KILL, _TGKILL, _PRLIMIT, _PRCTL = (62, 129), (234, 131), (302, 261), (157, 167)
_CLONE_THREAD, _PR_SET_PDEATHSIG = 0x00010000, 1
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2

_LOAD, _IF_EQUAL, _IF_GREATER, _IF_SET, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_Code = list[tuple[int, int, int, int]]


def restrict(*, network: bool, processes: bool) -> None:
    """Filter the calls of this process, for good. Raises OSError where the system does not.

    Must be called while there is one thread: the filter is the calling thread's and that of the
    threads it starts.
    """
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        raise OSError(errno.ENOSYS, f"no filter for {platform.system()} on {platform.machine()}")
    code = b"".join(
        struct.pack("HBBI", *step) for step in _program(network=network, processes=processes)
    )
    steps = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(steps))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1)),
        (_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), program),
    ):
        rest = (ctypes.c_ulong(0),) * (5 - len(call))
        if libc.prctl(*call, *rest):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _program(*, network: bool, processes: bool) -> _Code:
    architecture, column = MACHINES[platform.machine()]
    refused = {
        **ALWAYS,
        **({} if network else NETWORK),
        **({} if processes else PROCESSES),
    }
    code: _Code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_GREATER, 0, 1, NEWEST),
        _fail(errno.ENOSYS),
        # The C library tries `clone` next, whose flags can be looked at.
        (_IF_EQUAL, 0, 1, _CLONE3),
        _fail(errno.ENOSYS),
    ]
    for numbers in refused.values():
        if (number := numbers[column]) is not None:
            code += [(_IF_EQUAL, 0, 1, number), _fail(errno.EPERM)]
    if not processes:
        code += _when(_CLONE[column], [(_IF_SET, 0, 1, _CLONE_THREAD)], argument=0)
    for call in (_KILL, _TGKILL):
        code += _when(call[column], [(_IF_EQUAL, 0, 1, os.getpid())], argument=0)
    # Limits may be read, and not set: a null pointer, both halves.
    code += _when(_PRLIMIT[column], [(_IF_EQUAL, 0, 3, 0), _half(2), (_IF_EQUAL, 0, 1, 0)], 2)
    code += [
        (_IF_EQUAL, 0, 3, _PRCTL[column]),
        (_LOAD, 0, 0, _ARGUMENTS),
        (_IF_EQUAL, 0, 1, _PR_SET_PDEATHSIG),
        _fail(errno.EPERM),
    ]
    return [*code, (_RETURN, 0, 0, _ALLOW)]


def _when(number: int, tests: _Code, argument: int) -> _Code:
    """Allow a call only if its argument passes; the tests jump over the permission if not."""
    body: _Code = [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
        *tests,
        (_RETURN, 0, 0, _ALLOW),
        _fail(errno.EPERM),
    ]
    return [(_IF_EQUAL, 0, len(body), number), *body]


def _half(argument: int) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument + 4)


def _fail(number: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, 0x00050000 | number)
