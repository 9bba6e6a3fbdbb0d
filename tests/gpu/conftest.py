"""Runs the executable on a real NVIDIA GPU: its processes, requests to it, and what the driver knows about the device.

Every program gets an environment of its own, without the caller's settings of CUDA and of aimodellib. If a test fails,
its report has the logs of the programs that it has started.
"""

import concurrent.futures
import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = ROOT / "tests/gpu/modules"
EXECUTABLE = os.environ.get("AIMODELLIB_TEST_BIN", str(ROOT / "dist/aimodellib"))
PYTHON = os.environ.get("AIMODELLIB_TEST_PYTHON", sys.executable)
#: Paths of Unix sockets are short, so this folder's is.
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="gpu-"))
#: All programs that this process starts have it in their environment.
MARK = f"AIMODELLIB_GPU_TEST={uuid.uuid4()}"
#: How long a test, and a step of it, may take, in seconds. Importing PyTorch takes long the first time.
TEST_LIMIT, LIMIT = 120, 60
MIB = 1 << 20

_OURS = (
    "AIMODELLIB_",
    "CUDA_",
    "NVIDIA_",
    "PYTORCH_",
    "PET_",
    "MASTER_",
    "SLURM_",
    "SM_",
    "ACCELERATE_",
    "NCCL_",
    "OMP_",
)
ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
    "AIMODELLIB_CACHE_DIR": str(FOLDER / "cache"),
    "AIMODELLIB_PYTHON": PYTHON,
    "HOME": str(FOLDER),
    "TMPDIR": str(FOLDER / "t"),
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    **dict([MARK.split("=")]),
}
for _name in ("t", "model"):
    (FOLDER / _name).mkdir()
MODEL = str(FOLDER / "model")

#: The programs of the current test.
_started = []


def smi(fields, of="gpu"):
    """Return the rows of ``nvidia-smi``, as lists of texts."""
    command = ["nvidia-smi", f"--query-{of}={fields}", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    return [[field.strip() for field in line.split(",")] for line in done.stdout.splitlines() if line.strip()]


def missing():
    """Say why the suite can't run on this machine; "" if it can."""
    try:
        return "" if smi("index") else "nvidia-smi lists no GPU"
    except FileNotFoundError:
        return "there is no nvidia-smi"
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        return f"nvidia-smi fails: {error}"


MISSING = missing()
#: A single skipped test says why.
collect_ignore_glob = ["test_on_*.py"] if MISSING else []


def used_memory():
    """Return how much of the first GPU's memory is in use, in MiB."""
    return int(smi("memory.used")[0][0])


def holders():
    """Return the processes of this run that have an NVIDIA device open, with their command lines."""
    found = {}
    for pid in processes():
        try:
            opened = [os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        if any(re.match(r"/dev/nvidia\d", path) for path in opened):
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            found[pid] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def processes():
    """Return the ids of the processes of this run."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            # The command line of a zombie is empty.
            if (
                entry.name.isdigit()
                and MARK.encode() in (entry / "environ").read_bytes()
                and (entry / "cmdline").read_bytes()
            ):
                found.append(int(entry.name))
    return found


def eventually(condition, what=None):
    """Return the first true value of ``condition()``, or fail."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what or condition} is still false after {LIMIT} s")


class Program:
    """A running program, by default the executable, whose output goes to files."""

    def __init__(self, *words, program=EXECUTABLE, env=None, cwd=FOLDER):
        name = str(uuid.uuid4())
        self._out, self._log = FOLDER / f"{name}.out", FOLDER / f"{name}.log"
        self.command = [program, *map(str, words)]
        with open(self._out, "w") as out, open(self._log, "w") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**ENV, **(env or {})},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )
        _started.append(self)

    @property
    def out(self):
        """What it has written to standard output."""
        return self._out.read_text(errors="replace")

    @property
    def log(self):
        """What it has written to standard error, and to standard output."""
        return self._log.read_text(errors="replace") + self.out

    def wait_for(self, pattern):
        """Wait until a line of the log matches; fail if the program ends before."""

        def found():
            # In this order: what it wrote at its end counts.
            code = self.process.poll()
            match = re.search(pattern, self.log, re.M)
            if match is None and code is not None:
                raise AssertionError(f"{self.command} ended with {code} before its log had {pattern!r}")
            return match

        return eventually(found, f"the log has {pattern!r}")

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Return the exit code."""
        return self.process.wait(LIMIT)


def run(*words, code=0, **options):
    """Run a program to its end, and check its exit code."""
    program = Program(*words, **options)
    assert program.end() == code, program.command
    return program


class Server(Program):
    """A running ``serve`` that is ready."""

    def __init__(self, *words, workers=1, models=1, env=None):
        options = ["serve", "--port", "0", "--log-format", "text", "--workers", workers]
        super().__init__(*options, *words, env=env)
        self.port = int(self.wait_for(r"Listening on http://\S+:(\d+)")[1])
        count = workers * models
        eventually(lambda: len(self.workers()) == count or self._check(), f"{count} workers are ready")

    def _check(self):
        assert self.process.poll() is None, f"serve ended with {self.process.poll()}"
        return False

    def workers(self):
        """Return the process ids of the workers that run, by their names."""
        ready = dict(re.findall(r"Worker (\S+) is ready \(process (\d+)\)", self.log))
        return {name: int(pid) for name, pid in ready.items() if pathlib.Path(f"/proc/{pid}").exists()}

    def request(self, path, body=None, headers=None):
        """Return the status, the headers and the body of a response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def send(self, op, path="/invocations", **more):
        """Have the model execute an operation of modules/cuda/serve.py; return the status and the parsed answer."""
        headers = {"Content-Type": "application/json"}
        status, _, body = self.request(path, json.dumps({"op": op, **more}), headers)
        return status, json.loads(body)

    def ask(self, op, path="/invocations", **more):
        """Return the answer to an operation that succeeds."""
        status, answer = self.send(op, path, **more)
        assert status == 200, answer
        return answer

    def ask_all(self):
        """Return an answer of each worker, by its process id."""
        with concurrent.futures.ThreadPoolExecutor() as pool:

            def answers():
                # Each request keeps its worker busy, so the others get the rest.
                asked = [pool.submit(self.ask, "where", seconds=0.5) for _ in self.workers()]
                found = {answer["pid"]: answer for answer in (each.result() for each in asked)}
                return found if set(found) == set(self.workers().values()) else None

            return eventually(answers, "all workers have answered")

    def stop(self):
        self.signal(signal.SIGTERM)
        assert self.end() == 0


def events(port, enough):
    """Read a console's events until ``enough(events)``, which gets a list of names and data; return the list."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    connection.request("GET", "/console/events")
    response = connection.getresponse()
    assert response.status == 200
    seen, name = [], ""
    end = time.monotonic() + LIMIT
    while not enough(seen) and time.monotonic() < end:
        line = response.readline().decode().rstrip("\n")
        if line.startswith("event: "):
            name = line[len("event: ") :]
        elif line.startswith("data: "):
            seen.append((name, json.loads(line[len("data: ") :])))
    response.close()
    connection.close()
    return seen


def metric(text, name, **labels):
    """Return a value of ``/metrics``."""
    for line in text.splitlines():
        found = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
        if found and all(f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()):
            return float(found[2])
    raise AssertionError(f"There is no {name} with {labels} in:\n{text}")


@pytest.fixture
def much_memory():
    """Let one test at a time use, or measure, gigabytes of the GPU's memory."""
    with open(pathlib.Path(tempfile.gettempdir()) / f"aimodellib-gpu-test-{os.getuid()}", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def limit():
    """End a test that hangs, and the programs that it has started."""

    def over(_number, _frame):
        raise TimeoutError(f"The test takes longer than {TEST_LIMIT} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(TEST_LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    for program in _started:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()
    _started.clear()
    _kill_all()


def _kill_all():
    for pid in processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """Add the logs of programs to the report of a failure."""
    report = (yield).get_result()
    if report.failed:
        for program in _started:
            text = program.log
            report.sections.append(
                (
                    f"log of {' '.join(program.command)}",
                    text[:4000] + "\n…\n" + text[-12000:] if len(text) > 16000 else text,
                )
            )


def pytest_unconfigure():
    """Leave nothing behind."""
    _kill_all()
    shutil.rmtree(FOLDER, ignore_errors=True)
