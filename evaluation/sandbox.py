"""Put a process into a box: no network, no other files, no secrets, bounded memory.

Standard library only. The box is bubblewrap (`bwrap`), which uses the kernel's namespaces.

Covered: the network (a namespace with nothing in it, and no new sockets; where a GPU is bound, none that can reach
anybody), files (a new root with read-only binds of the interpreter, the system's libraries, the `evaluation` package
and the paths named by the caller; the only writable places are those named so, and small memory-backed `/tmp` and
`/dev/shm`), other processes (own pid, ipc and uts namespaces; no signals, no tracing, no new processes), the host's
settings (`/proc` is read-only; where a GPU is bound, but for the box's own processes), the environment (cleared),
privileges (an unprivileged uid, no capabilities, no new ones, no namespaces of its own), the terminal (own session),
the kernel's less needed calls (see `evaluation.confinement`), outliving the parent (it dies with it), and by resource
limits CPU time, core dumps, the size of a file and the number of open ones, and on a CPU private memory.

Not covered: the kernel itself (a bug in it is a way out), side channels by timing and caches, the number of files in
the writable folders and so the disk they are on, memory where a GPU is bound, and the GPU's driver. Of a worker that is
root the boxed process keeps that owner's rights to the files bound into it; run workers as an ordinary user.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.confinement import LOCAL_SOCKETS

BWRAP = "bwrap"
TMP_BYTES = 256 * 2**20
SHM_BYTES = 256 * 2**20
# No single file that the box writes is larger: chunks of predictions are far below.
FILE_BYTES = 4 * 2**30
CPU_SECONDS = 24 * 3600
OPEN_FILES = 1024
MEMORY_SHARE = 0.8
NOBODY = "65534"
DEVICE_NODES = Path("/dev")
# What the dynamic linker and Python need of the system, and nothing with secrets in it.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
# See engine.child.ALLOCATOR: kept here too, as the box's environment starts empty.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    # Asked for by libraries; the box has no accounts to look it up in.
    "LOGNAME": "nobody",
    "TMPDIR": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
PROBE_SECONDS = 20
# By the driver itself: torch takes seconds to import.
OPEN_GPU = """
import ctypes, sys
error = ctypes.CDLL("libcuda.so.1").cuInit(0)
sys.exit(f"the CUDA driver answers {error} to cuInit" if error else 0)
"""


class SandboxUnavailable(RuntimeError):
    """Nothing here can isolate a process. The message says what to install or set."""


@dataclass(frozen=True)
class Status:
    """Which isolation works here: "bwrap", or "none" with the reason."""

    kind: str
    detail: str


def command(
    *, read_only: Sequence[Path], writable: Sequence[Path], gpu: bool = False, allow_open: bool = False
) -> tuple[str, ...]:
    """Return the words to put before a command so that it runs in the box and sees only these paths.

    The paths keep their names inside. The box is for this interpreter's `-m` and `-c`; what else is run in it can also
    start programs. Raises: SandboxUnavailable where no isolation works, unless `allow_open` accepts
    running without (then there are no words).
    """
    found = status()
    if found.kind == "none":
        if allow_open:
            return ()
        raise SandboxUnavailable(f"No sandbox works here, so nothing is evaluated: {found.detail}")
    return build(read_only, writable, gpu)


def build(read_only: Sequence[Path], writable: Sequence[Path], gpu: bool) -> tuple[str, ...]:
    words = [
        shutil.which(BWRAP) or BWRAP,
        "--unshare-all",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    ]
    words += ["--uid", NOBODY, "--gid", NOBODY, "--hostname", "box", "--cap-drop", "ALL", *userns_words()]
    # Which of the machine's GPUs are this worker's.
    chosen = {name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if gpu and name in os.environ}
    for name, value in (ENVIRONMENT | {"PYTHONPATH": str(package_root())} | chosen).items():
        words += ["--setenv", name, value]
    words += ["--proc", "/proc", "--dev", "/dev"]
    words += ["--size", str(TMP_BYTES), "--tmpfs", "/tmp", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm"]
    for path in [*system_paths(), *python_paths(), package_root() / "evaluation", *map(Path.absolute, read_only)]:
        words += ["--ro-bind", str(path), str(path)]
    for path in map(Path.absolute, writable):
        words += ["--bind", str(path), str(path)]
    # Of a worker that is root the box keeps the uid as the kernel sees it: the host's settings in /proc/sys would be
    # open for writing.
    words += gpu_words() if gpu else ["--remount-ro", "/proc"]
    # As process 1 itself: else that is bwrap, whose environment is the worker's and stands in /proc/1/environ.
    words += ["--as-pid-1", "--remount-ro", "/", "--chdir", "/", "--"]
    confined = [sys.executable, "-m", "evaluation.confinement", *([LOCAL_SOCKETS] if gpu else [])]
    return (*words, *limit_words(is_gpu=gpu), *confined)


def package_root() -> Path:
    return Path(__file__).resolve().parent.parent


def system_paths() -> Iterator[Path]:
    return (Path(path) for path in SYSTEM if Path(path).exists())


def python_paths() -> list[Path]:
    """Return the folders of the running interpreter that the system's own do not hold."""
    folders = dict.fromkeys(Path(p) for p in (sys.prefix, sys.base_prefix, sys.exec_prefix))
    folders |= dict.fromkeys([Path(sys.executable).resolve().parent.parent])
    return [folder for folder in folders if not folder.is_relative_to("/usr") and folder != Path("/")]


def gpu_words() -> list[str]:
    """Bind what the CUDA driver needs, and close /proc but for the box's own processes.

    The driver's library names its threads there, and gives up where it cannot.
    """
    words = ["--ro-bind", "/sys", "/sys"]
    for node in sorted(DEVICE_NODES.glob("nvidia*")):
        words += ["--dev-bind", str(node), str(node)]
    for path in sorted(Path("/proc").iterdir()):
        if not path.name.isdigit() and not path.is_symlink():
            words += ["--ro-bind", str(path), str(path)]
    return words


def userns_words() -> tuple[str, ...]:
    """Forbid namespaces inside the box, where bwrap knows how (0.8 and later); its filter forbids them anyway."""
    done = subprocess.run([BWRAP, "--help"], capture_output=True, text=True, check=False)
    return ("--disable-userns",) if "--disable-userns" in done.stdout else ()


def limit_words(*, is_gpu: bool) -> tuple[str, ...]:
    """Return the words that set resource limits, where util-linux has prlimit."""
    if shutil.which("prlimit") is None:
        return ()
    limits = [f"--cpu={CPU_SECONDS}", "--core=0", f"--fsize={FILE_BYTES}", f"--nofile={OPEN_FILES}"]
    if not is_gpu:
        # Private memory, so that a greedy file ends its own process. CUDA reserves far more than it uses.
        limits.append(f"--data={int(MEMORY_SHARE * os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES'))}")
    return (shutil.which("prlimit") or "prlimit", *limits, "--")


@functools.cache
def status() -> Status:
    """Return what works here, found out by really starting a process in the box."""
    if shutil.which(BWRAP) is None:
        return Status("none", "bwrap is missing (Debian package bubblewrap).")
    trouble = try_in_box("import evaluation.contract", gpu=False)
    if trouble:
        return Status("none", f"bwrap does not work here: {trouble}.")
    return Status(BWRAP, f"{shutil.which(BWRAP)}, kernel {os.uname().release}")


def find_gpu_trouble() -> str:
    """Return why a process in the box cannot use the GPU, found out by really starting one; "" where it can."""
    return "" if status().kind == "none" else try_in_box(OPEN_GPU, gpu=True)


def try_in_box(program: str, *, gpu: bool) -> str:
    """Return what keeps a Python program from running in the box, or ""."""
    command = [*build([], [], gpu=gpu), sys.executable, "-c", program]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    last = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
    return last[0] if done.returncode else ""
