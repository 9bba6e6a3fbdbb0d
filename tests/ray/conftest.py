"""A cluster of two nodes on loopback. The suite runs in a network namespace: Ray listens on the machine's address otherwise."""

import base64
import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXECUTABLE = os.environ.get("AIMODELLIB_TEST_BIN", str(ROOT / "dist/aimodellib"))
#: Paths of Unix sockets are short, so this folder's is.
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="ray-"))
#: All processes that the suite starts have it in their environment.
MARK = f"AIMODELLIB_RAY_TEST={uuid.uuid4()}"
#: How long a step may take, in seconds: a busy machine is slow.
LIMIT = 300

for name in [name for name in os.environ if name.startswith(("RAY_", "AIMODELLIB_", "PIP_"))]:
    del os.environ[name]
os.environ.update(
    [MARK.split("=")],
    AIMODELLIB_BIN=EXECUTABLE,
    AIMODELLIB_CACHE_DIR=str(FOLDER / "cache"),
    AIMODELLIB_PYTHON=sys.executable,
    HOME=str(FOLDER),
    PYTHONPATH=str(ROOT / "python"),
    RAY_USAGE_STATS_ENABLED="0",
    RAY_DEDUP_LOGS="0",
    RAY_prestart_worker_first_driver="0",
    RAY_enable_worker_prestart="0",
    # Serve's controller need not look as often as it does, since no test counts on that.
    RAY_SERVE_CONTROL_LOOP_INTERVAL_S="0.5",
    # Ray gives up on a node that fails some checks in a row. One that was killed refuses them at once.
    RAY_health_check_period_ms="1000",
    TMPDIR=str(FOLDER / "t"),
)
# Parts of Ray that are slow to start or to answer are killed, or make others fail, within 5 to 100 s.
for name in (
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S",
    "RAY_gcs_server_port_wait_time_s",
    "RAY_gcs_server_request_timeout_seconds",
    "RAY_py_gcs_connect_timeout_s",
    "RAY_raylet_start_wait_time_s",
    "RAY_worker_register_timeout_seconds",
):
    os.environ[name] = str(LIMIT)
for name in ("RAY_agent_register_timeout_ms", "RAY_grpc_keepalive_timeout_ms", "RAY_health_check_timeout_ms"):
    os.environ[name] = str(LIMIT * 1000)
tempfile.tempdir = None
sys.path.insert(0, str(ROOT / "python"))
# Logs of archives are written here.
os.chdir(FOLDER)
for name in ("model", "t"):
    (FOLDER / name).mkdir()


def processes():
    """Return the command lines of the suite's processes, by their ids."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) != os.getpid() and MARK.encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            pass
    return {pid: command for pid, command in found.items() if command}


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def eventually(condition):
    """Return the first true value of ``condition()``, or fail."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        # A look at all processes takes some milliseconds.
        time.sleep(0.2)
    raise AssertionError(f"{condition} is still false after {LIMIT} s")


class Nodes:
    """Ray's cluster."""

    def __init__(self):
        import ray
        from ray import serve
        from ray._private import services
        from ray.cluster_utils import Cluster

        self.is_running = True
        get_node = services.get_node

        def get_node_at_last(*arguments):
            """Wait until Ray's database has a node. Nothing can change the 30 s after which Ray gives up on a node that it starts."""

            def found():
                with contextlib.suppress(RuntimeError):
                    return get_node(*arguments)

            return eventually(found)

        services.get_node = get_node_at_last
        # Ray believes in GPUs that it is told of. The tests need neither an autoscaler nor the programs' output.
        options = {"num_cpus": 4, "num_gpus": 2, "object_store_memory": 100 << 20, "include_dashboard": False}
        options.update(no_monitor=True, include_log_monitor=False)
        self._cluster = Cluster(initialize_head=True, head_node_args=options)
        self.second = self._cluster.add_node(**options)
        self.address = self._cluster.address
        ray.init(address=self.address, log_to_driver=False)
        try:
            serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": 8000})
        except TimeoutError:
            # Serve goes on starting its proxy, which it waits for a minute for.
            eventually(lambda: set(serve.status().proxies.values()) == {"HEALTHY"})

    def kill_second(self):
        """Kill a node without notice."""
        self._cluster.remove_node(self.second, allow_graceful=False)

    def stop(self):
        import ray
        from ray import serve

        self.is_running = False
        serve.shutdown()
        ray.shutdown()
        self._cluster.shutdown()


@pytest.fixture(scope="session")
def nodes():
    nodes = Nodes()
    yield nodes
    if nodes.is_running:
        nodes.stop()


@pytest.fixture(scope="session")
def archive():
    """A Model Archive whose requirement is a wheel that it contains."""
    module = FOLDER / "echo"
    shutil.copytree(ROOT / "tests/ray/module", module)
    (module / "requirements.txt").write_text("fox==1.0\n")
    write_wheel(FOLDER / "links")
    path = FOLDER / "echo.tar.gz"
    command = [EXECUTABLE, "package", "-m", str(module), "--bundle-wheels", "-o", str(path)]
    links = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(FOLDER / "links")}
    done = subprocess.run(command, env={**os.environ, **links}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(path)


def write_wheel(folder):
    folder.mkdir()
    info = "fox-1.0.dist-info"
    files = {
        "fox.py": "V = 'fox'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: fox\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(text)}\n")
    with zipfile.ZipFile(folder / "fox-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": "".join(lines) + f"{info}/RECORD,,\n"}.items():
            wheel.writestr(path, text)


def pytest_unconfigure():
    """Leave nothing behind, also if a test has failed."""
    for pid in processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    shutil.rmtree(FOLDER, ignore_errors=True)
