"""Answers of any shape arrive with exactly their bytes, in every loop."""

import array
import ctypes
import itertools
import json
import mmap
import random

import pytest
from supervisor import Supervisor

from aimodellib._bridge import frames
from aimodellib._bridge.exchange import MIN_BODY, SLOT_SIZE
from aimodellib._bridge.ledger import SMALL_ANSWER
from aimodellib._bridge.payload import TooLarge, flat

LIMIT = 1 << 30

#: Creates the buffer that a request describes. The worker's script and this test use it.
MAKE = '''
import array, mmap, random
def make(kind, size, seed):
    """A buffer of at least `size` bytes, and those bytes."""
    pattern = random.Random(seed).getrandbits(8 * 997).to_bytes(997, "little")
    data = (pattern * (size // 997 + 1))[:size]
    if kind == "bytes": return data, data
    if kind == "bytearray": return bytearray(data), data
    if kind == "array": return array.array("B", data), data
    if kind == "mmap":
        mapped = mmap.mmap(-1, max(size, 1))
        mapped[:size] = data
        return (mapped, data) if size else (memoryview(mapped)[:0], b"")
    if kind.startswith("plain "):  # format and rank
        form, rank = kind.split()[1:]
        width = memoryview(b"\\0" * 16).cast(form).itemsize
        data = (data + pattern * (width * 12))[: (size // (width * 12) + 1) * width * 12]
        shape = {"1": [-1], "2": [-1, 12], "3": [2, 3, -1], "0": []}[rank]
        if rank == "0": data = data[:width]
        known = 1
        for length in shape: known *= abs(length)
        shape = [len(data) // width // known if length < 0 else length for length in shape]
        return memoryview(data).cast(form, shape) if form != "B" or rank != "1" else memoryview(data), data
    if kind.startswith("step "):
        return memoryview(data)[:: int(kind[5:])], data[:: int(kind[5:])]
    import numpy
    form, shape, order, how = kind.split()[1:]
    dtype = numpy.dtype(form) if form != "record" else numpy.dtype([("a", "<u2"), ("b", "u1", (3,))])
    known = 1
    shape = [int(length) for length in shape.split(",") if length]
    for length in shape: known *= abs(length)
    count = size // (dtype.itemsize * known) + 1 if -1 in shape else 1
    shape = [count if length == -1 else length for length in shape]
    items = count * known
    made = numpy.frombuffer((data + pattern * (dtype.itemsize * known))[: items * dtype.itemsize], dtype).reshape(shape)
    made = numpy.asarray(made, order=order)
    if how == "transposed": made = made.T
    if how == "stepped": made = made[..., ::-2]
    if how == "broadcast": made = numpy.broadcast_to(made[..., :1], made.shape)
    return (made if how != "view" else made.data), numpy.ascontiguousarray(made).tobytes()
'''
exec(MAKE)

KINDS = [
    *("bytes", "bytearray", "array", "mmap", "step 1", "step 3", "step -1"),
    *(f"plain {form} {rank}" for form in "BbHfdq?" for rank in "123"),
    *("plain f 0", "plain B 0"),
]
NUMPY_KINDS = [
    f"numpy {form} {shape} {order} {how}"
    for form, shape, order, how in itertools.product(
        ["u1", "f4", ">f8", "c8", "record"],
        ["-1", "-1,3", "2,-1,5"],
        ["C", "F"],
        ["array", "view", "transposed", "stepped", "broadcast"],
    )
] + ["numpy f4 , C array"]
SMALL_SIZES = [0, 1, 5]
EDGES = [SMALL_ANSWER, MIN_BODY]
SIZES = SMALL_SIZES + [edge + more for edge in EDGES for more in (-1, 0, 1)]
LARGE = [SLOT_SIZE - 1, SLOT_SIZE, SLOT_SIZE + 1]


def kinds():
    try:
        import numpy  # noqa: F401
    except ImportError:
        return KINDS
    return KINDS + NUMPY_KINDS


@pytest.mark.parametrize("kind", kinds())
def test_a_payload_is_flat_and_contains_all_bytes(kind):
    for size in [*SMALL_SIZES, 3000]:
        value, expected = make(kind, size, 1)  # noqa: F821 - made by exec
        found = flat(value, LIMIT)
        assert len(found) == len(expected)
        assert bytes(found) == expected
        assert isinstance(found, bytes) or (found.format, found.ndim, found.contiguous) == ("B", 1, True)


def test_a_contiguous_buffer_is_not_copied():
    for value in (bytearray(100), array.array("d", range(9)), memoryview(bytearray(48)).cast("f", [3, 4])):
        assert flat(value, LIMIT).obj is memoryview(value).obj


class Lies(bytes):
    def __len__(self):
        return 3


def test_a_wrong_len_is_ignored():
    assert bytes(flat(Lies(b"12345"), LIMIT)) == b"12345"
    assert len(flat(Lies(b"12345"), LIMIT)) == 5


@pytest.mark.parametrize("value", ["text", None, 1, [b"x"], object(), {"a": 1}, bytes])
def test_an_object_without_a_buffer_is_not_a_payload(value):
    assert flat(value, LIMIT) is None


def test_an_array_of_objects_is_not_a_payload():
    numpy = pytest.importorskip("numpy")
    assert flat(numpy.array([object()]), LIMIT) is None
    assert flat(numpy.zeros(2, [("x", "f4"), ("y", "O")]), LIMIT) is None
    assert len(flat(numpy.zeros(2, [("O", "f4")]), LIMIT)) == 8
    assert flat((ctypes.py_object * 2)(1, 2), LIMIT) is None


@pytest.mark.parametrize("value", [b"1234", bytearray(4), memoryview(bytes(8)).cast("f")[:1], mmap.mmap(-1, 4)])
def test_the_limit_counts_bytes(value):
    assert len(flat(value, 4)) == 4
    with pytest.raises(TooLarge, match="of 4 bytes is over the limit of 3"):
        flat(value, 3)


def test_a_buffer_over_the_limit_is_not_copied():
    numpy = pytest.importorskip("numpy")
    with pytest.raises(TooLarge, match="over the limit"):
        flat(numpy.broadcast_to(numpy.uint8(1), (1 << 45,)), LIMIT)


def test_a_released_view_raises():
    view = memoryview(b"x")
    view.release()
    with pytest.raises(ValueError):
        flat(view, LIMIT)


SCRIPT = (
    MAKE
    + """
import json
def load(model_dir): return None
def deserialize(data, content_type): return json.loads(data)
PREDICT
def serialize(data, accepted): return make(*data)[0], "application/octet-stream"
"""
)
PREDICT = "def predict(data, model): return data[0]"
BATCH = PREDICT + "\ndef predict_batch(data, model): return [item[0] for item in data]"
PARTS = "def predict(data, model): yield from data"
ASYNC = "async def predict(data, model): return data[0]"
ASYNC_PARTS = "async def predict(data, model):\n    for item in data: yield item"

LOOPS = {
    "serial": (PREDICT, {}),
    "threads": (PREDICT, {"threads": 4}),
    "async": (ASYNC, {"concurrency": 8}),
    "batches": (BATCH, {"max_batch_size": 8, "batch_timeout": 0.005}),
    "parts": (PARTS, {}),
    "parts in threads": (PARTS, {"threads": 4}),
    "async parts": (ASYNC_PARTS, {"concurrency": 8}),
}


def cases(sizes, seed):
    """Return different requests: kinds, sizes and seeds."""
    numbers = random.Random(seed)
    found = [(kind, size) for kind in kinds() for size in sizes]
    chosen = numbers.sample(found, min(len(found), 60))
    return [[[kind, size, number * 10 + part] for part in range(3)] for number, (kind, size) in enumerate(chosen)]


@pytest.mark.parametrize("loop", LOOPS)
def test_answers_of_any_shape_arrive_completely_in_every_loop(loop, tmp_path):
    predict, config = LOOPS[loop]
    requests = cases(SIZES, loop)
    if loop in ("serial", "threads", "parts"):
        requests += [[["plain f 2", size, size]] for size in LARGE]
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(SCRIPT.replace("PREDICT", predict), max_body=LIMIT, **config)
        assert worker.receive()[0] == frames.READY
        for start in range(0, len(requests), 8):
            waiting = dict(enumerate(requests[start : start + 8], start + 1))
            for request_id, request in waiting.items():
                worker.send(frames.INVOKE, request_id, b"{}", json.dumps(request).encode())
            parts = dict.fromkeys(waiting, 0)
            while waiting:
                kind, request_id, metadata, body = worker.receive()
                request = waiting[request_id]
                if kind == frames.PART:
                    assert body == make(*request[parts[request_id]])[1], request  # noqa: F821 - made by exec
                    parts[request_id] += 1
                    continue
                assert kind == frames.RESULT, metadata
                if "parts" in loop:
                    assert metadata["parts"] == parts[request_id] == len(request)
                else:
                    assert body == make(*request[0])[1], request  # noqa: F821 - made by exec
                del waiting[request_id]
        worker.send(frames.STOP)
        assert worker.end() == (0, "")


def test_a_reused_buffer_does_not_change_earlier_answers_of_the_batch(tmp_path):
    script = SCRIPT.replace("PREDICT", BATCH).replace("return make(*data)[0]", "BUFFER[:] = data; return BUFFER")
    script = script.replace("json.loads(data)", "[data]") + "BUFFER = bytearray(2)\n"
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(script, max_batch_size=4, batch_timeout=2)
        assert worker.receive()[0] == frames.READY
        worker.socket.sendall(
            b"".join(frames.encode(frames.INVOKE, number, b"{}", 2) + b"%02d" % number for number in range(1, 5))
        )
        assert [worker.receive()[1::2] for _ in range(4)] == [(number, b"%02d" % number) for number in range(1, 5)]
