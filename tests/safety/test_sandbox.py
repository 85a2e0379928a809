"""Each probe is run twice: it must work outside, or it proves nothing, and it must be denied in the box."""

import contextlib
import ctypes
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation import confinement, sandbox

pytestmark = pytest.mark.skipif(sandbox.status().kind == "none", reason=sandbox.status().detail)

ROOT = Path(sandbox.__file__).resolve().parents[1]
SECRET = "a-key-that-nobody-may-read"
CALL = """
import ctypes, os
def call(*words):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(*words) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
ON_X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="call numbers are those of x86_64")
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can do this outside")

# Braces name what the fixture `place` knows.
PROBES = {
    "tcp": "import socket; socket.create_connection(('127.0.0.1', {tcp}), 2)",
    "udp": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp}))",
    "name resolution": "import socket; socket.getaddrinfo('localhost', 80)",
    "netlink": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "unix socket in a folder it may write": "import socket; socket.socket(1).connect({unix!r})",
    "abstract unix socket": "import socket; socket.socket(1).connect('\\0' + {abstract!r})",
    "datagram to a unix socket": "import socket; socket.socket(1, 2).sendto(b'x', {unix_udp!r})",
    "labels": "open({labels!r}).read()",
    "settings": "open({settings!r}).read()",
    "list of the repository": "assert len(__import__('os').listdir({root!r})) > 3",
    "accounts of the machine": "open('/etc/passwd').read()",
    "secret in the environment": "assert __import__('os').environ['SECRET']",
    "parent": "open('/proc/{pid}/cmdline').read()",
    "signal to the parent": "import os; os.kill({pid}, 0)",
    "fork": "import os; os.waitpid(os.fork() or os._exit(0), 0)",
    "program": "import subprocess; subprocess.run(['/usr/bin/env'], check=True, stdout=-3)",
    "exec": "import os; os.execv('/usr/bin/env', ['env'])",
    "posix_spawn": "import os; os.waitpid(os.posix_spawn('/usr/bin/env', ['env', 'true'], {{}}), 0)",
    "multiprocessing": "import multiprocessing as m; p = m.get_context('fork').Process(); p.start(); p.join()",
    "write to a read-only path": "open({read_only!r}, 'a').write('x')",
    "cut off a file beside the writable folder": "import os; os.truncate({labels!r}, 0)",
    "remove a read-only file": "import os; os.rename({read_only!r}, {read_only!r} + '.old')",
    "write to the evaluation package": "open({package!r}, 'a')",
    "a file of 5 GiB": "import os; os.truncate(os.open({big!r}, os.O_CREAT | os.O_WRONLY), 5 * 2**30)",
}
CALLS = {
    "trace itself": "call(101, 0, 0, 0, 0)",
    "user namespace": "call(272, 0x10000000)",
    "keys": "call(250, 0, -3, 0, 0)",
    "io_uring": "call(425, 1, ctypes.create_string_buffer(120))",
    "handle of a file": "call(303, -100, b'/usr', (ctypes.c_int * 40)(128), (ctypes.c_int * 1)(), 0)",
    "process handle": "call(434, os.getpid(), 0)",
}
ROOT_CALLS = {
    "mount": "call(272, 0x20000); call(165, b'none', b'/mnt', b'tmpfs', 0, 0)",
    "host settings": "os.close(os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY))",
    "chroot": "os.chroot('/tmp')",
}


@pytest.fixture(params=["cpu", "gpu"])
def is_gpu(request: pytest.FixtureRequest) -> bool:
    """The box for a GPU is a little wider, and is tried without one as well: it has no nodes of a device then."""
    return bool(request.param == "gpu")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, object]]:
    """A read-only and a writable path for the box, and beside them what it must not reach."""
    (tmp_path / "writable").mkdir()
    for name in ("labels", "weights"):
        (tmp_path / name).write_text("content")
    with contextlib.ExitStack() as stack:
        tcp, udp, unix, unix_udp, abstract = (
            stack.enter_context(socket.socket(family, kind))
            for family, kind in ((2, 1), (2, 2), (1, 1), (1, 2), (1, 1))
        )
        for each in (tcp, udp):
            each.bind(("127.0.0.1", 0))
        # The path of a socket is at most 107 bytes long.
        with contextlib.chdir(tmp_path / "writable"):
            unix.bind("u")
            unix_udp.bind("d")
        abstract.bind(f"\0veriboard-{os.getpid()}")
        for each in (tcp, unix, abstract):
            each.listen()
        yield {
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(tmp_path / "writable" / "u"),
            "unix_udp": str(tmp_path / "writable" / "d"),
            "abstract": f"veriboard-{os.getpid()}",
            "labels": str(tmp_path / "labels"),
            "read_only": str(tmp_path / "weights"),
            "big": str(tmp_path / "writable" / "big"),
            "settings": str(ROOT / "portal" / "settings.py"),
            "package": str(ROOT / "evaluation" / "contract.py"),
            "root": str(ROOT),
            "pid": os.getpid(),
        }


def box(tmp_path: Path, is_gpu: bool = False) -> tuple[str, ...]:
    return sandbox.command(read_only=[tmp_path / "weights"], writable=[tmp_path / "writable"], gpu=is_gpu)


def python(code: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the code with a secret in the environment of whatever starts it."""
    command = [*prefix, sys.executable, "-c", code]
    environment = os.environ | {"SECRET": SECRET}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def assert_denied_inside_only(code: str, tmp_path: Path, is_gpu: bool) -> None:
    inside = python(code, box(tmp_path, is_gpu))
    assert inside.returncode != 0, "worked in the box"
    assert "error" in inside.stderr.lower(), f"ended otherwise: {inside.stderr}"
    assert "SyntaxError" not in inside.stderr
    outside = python(code)
    assert outside.returncode == 0, f"proves nothing, fails outside too: {outside.stderr}"


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES.keys())
def test_box_denies(probe: str, is_gpu: bool, place: dict[str, object], tmp_path: Path) -> None:
    assert_denied_inside_only(probe.format(**place), tmp_path, is_gpu)


@ON_X86
@pytest.mark.parametrize("probe", CALLS.values(), ids=CALLS.keys())
def test_box_denies_kernel_calls(probe: str, is_gpu: bool, place: dict[str, object], tmp_path: Path) -> None:
    assert_denied_inside_only(CALL + probe, tmp_path, is_gpu)


@ON_X86
@AS_ROOT
@pytest.mark.parametrize("probe", ROOT_CALLS.values(), ids=ROOT_CALLS.keys())
def test_box_denies_what_root_could(probe: str, is_gpu: bool, place: dict[str, object], tmp_path: Path) -> None:
    assert_denied_inside_only(CALL + probe, tmp_path, is_gpu)


def test_nothing_of_the_host_in_proc_is_open_for_writing(
    is_gpu: bool, place: dict[str, object], tmp_path: Path
) -> None:
    walk = """
import os
for top, folders, names in os.walk('/proc'):
    if top == '/proc':
        folders[:] = [name for name in folders if not name.isdigit() and not name.endswith('self')]
    for name in names:
        try:
            os.close(os.open(f'{top}/{name}', os.O_WRONLY | os.O_NONBLOCK))
            print(top, name)
        except OSError:
            pass
print('walked')"""
    assert python(walk, box(tmp_path, is_gpu)).stdout == "walked\n"


def test_only_a_box_with_a_gpu_lets_the_driver_name_threads_and_listen(
    is_gpu: bool, place: dict[str, object], tmp_path: Path
) -> None:
    """The CUDA driver does both, and answers nothing but 304 where it cannot (seen with 580.159)."""
    listen = "import socket; s = socket.socket(1, socket.SOCK_SEQPACKET); s.bind('\\0cuda-uvmfd-1'); s.listen()"
    for code in ("open('/proc/self/task/1/comm', 'w').write('cuda')", listen):
        assert (python(code, box(tmp_path, is_gpu)).returncode == 0) == is_gpu


def test_secret_is_in_no_file_of_proc(is_gpu: bool, place: dict[str, object], tmp_path: Path) -> None:
    search = (
        "import pathlib\nfor path in pathlib.Path('/proc').glob('*/environ'):\n"
        f"  assert b'{SECRET}' not in path.read_bytes(), path\nprint('searched')"
    )
    assert python(search, box(tmp_path, is_gpu)).stdout == "searched\n"
    assert "AssertionError" in python(search).stderr


def test_what_is_written_elsewhere_never_reaches_the_host(place: dict[str, object], tmp_path: Path) -> None:
    python(f"open({str(tmp_path / 'stray')!r}, 'w').write('x')", box(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels", "weights", "writable"]


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_scratch_is_capped(folder: str, place: dict[str, object], tmp_path: Path) -> None:
    code = f"open('{folder}/veriboard-probe', 'wb').write(bytes({sandbox.TMP_BYTES} + 2**20))"
    assert "No space left" in python(code, box(tmp_path)).stderr
    assert python(f"open('{folder}/x', 'wb').write(bytes(2**20))", box(tmp_path)).returncode == 0


@pytest.mark.skipif(
    "prlimit" not in " ".join(sandbox.command(read_only=[], writable=[], allow_open=True)), reason="no prlimit"
)
def test_greedy_process_ends_itself(place: dict[str, object], tmp_path: Path) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert "MemoryError" in python(f"bytearray({memory})", box(tmp_path)).stderr


def test_box_has_an_unprivileged_uid_without_capabilities(place: dict[str, object], tmp_path: Path) -> None:
    lines = python("print(open('/proc/self/status').read())", box(tmp_path)).stdout.splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert status["Uid"].split() == [sandbox.NOBODY] * 4
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_environment_is_what_the_box_sets(place: dict[str, object], tmp_path: Path) -> None:
    names = python("import os; print(*os.environ)", box(tmp_path)).stdout.split()
    assert set(names) == {*sandbox.ENVIRONMENT, "PYTHONPATH", "PWD"}


def test_predictors_work_is_possible(place: dict[str, object], tmp_path: Path) -> None:
    code = f"""
import threading, numpy as np, torch
pixels = np.load({str(tmp_path / "weights.npy")!r}, mmap_mode='r')
found = torch.from_numpy(np.ascontiguousarray(pixels)).sum().item()
thread = threading.Thread(target=lambda: torch.randn(300, 300) @ torch.randn(300, 300)); thread.start(); thread.join()
np.save({str(tmp_path / "writable" / "out.npy")!r}, np.array([found]))
import evaluation.engine.predict
"""
    save = f"import numpy as np; np.save({str(tmp_path / 'weights.npy')!r}, np.arange(10.))"
    assert python(save).returncode == 0
    prefix = sandbox.command(read_only=[tmp_path / "weights.npy"], writable=[tmp_path / "writable"])
    done = python(code, prefix)
    assert done.returncode == 0, done.stderr
    assert (
        python(f"import numpy as np; print(np.load({str(tmp_path / 'writable' / 'out.npy')!r})[0])").stdout == "45.0\n"
    )


def test_exit_status_and_output_come_through(place: dict[str, object], tmp_path: Path) -> None:
    done = python("import sys; print('one'); sys.stderr.write('two'); sys.exit(2)", box(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (2, "one\n", "two")


@pytest.mark.parametrize("code", ["import os; os.abort()", "import ctypes; ctypes.string_at(0)"])
def test_crash_is_told_by_its_signal(code: str, place: dict[str, object], tmp_path: Path) -> None:
    assert python(code, box(tmp_path)).returncode - 128 in (signal.SIGSEGV, signal.SIGABRT)


def test_box_dies_with_what_started_it(place: dict[str, object], tmp_path: Path) -> None:
    ticking = str(tmp_path / "writable" / "tick")
    code = f"import time\nwhile True:\n  open({ticking!r}, 'a').write('x'); time.sleep(0.02)"
    process = subprocess.Popen([*box(tmp_path), sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while not Path(ticking).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    time.sleep(0.3)
    before = Path(ticking).stat().st_size
    time.sleep(0.3)
    assert before > 0
    assert Path(ticking).stat().st_size == before


def test_without_bwrap_nothing_runs_unless_it_is_allowed_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    sandbox.status.cache_clear()
    try:
        assert sandbox.status().kind == "none"
        assert "bubblewrap" in sandbox.status().detail
        with pytest.raises(sandbox.SandboxUnavailable, match="bubblewrap"):
            sandbox.command(read_only=[], writable=[])
        assert sandbox.command(read_only=[], writable=[], allow_open=True) == ()
    finally:
        sandbox.status.cache_clear()


@pytest.mark.parametrize("machine", confinement.MACHINES)
def test_filter_refuses_each_call_once_and_jumps_inside_itself(machine: str, is_gpu: bool) -> None:
    pid = 10**6
    program = list(confinement.build_filter(machine, pid, may_execute=False, has_local_sockets=is_gpu))
    numbers = [k for code, _, _, k in program[5:] if code == confinement.EQUAL and k != pid]
    assert len(numbers) == len(set(numbers))
    for index, (code, yes, no, _) in enumerate(program):
        assert code == confinement.RETURN or index + 1 + max(yes, no) < len(program)
    assert program[-1] == (confinement.RETURN, 0, 0, confinement.ALLOW)
    assert ctypes.sizeof(confinement.Program) == 16
