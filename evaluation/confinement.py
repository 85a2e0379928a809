"""Run a Python program after giving up for good what a predictor never needs.

`python -m evaluation.confinement [--local-sockets] COMMAND…`, standard library only: the last step into the box of
`evaluation.sandbox`. A seccomp filter refuses new processes and programs (threads stay), sockets, signals to others,
tracing, mounts, namespaces, keys, kernel modules and the kernel interfaces that were most often a way out (bpf,
io_uring, userfaultfd, perf). What is refused answers "not permitted".

The CUDA driver does nothing without a local socket that it listens on. With the option such sockets can be made, and
still none can reach anybody.

A command that is this interpreter with `-m` or `-c` goes on in this very process, so that starting programs is refused
as well; any other program is started and could start another in its place, under the same filter.
"""

import ctypes
import errno
import os
import platform
import runpy
import struct
import sys
from collections.abc import Iterator, Sequence

# System call numbers by machine. Source: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and
# include/uapi/asm-generic/unistd.h (aarch64); 0 where a machine has none of that name.
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
REFUSED = {
    "connect": (42, 203), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269), "fork": (57, 0),
    "vfork": (58, 0), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "quotactl": (179, 60), "acct": (163, 89), "swapon": (167, 224),
    "swapoff": (168, 225), "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "personality": (135, 92),
}  # fmt: skip
SOCKET, EXECVE, CLONE, CLONE3 = (41, 198), (59, 221), (56, 220), (435, 435)
SIGNALS = ((62, 129), (234, 131))  # kill, tgkill
CLONE_THREAD = 0x00010000
AF_UNIX = 1
X32_BIT = 0x40000000

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2

LOCAL_SOCKETS = "--local-sockets"
Instruction = tuple[int, int, int, int]


class Program(ctypes.Structure):
    """The kernel's `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class ConfinementUnavailable(RuntimeError):
    """This machine or kernel takes no such filter."""


def confine(*, may_execute: bool, has_local_sockets: bool = False) -> None:
    """Put the filter on this process, which must have one thread. Raises: ConfinementUnavailable."""
    if platform.machine() not in MACHINES:
        raise ConfinementUnavailable(f"no system call table for {platform.machine()}")
    instructions = build_filter(platform.machine(), os.getpid(), may_execute, has_local_sockets)
    code = b"".join(struct.pack("HBBI", *each) for each in instructions)
    program = Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*words):
            raise ConfinementUnavailable(f"the kernel refuses the filter: {os.strerror(ctypes.get_errno())}")


def build_filter(machine: str, pid: int, may_execute: bool, has_local_sockets: bool) -> Iterator[Instruction]:
    """Yield the filter, which goes from its top to the first decision. Source: the kernel's seccomp_filter.rst."""
    column, architecture = MACHINES[machine]
    # Numbers mean something else to a program of another architecture.
    yield from ((LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL))
    yield (LOAD, 0, 0, NUMBER)
    yield from ((AT_LEAST, 0, 1, X32_BIT), refuse(errno.EPERM))
    refused = [*REFUSED.values(), *([] if may_execute else [EXECVE]), *([] if has_local_sockets else [SOCKET])]
    for numbers in refused:
        if numbers[column]:
            yield from ((EQUAL, 0, 1, numbers[column]), refuse(errno.EPERM))
    # Its flags lie in memory that a filter cannot read; without it the C library falls back to clone.
    yield from ((EQUAL, 0, 1, CLONE3[column]), refuse(errno.ENOSYS))
    yield from decide_by_argument(CLONE[column], (ANY_BIT, 1, 0, CLONE_THREAD))
    if has_local_sockets:
        yield from decide_by_argument(SOCKET[column], (EQUAL, 1, 0, AF_UNIX))
    for numbers in SIGNALS:
        yield from decide_by_argument(numbers[column], (EQUAL, 1, 0, pid))
    yield (RETURN, 0, 0, ALLOW)


def decide_by_argument(number: int, allows: Instruction) -> Iterator[Instruction]:
    """Yield: for this call, look at the low half of the first argument and allow or refuse."""
    yield from ((EQUAL, 0, 4, number), (LOAD, 0, 0, FIRST_ARGUMENT), allows, refuse(errno.EPERM))
    yield (RETURN, 0, 0, ALLOW)


def refuse(number: int) -> Instruction:
    return (RETURN, 0, 0, ERRNO | number)


def run(command: Sequence[str]) -> None:
    """Confine this process and go on as the command."""
    has_local_sockets = command[:1] == [LOCAL_SOCKETS]
    command = command[has_local_sockets:]
    if len(command) >= 3 and command[0] == sys.executable and command[1] in ("-m", "-c"):
        confine(may_execute=False, has_local_sockets=has_local_sockets)
        option, program, *arguments = command[1:]
        sys.argv = [option, *arguments]
        if option == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    else:
        confine(may_execute=True, has_local_sockets=has_local_sockets)
        os.execvp(command[0], list(command))


if __name__ == "__main__":
    try:
        run(sys.argv[1:])
    except ConfinementUnavailable as error:
        sys.exit(f"The process cannot be confined: {error}.")
