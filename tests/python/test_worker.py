"""A real worker process with this test as its supervisor, on a real Unix socket."""

import contextlib
import os
import pathlib
import platform
import signal
import socket
import subprocess
import sys
import time

import pytest
from supervisor import PACKAGE, Supervisor

from aimodellib._bridge import frames

ECHO = """
import os, subprocess, sys
def load(model_dir): return model_dir
def deserialize(data, content_type): return data
def predict(data, model):
    if data == b"die": os._exit(7)
    if data == b"child": return str(subprocess.Popen(["sleep", "300"]).pid).encode()
    return data
def serialize(data, accepted): return data, "text/plain"
"""


@pytest.fixture
def supervisor(tmp_path):
    with Supervisor(tmp_path) as made:
        yield made


def is_gone(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state in "ZX"


def until_gone(pid, seconds):
    deadline = time.monotonic() + seconds
    while not is_gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


def test_a_worker_sends_hello_serves_and_stops_when_asked(supervisor):
    kind, request_id, hello, body = supervisor.receive()
    assert (kind, request_id, body) == (frames.HELLO, 0, b"")
    assert (hello["protocol"], hello["pid"]) == (4, supervisor.process.pid)
    supervisor.start(ECHO)
    assert supervisor.receive()[0] == frames.READY
    for request_id in (1, 2, 2**32 - 1):
        supervisor.send(frames.INVOKE, request_id, b"{}", b"body")
    for request_id in (1, 2, 2**32 - 1):
        assert supervisor.receive() == (
            frames.RESULT,
            request_id,
            {"content_type": "text/plain"},
            b"body",
        )
    supervisor.send(frames.STOP)
    assert supervisor.end() == (0, "")


BODIES = """
import resource
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def load(model_dir): return model_dir
def deserialize(data, content_type): return data
def predict(data, model):
    before = faults()
    for _ in range(100):
        # What a request of 1 MiB and its answer may need.
        bodies = [b"x" * 2**20 for _ in range(4)]
        del bodies
    return faults() - before
def serialize(data, accepted): return str(data).encode(), "text/plain"
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is about the allocator of glibc")
@pytest.mark.skipif(sys.implementation.name != "cpython", reason="other Pythons have their own allocators")
def test_a_worker_does_not_return_the_memory_of_each_body_to_the_system(supervisor):
    supervisor.receive()
    supervisor.start(BODIES)
    assert supervisor.receive()[0] == frames.READY
    supervisor.send(frames.INVOKE, 1, b"{}", b"body")
    # The first round uses these 1024 pages for the first time.
    assert int(supervisor.receive()[3]) < 10 * 1024


def test_a_worker_whose_supervisor_has_ended_before_it_connects_removes_their_directory(tmp_path):
    directory = tmp_path / "bridge"
    directory.mkdir()
    for name in ("ledger", "exchange"):
        (directory / name).write_bytes(bytes(64 * 1024))
    for name in ("bridge.sock", "keeper.sock"):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(directory / name))
    env = {**os.environ, "AIMODELLIB_BRIDGE": str(directory), "AIMODELLIB_STREAMS": "merged"}
    command = [sys.executable, str(PACKAGE / "aimodellib/_bridge/__main__.py")]
    ended = subprocess.run(command, env=env, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert b"lost its connection with the supervisor" in ended.stdout + ended.stderr
    assert not directory.exists()


def test_a_worker_ends_when_the_connection_is_closed(supervisor):
    supervisor.receive()
    supervisor.start(ECHO)
    supervisor.receive()
    supervisor.close()
    # It ends by itself, or its keeper kills it.
    assert supervisor.end()[0] in (0, -signal.SIGKILL)


@pytest.mark.parametrize(
    ("source", "expected", "raised"),
    [
        (
            "1/0",
            {
                "stage": "import",
                "type": "ZeroDivisionError",
                "message": "division by zero",
            },
            "ZeroDivisionError",
        ),
        ("def (", {"stage": "import", "type": "SyntaxError"}, "SyntaxError"),
        ("def load(d): ...", {"stage": "check", "type": "ScriptError"}, ""),
        (
            ECHO.replace("return model_dir", "raise OSError('no weights')"),
            {"stage": "load", "type": "OSError", "message": "no weights"},
            "OSError: no weights",
        ),
    ],
)
def test_a_worker_reports_the_reason_if_it_can_not_serve(supervisor, source, expected, raised):
    supervisor.receive()
    supervisor.start(source)
    kind, _, metadata, body = supervisor.receive()
    assert kind == frames.FAILED
    assert {**metadata, **expected} == metadata
    assert supervisor.end() == (1, "")
    # The body is the traceback, for the log.
    assert body.decode().split("\n")[-1].startswith(raised)
    assert (body == b"") == (raised == "")


def test_training_reports_its_beginning_and_its_end(supervisor):
    supervisor.receive()
    supervisor.start(
        "def train(model_dir, *args, **kw): print('trained', *args)",
        "train",
        args=["-h", "--", "x"],
    )
    assert [supervisor.receive()[0] for _ in range(2)] == [frames.READY, frames.DONE]
    assert supervisor.end() == (0, "trained -h -- x\n")


def test_training_that_raises_reports_its_traceback(supervisor):
    supervisor.receive()
    supervisor.start("def train(model_dir): raise ValueError('bad')", "train")
    assert supervisor.receive()[0] == frames.READY
    kind, _, metadata, _ = supervisor.receive()
    assert (kind, metadata["stage"], metadata["type"]) == (
        frames.FAILED,
        "train",
        "ValueError",
    )
    code, output = supervisor.end()
    assert code == 1
    assert output.startswith("Traceback (most recent call last):\n") and output.endswith("ValueError: bad\n")


def test_another_version_of_the_protocol_is_refused(supervisor):
    supervisor.receive()
    supervisor.start(ECHO, protocol=5)
    code, output = supervisor.end()
    assert code == 1
    assert "The supervisor speaks protocol version 5, this worker 4" in output


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (frames.encode(frames.STOP, 0), "Expected one START frame"),
        (frames.encode(frames.START, 0, b'{"protocol":4}', 2) + b"{}", "START lacks"),
        (frames.HEADER.pack(0, 0, 77, 0, 0), "unknown kind 77"),
        (b"\xff" * 200, "unknown kind 255"),
    ],
)
def test_an_invalid_start_ends_a_worker(supervisor, data, message):
    supervisor.receive()
    supervisor.socket.sendall(data)
    code, output = supervisor.end()
    assert code == 1
    assert message in output


def test_a_damaged_stream_ends_a_worker_without_a_hang(supervisor):
    supervisor.receive()
    supervisor.start(ECHO)
    supervisor.receive()
    supervisor.send(frames.INVOKE, 1, b"{}", b"good")
    assert supervisor.receive()[3] == b"good"
    supervisor.send(frames.INVOKE, 2, b"{not json", b"body")
    code, output = supervisor.end()
    assert code == 1
    assert "does not parse as JSON" in output


def test_the_ledger_of_a_dead_worker_contains_the_requests_that_it_had_begun(supervisor, tmp_path):
    ledger = (tmp_path / "bridge/ledger").open("rb")
    supervisor.receive()
    supervisor.start(ECHO)
    supervisor.receive()
    with contextlib.suppress(OSError):
        supervisor.send(frames.INVOKE, 41, b"{}", b"x")
        supervisor.receive()
        supervisor.send(frames.INVOKE, 42, b"{}", b"die")
    assert supervisor.end()[0] == 7
    with ledger:
        assert int.from_bytes(ledger.read(4), "little") == 42


@pytest.mark.parametrize("killed", [True, False])
def test_children_of_a_script_end_with_the_connection(supervisor, killed):
    supervisor.receive()
    supervisor.start(ECHO)
    supervisor.receive()
    supervisor.send(frames.INVOKE, 1, b"{}", b"child")
    child = int(supervisor.receive()[3])
    assert not is_gone(child)
    if killed:
        supervisor.process.kill()
        supervisor.process.wait(timeout=20)
    supervisor.close()
    until_gone(child, 10)


def test_a_dead_worker_does_not_keep_its_connection_open(supervisor):
    supervisor.receive()
    supervisor.start(ECHO)
    supervisor.receive()
    supervisor.process.kill()
    supervisor.process.wait(timeout=20)
    supervisor.socket.settimeout(5)
    while supervisor.socket.recv(65536):
        pass
    with pytest.raises(BrokenPipeError):
        supervisor.socket.sendall(b"nobody reads this")


def group_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[2])


def test_the_id_of_a_dead_workers_group_stays_reserved_until_its_keeper_has_ended(supervisor):
    supervisor.receive()
    supervisor.start(ECHO)
    supervisor.receive()
    worker = supervisor.process.pid
    supervisor.process.kill()
    supervisor.process.wait(timeout=20)
    assert not pathlib.Path(f"/proc/{worker}").exists()

    def members():
        with_stat = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        found = []
        for pid in with_stat:
            with contextlib.suppress(OSError):
                if group_of(pid) == worker:
                    found.append(pid)
        return found

    assert members(), "so no other process can get the number"
    supervisor.close()
    deadline = time.monotonic() + 10
    while members():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_task_that_is_cancelled_before_it_starts_is_answered(supervisor):
    supervisor.receive()
    supervisor.start(ECHO.replace("def predict", "async def predict"), concurrency=4)
    assert supervisor.receive()[0] == frames.READY
    # With one write: the worker reads both at once.
    supervisor.socket.sendall(
        frames.encode(frames.INVOKE, 1, b"{}")
        + frames.encode(frames.CANCEL, 1)
        + frames.encode(frames.INVOKE, 2, b"{}")
        + frames.encode(frames.STOP, 0)
    )
    answers = sorted((supervisor.receive() for _ in range(2)), key=lambda frame: frame[1])
    assert [(kind, request_id) for kind, request_id, *_ in answers] == [
        (frames.ERROR, 1),
        (frames.RESULT, 2),
    ]
    assert answers[0][2]["reason"] == "cancelled"
    assert supervisor.end()[0] == 0


BLOCKS = """
import asyncio, os, time
def load(model_dir): return model_dir
def deserialize(data, content_type): return data
async def predict(data, model):
    for _ in range(5):
        await asyncio.sleep(0)
        yield b"quick"
    if data == b"blocks":
        yield b"wait"
        deadline = time.monotonic() + 10
        while not os.path.exists(f"{model}/received") and time.monotonic() < deadline: time.sleep(0.001)
        yield str(os.path.exists(f"{model}/received")).encode()
def serialize(data, accepted): return data, "text/plain"
"""


def test_a_part_does_not_wait_for_a_generator_that_blocks_the_event_loop(supervisor):
    supervisor.receive()
    supervisor.start(BLOCKS, concurrency=4)
    assert supervisor.receive()[0] == frames.READY
    # With one write: the worker executes both at once.
    supervisor.socket.sendall(
        frames.encode(frames.INVOKE, 1, b"{}", 6) + b"blocks" + frames.encode(frames.INVOKE, 2, b"{}")
    )
    received = {1: [], 2: []}
    ended = 0
    while ended < 2:
        kind, request_id, _, body = supervisor.receive()
        ended += kind == frames.RESULT
        received[request_id] += [body] if kind == frames.PART else []
        if body == b"wait":
            (supervisor.folder / "received").touch()
    assert received == {1: [b"quick"] * 5 + [b"wait", b"True"], 2: [b"quick"] * 5}
    supervisor.send(frames.STOP)
    assert supervisor.end()[0] == 0


WAITS = """
import pathlib, time
def load(model_dir): return pathlib.Path(model_dir)
def deserialize(data, content_type): return data
def predict(data, model, logger):
    request = logger.request
    (model / request.id).touch()
    if data == b"wait":
        deadline = time.monotonic() + 10
        while not request.cancelled and time.monotonic() < deadline: time.sleep(0.001)
    return f"{request.id} {request.cancelled}".encode()
def serialize(data, accepted): return data, "text/plain"
"""


def until_begun(supervisor, request):
    deadline = time.monotonic() + 10
    while not (supervisor.folder / request).exists():
        assert time.monotonic() < deadline, f"{request} has not begun"
        time.sleep(0.001)


def test_a_request_sees_only_its_own_cancel(supervisor):
    supervisor.receive()
    supervisor.start(WAITS)
    assert supervisor.receive()[0] == frames.READY
    supervisor.send(frames.INVOKE, 1, b'{}\n{"id":"first"}', b"wait")
    supervisor.send(frames.INVOKE, 2, b'{}\n{"id":"second"}', b"")
    until_begun(supervisor, "first")
    supervisor.send(frames.CANCEL, 9)
    supervisor.send(frames.CANCEL, 1)
    assert supervisor.receive() == (frames.RESULT, 1, {"content_type": "text/plain"}, b"first True")
    assert supervisor.receive() == (frames.RESULT, 2, {"content_type": "text/plain"}, b"second False")
    # The cancellation of an answered request does not affect a later one with the same id.
    supervisor.send(frames.CANCEL, 2)
    supervisor.send(frames.STATS)
    supervisor.send(frames.INVOKE, 3, b'{}\n{"id":"third"}', b"")
    assert supervisor.receive()[3] == b"third False"
    supervisor.send(frames.INVOKE, 2, b'{}\n{"id":"second"}', b"")
    assert supervisor.receive()[3] == b"second False"
    supervisor.send(frames.STOP)
    assert supervisor.end()[0] == 0


def test_the_set_of_disconnected_clients_does_not_grow(supervisor):
    supervisor.receive()
    supervisor.start(
        ECHO
        + """
import gc
from aimodellib._bridge.parts import Sender
def predict(data, model):
    if data == b"parts": return iter_parts()
    return str(sum(len(made.gone) for made in gc.get_objects() if isinstance(made, Sender))).encode()
def iter_parts():
    yield b"part"
"""
    )
    assert supervisor.receive()[0] == frames.READY
    for request_id in range(1, 50, 2):
        # The client of an answered request disconnects, both while a streamed answer reads frames and between requests.
        supervisor.send(frames.INVOKE, request_id, b"{}", b"parts")
        assert [supervisor.receive()[0] for _ in range(2)] == [frames.PART, frames.RESULT]
        supervisor.send(frames.CANCEL, request_id)
        supervisor.send(frames.INVOKE, request_id + 1, b"{}", b"")
        assert supervisor.receive()[3] == b"0"
    supervisor.send(frames.STOP)
    assert supervisor.end()[0] == 0


def test_an_answer_may_not_be_longer_than_max_answer_whatever_max_body_is(supervisor):
    supervisor.receive()
    supervisor.start(ECHO, max_body=3000, max_answer=1000)
    assert supervisor.receive()[0] == frames.READY
    supervisor.send(frames.INVOKE, 1, b"{}", b"x" * 1000)
    assert supervisor.receive()[0] == frames.RESULT
    supervisor.send(frames.INVOKE, 2, b"{}", b"x" * 1001)
    kind, _, metadata, _ = supervisor.receive()
    assert (kind, metadata["reason"]) == (frames.ERROR, "too_large")
    supervisor.send(frames.STOP)
    assert supervisor.end()[0] == 0


def test_a_request_that_was_cancelled_before_it_began_is_not_executed(supervisor):
    supervisor.receive()
    supervisor.start(WAITS)
    assert supervisor.receive()[0] == frames.READY
    supervisor.send(frames.INVOKE, 1, b'{}\n{"id":"first"}', b"wait")
    supervisor.send(frames.INVOKE, 2, b'{}\n{"id":"second"}', b"")
    supervisor.send(frames.INVOKE, 3, b'{}\n{"id":"third"}', b"")
    until_begun(supervisor, "first")
    supervisor.send(frames.CANCEL, 2)
    supervisor.send(frames.CANCEL, 1)
    assert supervisor.receive()[3] == b"first True"
    kind, request_id, error, _ = supervisor.receive()
    assert (kind, request_id, error["reason"]) == (frames.ERROR, 2, "cancelled")
    assert supervisor.receive()[3] == b"third False"
    assert not (supervisor.folder / "second").exists()


def test_a_request_that_waits_is_cancelled_when_the_supervisor_is_gone(supervisor):
    supervisor.receive()
    supervisor.start(WAITS)
    assert supervisor.receive()[0] == frames.READY
    supervisor.send(frames.INVOKE, 1, b'{}\n{"id":"first"}', b"wait")
    until_begun(supervisor, "first")
    began = time.monotonic()
    supervisor.socket.shutdown(socket.SHUT_RDWR)
    supervisor.end()
    assert time.monotonic() - began < 5
