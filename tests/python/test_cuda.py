"""A worker whose CUDA has failed for good says so with the answer to the request, and executes nothing more."""

import ctypes
import pathlib
import sys

import pytest

from supervisor import Supervisor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import cuda, frames

ILLEGAL, INVALID_CONTEXT, NOT_READY, OUT_OF_MEMORY, ASSERT = 700, 201, 600, 2, 710


class Driver:
    """A fake libcuda.so.1. ``results`` maps the name of a function that fails to its result."""

    def __init__(self, active=(1,), **results):
        self.active, self.results, self.calls = active, results, []

    def __getattr__(self, name):
        if not name.startswith("cu"):
            raise AttributeError(name)

        def function(*arguments):
            self.calls.append(name)
            if name == "cuDeviceGetCount":
                arguments[0]._obj.value = len(self.active)
            elif name == "cuDeviceGet":
                arguments[0]._obj.value = arguments[1].value
            elif name == "cuDevicePrimaryCtxGetState":
                arguments[2]._obj.value = self.active[arguments[0].value]
            elif name == "cuGetErrorString":
                arguments[1]._obj.value = {ILLEGAL: b"an illegal memory access was encountered"}.get(arguments[0].value)
            return self.results.get(name, 0)

        return function


@pytest.fixture
def load(monkeypatch):
    """Have the process load a driver."""
    monkeypatch.setattr(cuda, "watch", cuda._Watch())
    monkeypatch.setattr(cuda, "DEVICES", ["/"])

    def load(driver):
        monkeypatch.setattr(ctypes, "CDLL", lambda name, mode: driver)
        return driver

    return load


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        (Driver(), None),
        (Driver(cuStreamQuery=NOT_READY), None),
        (Driver(cuStreamQuery=INVALID_CONTEXT), None),
        (Driver(cuDevicePrimaryCtxRetain=OUT_OF_MEMORY), None),
        (Driver(active=(), cuStreamQuery=ILLEGAL), None),
        (Driver(active=(0, 0), cuStreamQuery=ILLEGAL), None),
        (Driver(cuStreamQuery=ILLEGAL), "an illegal memory access was encountered"),
        (Driver(cuCtxPushCurrent_v2=ILLEGAL), "an illegal memory access was encountered"),
        (Driver(cuDevicePrimaryCtxRetain=ILLEGAL), "an illegal memory access was encountered"),
        (Driver(cuDevicePrimaryCtxGetState=ASSERT), "CUDA error 710"),
        (Driver(active=(0, 1), cuStreamQuery=ASSERT), "CUDA error 710"),
    ],
)
def test_the_driver_tells_whether_cuda_works(load, driver, expected):
    load(driver)
    assert cuda.broken() == expected
    for pair in (("Retain", "Release_v2"), ("PushCurrent_v2", "PopCurrent_v2")):
        begun, ended = ([call for call in driver.calls if call.endswith(name)] for name in pair)
        failed = any(name.endswith(pair[0]) for name in driver.results)
        assert failed or len(begun) == len(ended), "what is taken is given back"


def test_it_is_asked_no_more_once_it_has_failed(load):
    driver = load(Driver(cuStreamQuery=ASSERT))
    told = []
    cuda.watch.on_broken = lambda: told.append(1)
    assert cuda.broken() == cuda.broken() == "CUDA error 710"
    assert told == [1]
    assert driver.calls.count("cuStreamQuery") == 1


def test_a_process_without_cuda_is_never_broken(monkeypatch):
    monkeypatch.setattr(cuda, "watch", cuda._Watch())
    monkeypatch.setattr(cuda, "DEVICES", ["/"])
    maps = pathlib.Path("/proc/self/maps")
    if "libcuda.so" not in maps.read_text():
        assert cuda.broken() is None
        assert "libcuda.so" not in maps.read_text(), "asking does not load it"

    class Odd(Driver):
        def __getattr__(self, name):
            raise AttributeError(name)

    monkeypatch.setattr(ctypes, "CDLL", lambda name, mode: Odd())
    assert cuda.broken() is None


def test_a_machine_without_devices_is_not_searched_for_a_driver(load, monkeypatch):
    driver = load(Driver(cuStreamQuery=ILLEGAL))
    monkeypatch.setattr(cuda, "DEVICES", ["/no/such/device"])
    assert cuda.broken() is None
    assert driver.calls == []


SCRIPT = """
from aimodellib._bridge import cuda

class Driver:
    def broken(self):
        return "an odd kernel"

def load(model_dir): pass
def deserialize(data, content_type): return data
def serialize(data, accepted): return data, "text/plain"
{predict}
def execute(data):
    if data == b"break":
        cuda._Driver, cuda.watch.has_devices = Driver, True
    if data == b"break" or cuda.watch.reason:
        raise RuntimeError("CUDA error")
    if data == b"bad":
        raise ValueError("bad")
    return data
"""
WAYS = {
    "serial": ("def predict(data, model): return execute(data)", {}),
    "threads": ("def predict(data, model): return execute(data)", {"threads": 2}),
    "tasks": ("async def predict(data, model): return execute(data)", {"concurrency": 1000}),
    "batches": (
        "def predict(data, model): return execute(data)\n"
        "def predict_batch(data, model): return [execute(each) for each in data]",
        {"max_batch_size": 2},
    ),
    "parts": ("def predict(data, model):\n    yield execute(data)", {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_says_that_it_is_broken_and_hands_back_what_it_has_not_begun(tmp_path, way):
    predict, config = WAYS[way]
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(SCRIPT.format(predict=predict), **config)
        assert worker.receive()[0] == frames.READY

        def ask(first, *bodies):
            ids = range(first, first + len(bodies))
            sent = b"".join(frames.encode(frames.INVOKE, i, b"{}", len(body)) + body for i, body in zip(ids, bodies))
            worker.socket.sendall(sent)
            found = {}
            while len(found) < len(bodies):
                kind, number, metadata, _ = worker.receive()
                if kind != frames.PART:
                    found[number] = (kind, metadata.get("reason"), metadata.get("broken"))
            return [found[number] for number in ids]

        assert ask(1, b"good", b"bad") == [(frames.RESULT, None, None), (frames.ERROR, "exception", None)]
        why = "CUDA does not work in its process any more: an odd kernel"
        # Each says why: a slow generator may delay the answer to the request that broke CUDA.
        recalled = (frames.ERROR, "recalled", why)
        # The others of its batch fail with it, and threads and tasks may have begun several.
        more = [b"good"] * 3 if way in ("serial", "parts") else []
        broken, *others = ask(3, b"break", *more)
        assert broken == (frames.ERROR, "exception", why)
        assert others == [recalled] * len(more)
        assert ask(10, *[b"good"] * 5) == [recalled] * 5
        worker.send(frames.STOP)
        assert worker.end()[0] == 0
