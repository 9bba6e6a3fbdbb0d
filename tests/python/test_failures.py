"""Reporting an error never raises, and no request stays unanswered, whatever a script raises, in every loop."""

import json
import pathlib
import sys

import pytest
from supervisor import Supervisor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import failures, frames
from aimodellib._bridge.failures import message_of, traceback_of, type_name

#: Creates exceptions that misbehave when they are inspected, by name. The worker's script and this test use it.
ERRORS = '''
import asyncio
def raising(kind):
    def function(self, *args): raise kind("while it is reported")
    return function

def notes(value):
    error = ValueError("noted")
    error.__notes__ = value
    return error

def cycle():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__, second.__context__ = second, first, first
    return first

def chain(length):
    error = None
    for number in range(length):
        last, error = error, ValueError(number)
        error.__cause__ = last
    return error

def syntax(**attributes):
    error = SyntaxError("odd", ("file", 1, 2, "text"))
    for name, value in attributes.items(): setattr(error, name, value)
    return error

class Meta(type):
    __name__ = property(raising(RuntimeError))
    __getattribute__ = raising(RuntimeError)
    def __instancecheck__(cls, other): raise RuntimeError
    def __subclasscheck__(cls, other): raise RuntimeError

class Text(str):
    __getitem__ = __len__ = __iter__ = __add__ = encode = splitlines = raising(RuntimeError)

def like(**members): return type("Odd", (Exception,), members)("odd")

MAKERS = {
    "str": lambda: like(__str__=raising(KeyError)),
    "str exits": lambda: like(__str__=raising(SystemExit)),
    "str interrupts": lambda: like(__str__=raising(KeyboardInterrupt)),
    "str is none": lambda: like(__str__=lambda self: None),
    "str is a subclass": lambda: like(__str__=lambda self: Text("odd")),
    "repr": lambda: like(__repr__=raising(KeyError), __str__=raising(KeyError)),
    "args": lambda: ValueError(like(__repr__=raising(KeyError), __str__=raising(KeyError))),
    "attributes": lambda: like(__getattribute__=raising(RuntimeError)),
    "attributes exit": lambda: like(__getattribute__=raising(SystemExit)),
    "class": lambda: like(__class__=property(raising(RuntimeError))),
    "class lies": lambda: like(__class__=property(lambda self: int)),
    "metaclass": lambda: Meta("Odd", (Exception,), {})("odd"),
    "name is long": lambda: type("N" * 100_000, (Exception,), {})("odd"),
    "bool": lambda: like(__bool__=raising(RuntimeError), __eq__=raising(RuntimeError), __hash__=None),
    "notes are no list": lambda: notes(7),
    "notes raise": lambda: like(__notes__=property(raising(RuntimeError))),
    "notes exit": lambda: like(__notes__=property(raising(SystemExit))),
    "notes have no text": lambda: notes([like(__str__=raising(KeyError)), Text("odd")]),
    "traceback raises": lambda: like(__traceback__=property(raising(RuntimeError))),
    "cause raises": lambda: like(__cause__=property(raising(RuntimeError))),
    "cycle": cycle,
    "long chain": lambda: chain(3_000),
    "syntax line": lambda: syntax(lineno="many"),
    "syntax text": lambda: syntax(text=7, offset=None),
    "syntax offset": lambda: syntax(offset=10**30, end_offset=-1),
    "syntax file": lambda: syntax(filename=object()),
    "syntax nothing": lambda: syntax(lineno=None, offset=None, text=None, filename=None, msg=None),
    "long": lambda: ValueError("x" * 1_000_000),
    "surrogates": lambda: ValueError("\\ud800 \\0 \\x1b[31m \\u2028"),
    "stop iteration": lambda: StopIteration("odd"),
    "stop async iteration": lambda: StopAsyncIteration("odd"),
    "generator exit": lambda: GeneratorExit("odd"),
    "exit": lambda: SystemExit(like(__str__=raising(KeyError))),
    "interrupt": lambda: KeyboardInterrupt(),
    "cancelled": lambda: asyncio.CancelledError(),
    "memory": lambda: MemoryError(),
    "unicode": lambda: UnicodeDecodeError("odd", b"x", 10**9, -5, "odd"),
    "os": lambda: OSError(10**30, "odd", object()),
    "group": lambda: BaseExceptionGroup("odd", [SystemExit(1), like(__str__=raising(KeyError))]),
    "del": lambda: like(__del__=raising(RuntimeError)),
}
import sys
if sys.version_info < (3, 11): del MAKERS["group"]
'''
exec(ERRORS)
NAMES = sorted(MAKERS)  # noqa: F821 - made by exec


def raise_it(error):
    raise error


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", NAMES)
def test_describing_an_error_never_raises(name):
    error = MAKERS[name]()  # noqa: F821 - made by exec
    try:
        raise_it(error)
    except BaseException:
        text = traceback_of(error)
    assert type(text) is type(message_of(error)) is type(type_name(error)) is str
    assert text.endswith("\n") and "Traceback" in text
    assert len(text) < failures.MAX_TEXT + 100
    assert len(type_name(error)) <= 256


def test_a_traceback_starts_at_the_script_and_includes_the_causes():
    try:
        try:
            raise_it(KeyError("first"))
        except KeyError as error:
            raise ValueError("second") from error
    except ValueError as error:
        text = traceback_of(error)
    assert "KeyError: 'first'" in text and text.endswith("ValueError: second\n") and "raise_it(KeyError" in text


def test_both_ends_of_a_long_text_are_kept():
    text = message_of(ValueError("a" * 100_000 + "z" * 100_000))
    assert text.startswith("a" * 1000) and text.endswith("z" * 1000) and "characters are left out" in text


def test_a_message_whose_str_raises_is_shown_as_python_shows_it():
    assert message_of(MAKERS["str"]()) == "<exception str() failed>"  # noqa: F821 - made by exec


SCRIPT = (
    ERRORS
    + """
import json, sys
def load(model_dir): return None
def fail(stage, data):
    if data[0] == stage: raise MAKERS[data[1]]()
def deserialize(data, content_type):
    data = json.loads(data)
    fail("deserialize", data)
    return data
PREDICT
def serialize(data, accepted):
    fail("serialize", data)
    return json.dumps(data).encode(), "application/json"
"""
)
PREDICT = """
def predict(data, model):
    fail("predict", data)
    return data
"""
BATCH = PREDICT + "\ndef predict_batch(data, model): return [predict(item, model) for item in data]\n"
PARTS = PREDICT.replace("return", "yield")
LOOPS = {
    "serial": (PREDICT, {}),
    "threads": (PREDICT, {"threads": 4}),
    "async": ("async " + PREDICT.strip(), {"concurrency": 8}),
    "batches": (BATCH, {"max_batch_size": 8, "batch_timeout": 0.02}),
    "parts": (PARTS, {}),
    "parts in threads": (PARTS, {"threads": 4}),
    "async parts": ("async " + PARTS.strip(), {"concurrency": 8}),
}


def serving(folder, loop, script=SCRIPT):
    predict, config = LOOPS[loop]
    worker = Supervisor(folder)
    worker.receive()
    worker.start(script.replace("PREDICT", predict), max_body=1 << 20, **config)
    assert worker.receive()[0] == frames.READY
    return worker


def answers(worker, requests):
    """Send requests together; return kind, metadata and traceback of the last frame for each, in their order."""
    worker.socket.sendall(
        b"".join(
            frames.encode(frames.INVOKE, number, b"{}", len(body)) + body for number, body in enumerate(requests, 1)
        )
    )
    found = {}
    while len(found) < len(requests):
        kind, request_id, metadata, body = worker.receive()
        if kind != frames.PART:
            found[request_id] = (kind, metadata, body.decode() if kind == frames.ERROR else "")
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("loop", LOOPS)
def test_any_exception_of_a_script_is_answered_with_its_stage_and_the_worker_keeps_running(loop, tmp_path):
    requests = [(stage, name) for stage in ("deserialize", "predict", "serialize") for name in NAMES]
    if "batches" in loop:
        # One by one, if each must be a batch of its own.
        requests = [request for request in requests if request[1] != "long chain"]
    with serving(tmp_path, loop) as worker:
        # Fewer than the limit of requests in flight.
        for start in range(0, len(requests), 8):
            some = requests[start : start + 8]
            found = answers(worker, [json.dumps(request).encode() for request in some])
            for (stage, name), (kind, metadata, traceback) in zip(some, found):
                assert (kind, metadata["reason"]) == (frames.ERROR, "exception"), (stage, name)
                # An exception of a generator is wrapped by Python; that of a batch of one is that of predict_batch.
                assert metadata["stage"] in (stage, f"{stage}_batch"), (stage, name)
                assert len(metadata["message"]) <= 4096
                assert "Traceback (most recent call last)" in traceback
            assert [kind for kind, *_ in answers(worker, [b'["well"]'] * 3)] == [frames.RESULT] * 3
        worker.send(frames.STOP)
        assert worker.end()[0] == 0


STREAMS = {
    "write raises": "sys.stderr = type('Odd', (), {'write': raising(RuntimeError), 'flush': raising(SystemExit)})()",
    "none": "sys.stderr = sys.stdout = None",
    "closed": "sys.stderr.close(); sys.stdout.close()",
    "detached": "sys.stderr.detach(); sys.stdout.detach()",
    "no attributes": "sys.stderr = sys.stdout = object()",
    "kept": "import io; sys.stderr = sys.stdout = io.StringIO()",
}


@pytest.mark.parametrize(
    ("loop", "how"),
    [*(("serial", how) for how in STREAMS), *((loop, "write raises") for loop in ("threads", "async", "batches"))],
)
def test_a_script_may_replace_or_close_its_streams(loop, how, tmp_path):
    with serving(tmp_path, loop, SCRIPT + STREAMS[how]) as worker:
        found = answers(worker, [b'["predict", "str"]'] * 4)
        for kind, metadata, traceback in found:
            assert (kind, metadata["message"]) == (frames.ERROR, "<exception str() failed>")
            assert "Traceback (most recent call last)" in traceback and "Odd: <" in traceback
        assert answers(worker, [b'["well"]'])[0][0] == frames.RESULT
        worker.send(frames.STOP)
        code, output = worker.end()
    assert code == 0
    if loop == "batches":
        assert "predict_batch() raised Odd for 4 inputs: each is predicted alone" in output


CANCELS = SCRIPT + "import asyncio\n"
ASYNC = {
    "leaks a cancellation": ("    raise asyncio.CancelledError", frames.ERROR),
    "cancels itself": ("    asyncio.current_task().cancel()\n    await asyncio.sleep(5)", frames.ERROR),
    "cancels itself and returns": ("    asyncio.current_task().cancel()\n    return data", frames.RESULT),
    "cancels all": ("    for task in asyncio.all_tasks(): task.cancel()\n    await asyncio.sleep(5)", frames.ERROR),
    "exits in a task": ("    await asyncio.ensure_future(exits())", frames.ERROR),
    "interrupts in a task": ("    await asyncio.ensure_future(interrupts())", frames.ERROR),
    "exits in a callback": (
        "    asyncio.get_running_loop().call_soon(sys.exit)\n    await asyncio.sleep(0.01)\n    return data",
        frames.RESULT,
    ),
    "stops the loop": (
        "    asyncio.get_running_loop().stop()\n    await asyncio.sleep(0.01)\n    return data",
        frames.RESULT,
    ),
}


@pytest.mark.parametrize("how", ASYNC)
def test_a_coroutine_is_answered_even_if_it_cancels_tasks_or_stops_the_loop(how, tmp_path):
    body, expected = ASYNC[how]
    predict = f"async def predict(data, model):\n{body}\nasync def exits(): sys.exit(3)\n"
    predict += "async def interrupts(): raise KeyboardInterrupt\n"
    worker = Supervisor(tmp_path)
    with worker:
        worker.receive()
        worker.start(CANCELS.replace("PREDICT", predict), max_body=1000, concurrency=8)
        assert worker.receive()[0] == frames.READY
        for _ in range(2):
            found = answers(worker, [b'["well"]'] * 5)
            if how == "cancels all":
                # A request that was cancelled before it began is answered as well.
                assert all(kind == frames.ERROR and metadata["type"] == "CancelledError" for kind, metadata, _ in found)
            assert [kind for kind, *_ in found] == [expected] * 5
            assert not any(metadata.get("reason") == "cancelled" for _, metadata, _ in found)
        worker.send(frames.STOP)
        assert worker.end()[0] == 0


#: Some of these are reported in another way.
SOME = ["str", "str exits", "metaclass", "name is long", "notes raise", "syntax line", "long", "cancelled"]


@pytest.mark.parametrize("name", [*SOME, "end of tasks"])
def test_a_training_that_raises_an_exception_reports_it(name, tmp_path):
    train = f"def train(model_dir): raise MAKERS[{name!r}]()"
    if name == "end of tasks":
        train = """
async def train(model_dir):
    asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    raise ValueError("odd")
async def stubborn():
    try: await asyncio.sleep(60)
    finally: sys.exit(0)
"""
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(ERRORS + train, "train")
        assert worker.receive()[0] == frames.READY
        kind, _, metadata, _ = worker.receive()
        assert (kind, metadata["stage"]) == (frames.FAILED, "train")
        code, output = worker.end()
        assert code == 1
        assert "Traceback (most recent call last)" in output


@pytest.mark.parametrize("name", [*SOME, "exit", "interrupt"])
def test_a_model_that_can_not_be_loaded_reports_the_reason(name, tmp_path):
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(
            SCRIPT.replace("PREDICT", PREDICT).replace("def load(model_dir): ", f"def load(_): raise MAKERS[{name!r}]()#")
        )
        kind, _, metadata, traceback = worker.receive()
        assert (kind, metadata["stage"]) == (frames.FAILED, "load")
        assert b"Traceback (most recent call last)" in traceback
        assert worker.end()[0] == 1
