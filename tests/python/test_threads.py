"""Threads of a worker: with predict_batch, with coroutines, and in a script that has replaced Python's threads."""

import importlib.util

import pytest
from supervisor import Supervisor

from aimodellib._bridge import frames

SCRIPT = """
import threading
PATCH
def load(model_dir): return threading.get_ident()
def deserialize(data, content_type): return data
def predict(data, model): return data
def serialize(data, accepted): return data, "x/y"
"""

#: Replaces threads as gevent and eventlet do: each runs in the thread that starts it.
GREEN = """
threading.Thread.start = lambda self: (self._started.set(), self.run())
threading.Thread.join = lambda self, timeout=None: None
"""
GEVENT = "import gevent.monkey; gevent.monkey.patch_all()"
PATCHES = {
    "threads": (GREEN, "The script has replaced"),
    "queues": (
        "import queue; queue.SimpleQueue = type('SimpleQueue', (), {'__module__': 'gevent.queue'})",
        "The script has replaced",
    ),
    "gevent": (GEVENT, "gevent has replaced"),
    "eventlet": ("import eventlet; eventlet.monkey_patch()", "eventlet has replaced"),
}


@pytest.mark.parametrize("batches", [False, True])
@pytest.mark.parametrize("name", PATCHES)
def test_threads_are_refused_if_the_script_has_replaced_them(name, batches, tmp_path):
    patch, message = PATCHES[name]
    if name in ("gevent", "eventlet") and importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    source = SCRIPT.replace("PATCH", patch) + ("def predict_batch(data, model): return data\n" if batches else "")
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(source, threads=4, max_batch_size=8)
        kind, _, metadata, _ = worker.receive()
        assert (kind, metadata["stage"], metadata["type"]) == (frames.FAILED, "check", "ScriptError")
        assert metadata["message"].startswith(message) and "--threads 4" in metadata["message"]
        assert worker.end()[0] == 1


@pytest.mark.parametrize("patch", ["", GREEN])
def test_a_script_that_has_replaced_threads_is_accepted_without_threads(patch, tmp_path):
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(SCRIPT.replace("PATCH", patch), threads=1)
        assert worker.receive()[0] == frames.READY


BATCH = """
import threading
together = threading.Barrier(4)
def meet():
    # All four come here at the same time, or none goes on.
    together.wait(timeout=20)
def load(model_dir): return threading.get_ident()
def deserialize(data, content_type, logger):
    meet()
    if data == b"bad": raise ValueError(logger.request.id)
    return data
def predict(data, model): return data
def predict_batch(data, model):
    assert threading.get_ident() == model, "called in the thread that has called load"
    return [bytes(reversed(item)) for item in data]
def serialize(data, accepted, logger):
    if WITH_ALL: meet()
    return data + b" " + logger.request.id.encode(), "x/y"
"""


def ask(worker, bodies):
    worker.socket.sendall(
        b"".join(
            frames.encode(frames.INVOKE, number, b'{}\n{"id":"r%d"}' % number, len(body)) + body
            for number, body in enumerate(bodies, 1)
        )
    )
    found = {request_id: rest for _, request_id, *rest in (worker.receive() for _ in bodies)}
    return [found[number] for number in sorted(found)]


def test_threads_deserialize_and_serialize_around_predict_batch(tmp_path):
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(BATCH.replace("WITH_ALL", "True"), threads=4, max_batch_size=4, batch_timeout=20)
        assert worker.receive()[0] == frames.READY
        for _ in range(3):
            assert [body for _, body in ask(worker, [b"ab", b"cd", b"ef", b"gh"])] == [
                b"ba r1",
                b"dc r2",
                b"fe r3",
                b"hg r4",
            ]
        worker.send(frames.STOP)
        assert worker.end() == (0, "")


def test_with_threads_an_invalid_input_of_a_batch_fails_alone(tmp_path):
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(BATCH.replace("WITH_ALL", "False"), threads=4, max_batch_size=4, batch_timeout=20)
        assert worker.receive()[0] == frames.READY
        (_, first), (bad, _), (_, third), (_, fourth) = ask(worker, [b"ab", b"bad", b"ef", b"gh"])
        assert (first, third, fourth) == (b"ba r1", b"fe r3", b"hg r4")
        assert (bad["stage"], bad["message"]) == ("deserialize", "r2")


def test_coroutines_around_a_plain_predict_take_turns_in_threads(tmp_path):
    source = """
import asyncio
def load(model_dir): return None
async def deserialize(data, content_type):
    await asyncio.sleep(0.01)
    return data
def predict(data, model): return data
async def serialize(data, accepted):
    await asyncio.sleep(0.01)
    return data, "x/y"
"""
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(source, threads=4)
        assert worker.receive()[0] == frames.READY
        for _ in range(3):
            assert [body for _, body in ask(worker, [b"1", b"2", b"3", b"4"])] == [b"1", b"2", b"3", b"4"]
