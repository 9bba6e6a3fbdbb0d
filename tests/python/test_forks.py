"""A process that a script forks ends when it returns to the bridge, without an answer, in every loop and in training."""

import json
import os
import signal

import pytest
from supervisor import Supervisor

from aimodellib._bridge import frames

#: What a child does, and the exit status that its parent sees, as in plain Python.
ENDS = {
    "return": ("return data", 0, ""),
    "exit": ("sys.exit()", 0, ""),
    "exit with 0": ("sys.exit(0)", 0, ""),
    "exit with a code": ("sys.exit(7)", 7, ""),
    "exit with a text": ("sys.exit('the helper gave up')", 1, "the helper gave up\n"),
    "raise": ("raise ValueError('the helper failed')", 1, "ValueError: the helper failed\n"),
    "interrupt": ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt\n"),
    "cancel": ("raise asyncio.CancelledError", 1, "CancelledError\n"),
    "os exit": ("os._exit(5)", 5, ""),
}

SCRIPT = """
import asyncio, atexit, json, os, sys, threading
def load(model_dir):
    atexit.register(print, "exit handler of the worker", flush=True)
    return model_dir
def fork(stage, data):
    # The parent adds how the child ended; the child does what it is told to.
    if data["stage"] != stage: return False
    pid = os.fork()
    if pid == 0:
        atexit.register(open, os.path.join(data["folder"], f"ended-{data['number']}"), "w")
        return True
    if data["wait"]: data["ended"] = os.waitpid(pid, 0)[1]
    return False
def deserialize(data, content_type):
    data = json.loads(data)
    if fork("deserialize", data): END
    return data
PREDICT
def serialize(data, accepted):
    if fork("serialize", data): END
    return json.dumps(data).encode(), "application/json"
"""
PREDICT = """
def predict(data, model):
    if fork("predict", data): END
    return data
"""
BATCH = (
    PREDICT
    + """
def predict_batch(data, model):
    for item in data:
        if fork("predict", item): END
    return data
"""
)
PARTS = """
def predict(data, model):
    yield {**data, "stage": ""}
    if fork("predict", data): END
    yield data
"""
LOOPS = {
    "serial": (PREDICT, {}),
    "threads": (PREDICT, {"threads": 4}),
    "async": ("async " + PREDICT.strip(), {"concurrency": 8}),
    "batches": (BATCH, {"max_batch_size": 8, "batch_timeout": 0.02}),
    "batches of one": (BATCH, {"max_batch_size": 2}),
    "parts": (PARTS, {}),
    "parts in threads": (PARTS, {"threads": 4}),
    "async parts": ("async " + PARTS.strip(), {"concurrency": 8}),
    "coroutines": (PREDICT.replace("def", "async def"), {"concurrency": 1}),
}


def serving(folder, loop, end):
    predict, config = LOOPS[loop]
    source = SCRIPT.replace("PREDICT", predict)
    if "parts" in loop:
        # An async generator can't return a value.
        end = end.replace("return data", "return")
        source = source.replace('if fork("deserialize", data): END', 'if fork("deserialize", data): return data')
        source = source.replace('if fork("serialize", data): END', 'if fork("serialize", data): return b"", "x/y"')
    worker = Supervisor(folder)
    worker.receive()
    worker.start(source.replace("END", end), max_body=1 << 20, **config)
    assert worker.receive()[0] == frames.READY
    return worker


def ask(worker, requests):
    """Send requests together; return the last answer to each, and fail on an answer to an unknown request."""
    bodies = [json.dumps(request).encode() for request in requests]
    worker.socket.sendall(
        b"".join(frames.encode(frames.INVOKE, number, b"{}", len(body)) + body for number, body in enumerate(bodies, 1))
    )
    waiting, found = set(range(1, len(requests) + 1)), {}
    while waiting:
        kind, request_id, metadata, body = worker.receive()
        assert request_id in waiting
        if kind != frames.RESULT or "parts" not in metadata:
            assert kind in (frames.RESULT, frames.PART), metadata
            found[request_id] = json.loads(body)
        if kind == frames.RESULT:
            waiting.remove(request_id)
    return [found[number] for number in sorted(found)]


def requests(folder, stages, wait):
    return [
        {"stage": stage, "number": number, "wait": wait, "folder": str(folder)} for number, stage in enumerate(stages)
    ]


def exit_code(status):
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


@pytest.mark.parametrize(
    ("loop", "how"),
    [
        *(("serial", how) for how in ENDS),
        *((loop, how) for loop in LOOPS if loop != "serial" for how in ("return", "exit", "raise")),
    ],
)
def test_a_forked_child_that_returns_exits_like_a_program_and_answers_nothing(loop, how, tmp_path):
    end, code, printed = ENDS[how]
    stages = ["predict", "", "predict", ""] if "parts" in loop else ["deserialize", "predict", "serialize", ""]
    if how == "return":
        stages = [stage for stage in stages if stage != "serialize"]
    asked = requests(tmp_path, stages, True)
    with serving(tmp_path, loop, end) as worker:
        answered = ask(worker, asked)
        for request, answer in zip(asked, answered):
            assert answer["number"] == request["number"]
            if request["stage"] and how != "interrupt":
                assert exit_code(answer["ended"]) == code
            elif request["stage"]:
                assert exit_code(answer["ended"]) in (code, 1)  # 1 from a thread
        worker.send(frames.STOP)
        ended, output = worker.end()
    assert ended == 0
    assert output.count(printed) >= len([stage for stage in stages if stage])
    assert output.count("exit handler of the worker") == 1
    # A child runs its exit handlers unless a signal or os._exit() ends it.
    handled = {name for name in os.listdir(tmp_path) if name.startswith("ended-")}
    expected = {f"ended-{number}" for number, stage in enumerate(stages) if stage}
    assert handled == (expected if code >= 0 and how != "os exit" else set()) or how == "interrupt"


@pytest.mark.parametrize("loop", LOOPS)
def test_children_without_a_waiting_parent_do_not_disturb_other_requests(loop, tmp_path):
    with serving(tmp_path, loop, "sys.exit(3)") as worker:
        for _ in range(10):
            asked = requests(tmp_path, ["predict", "", "predict", ""], False)
            assert [answer["number"] for answer in ask(worker, asked)] == [0, 1, 2, 3]
        worker.send(frames.STOP)
        assert worker.end()[0] == 0


ODD = """
import os
class Odd(Exception):
    def __str__(self):
        pid = os.fork()
        if pid == 0: raise ValueError
        os.waitpid(pid, 0)
        return "odd"
def load(model_dir): ...
def deserialize(data, content_type): return data
def check(data):
    if data == b"odd": raise Odd
    return data
PREDICT
def serialize(data, accepted): return data, "x/y"
"""


@pytest.mark.parametrize(
    ("predict", "config"),
    [
        ("def predict(data, model): return check(data)", {}),
        ("def predict(data, model): return check(data)", {"threads": 4}),
        ("async def predict(data, model): return check(data)", {"concurrency": 8}),
        ("def predict(data, model): yield check(data)", {}),
        ("def predict(data, model): ...\ndef predict_batch(data, model): return [check(data[0])]", {"max_batch_size": 2}),
    ],
)
def test_a_child_forked_by_str_of_an_exception_answers_nothing(predict, config, tmp_path):
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(ODD.replace("PREDICT", predict), max_body=1 << 20, **config)
        assert worker.receive()[0] == frames.READY
        for number, body in enumerate([b"one", b"odd", b"two"], 1):
            worker.send(frames.INVOKE, number, b"{}", body)
            kind, request_id, metadata, _ = worker.receive()
            while kind == frames.PART:
                kind, request_id, metadata, _ = worker.receive()
            assert (kind, request_id) == (frames.ERROR if body == b"odd" else frames.RESULT, number)
        worker.send(frames.STOP)
        code, output = worker.end()
    assert code == 0 and output == "", "children leave without a word"


@pytest.mark.parametrize("mode", ["serve", "train"])
def test_a_child_forked_by_str_of_an_exception_reports_nothing(mode, tmp_path):
    source = ODD.replace("PREDICT", "def predict(data, model): ...\ndef train(model_dir): raise Odd")
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(source.replace("def load(model_dir): ...", "def load(model_dir): raise Odd"), mode)
        received = worker.receive()
        if mode == "train":
            assert received[0] == frames.READY
            received = worker.receive()
        assert received[0] == frames.FAILED and received[2]["message"] == "odd"
        code, output = worker.end()
    assert code == 1 and output.count("Traceback") <= 1, output


@pytest.mark.parametrize("what", ["import", "load", "v2_metadata"])
def test_a_child_that_returns_while_a_model_is_loaded_reports_nothing(what, tmp_path):
    source = """
import os, sys
def fork():
    pid = os.fork()
    if pid == 0: raise ValueError("the helper failed")
    os.waitpid(pid, 0)
def load(model_dir): "load"
def v2_metadata(model): "v2_metadata"; return {}
def deserialize(data, content_type): return data
def predict(data, model): return data
def serialize(data, accepted): return data, "x/y"
"import"
"""
    worker = Supervisor(tmp_path)
    with worker:
        worker.receive()
        worker.start(source.replace(f'"{what}"', "fork()"))
        assert worker.receive()[0] == frames.READY
        worker.send(frames.INVOKE, 1, b"{}", b"body")
        assert worker.receive()[::3] == (frames.RESULT, b"body")
        worker.send(frames.STOP)
        code, output = worker.end()
    assert code == 0 and output.count("ValueError: the helper failed") == 1


@pytest.mark.parametrize(("pause", "printed"), [("0", "can't await"), ("0.01", "RuntimeError: no running event loop")])
def test_a_child_that_awaits_in_a_coroutine_ends_and_executes_nothing_else(pause, printed, tmp_path):
    source = """
import asyncio, os, pathlib
def load(model_dir): return pathlib.Path(model_dir)
def deserialize(data, content_type): return data
async def predict(data, model):
    parent = os.getpid()
    if data == b"fork":
        pid = os.fork()
        if pid == 0:
            await asyncio.sleep(PAUSE)
            (model / "went on").touch()
        os.waitpid(pid, 0)
    else:
        await asyncio.sleep(0.2)
        if os.getpid() != parent: (model / "executed twice").touch()
    return data
def serialize(data, accepted): return data, "x/y"
"""
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(source.replace("PAUSE", pause), concurrency=8)
        assert worker.receive()[0] == frames.READY
        for request_id, body in enumerate([b"other", b"fork", b"other"], 1):
            worker.send(frames.INVOKE, request_id, b"{}", body)
        assert sorted(worker.receive()[1] for _ in range(3)) == [1, 2, 3]
        worker.send(frames.STOP)
        code, output = worker.end()
    assert code == 0 and printed in output
    assert not {"went on", "executed twice"} & set(os.listdir(tmp_path))


TRAIN = """
import asyncio, os, sys
PREFIX def train(model_dir):
    pid = os.fork()
    if pid == 0: END
    with open(os.path.join(model_dir, "ended"), "w") as file:
        file.write(str(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.parametrize(("prefix", "how"), [*(("", how) for how in ENDS), ("async", "exit"), ("async", "raise")])
def test_a_child_of_a_training_does_not_determine_its_outcome(prefix, how, tmp_path):
    end, code, printed = ENDS[how]
    with Supervisor(tmp_path) as worker:
        worker.receive()
        source = TRAIN.replace("PREFIX ", prefix and f"{prefix} ").replace("END", end.replace(" data", ""))
        worker.start(source, "train")
        assert [worker.receive()[0] for _ in range(2)] == [frames.READY, frames.DONE]
        ended, output = worker.end()
    assert ended == 0
    assert exit_code(int((tmp_path / "ended").read_text())) == code
    assert output.count(printed) >= 1


def test_sigterm_ends_a_child_of_a_training(tmp_path):
    source = """
import multiprocessing, time
def work(ready):
    ready.set()
    time.sleep(60)
def train(model_dir):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    child = context.Process(target=work, args=(ready,))
    child.start()
    ready.wait()
    child.terminate()
    child.join()
    assert child.exitcode == -15, child.exitcode
"""
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(source, "train")
        assert [worker.receive()[0] for _ in range(2)] == [frames.READY, frames.DONE]
        assert worker.end() == (0, "")


def test_multiprocessing_works_in_a_training_script(tmp_path):
    source = """
import multiprocessing, os, sys
def work(data): return data.upper()
def load(model_dir): return multiprocessing.get_context("fork").Pool(2)
def deserialize(data, content_type): return data
def predict(data, model): return model.map(work, [data])[0]
def serialize(data, accepted): return data, "x/y"
"""
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(source)
        assert worker.receive()[0] == frames.READY
        for request_id in range(1, 6):
            worker.send(frames.INVOKE, request_id, b"{}", b"body")
            assert worker.receive()[::3] == (frames.RESULT, b"BODY")
        worker.send(frames.STOP)
        assert worker.end()[0] == 0
