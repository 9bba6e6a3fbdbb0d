"""A worker that can't exit prints what it waits for."""

import time

import pytest
from supervisor import Supervisor

from aimodellib._bridge import ending, frames

SCRIPT = """
import asyncio, atexit, multiprocessing, pathlib, threading, time
from concurrent.futures import ThreadPoolExecutor
FOLDER = None
def hold(_=None):
    while not (FOLDER / "go").exists(): time.sleep(0.01)
def load(model_dir):
    global FOLDER
    FOLDER = pathlib.Path(model_dir)
HOLD
def deserialize(data, content_type): return data
PREDICT
def serialize(data, accepted): return data, "x/y"
"""
PREDICT = "def predict(data, model): return data"
HOLDS = {
    "thread": (
        "    threading.Thread(target=hold, name='poller').start()",
        PREDICT,
        "it waits for the thread poller ('{script}', line 6) of the script; it would not wait for one with daemon=True",
    ),
    "pool": (
        "    global pool; pool = ThreadPoolExecutor(thread_name_prefix='pool'); pool.submit(hold)",
        PREDICT,
        "it waits for the thread pool_0 ('{script}', line 6) of the script",
    ),
    "process": (
        "    multiprocessing.get_context('fork').Process(target=hold, name='helper').start()",
        PREDICT,
        "it waits for the process helper (",
    ),
    "exit handler": (
        "    atexit.register(hold)",
        PREDICT,
        "it waits for exit handlers (atexit) or tasks (asyncio) ('{script}', line 6) of the script",
    ),
    "task": (
        "    pass",
        """
async def predict(data, model):
    asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    return data
async def stubborn():
    try: await asyncio.sleep(60)
    finally:
        while not (FOLDER / "go").exists(): await asyncio.sleep(0.01)
""",
        "it waits for exit handlers (atexit) or tasks (asyncio) of the script",
    ),
}


def until_printed(worker, text, seconds=20):
    deadline = time.monotonic() + seconds
    while text not in worker.printed():
        assert time.monotonic() < deadline, worker.printed()
        time.sleep(0.01)


@pytest.mark.parametrize("what", HOLDS)
def test_a_worker_that_can_not_exit_prints_what_it_waits_for(what, tmp_path):
    hold, predict, message = HOLDS[what]
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(SCRIPT.replace("HOLD", hold).replace("PREDICT", predict), concurrency=8)
        assert worker.receive()[0] == frames.READY
        worker.send(frames.INVOKE, 1, b"{}", b"x")
        assert worker.receive()[0] == frames.RESULT
        worker.send(frames.STOP)
        until_printed(worker, message.format(script=tmp_path / "script.py"))
        (tmp_path / "go").touch()
        assert worker.end()[0] == 0


def test_idle_threads_of_a_pool_and_daemon_threads_are_not_reported(tmp_path):
    hold = """
    global pool
    pool = ThreadPoolExecutor()
    pool.submit(int).result()
    threading.Thread(target=hold, daemon=True).start()
"""
    with Supervisor(tmp_path) as worker:
        worker.receive()
        worker.start(SCRIPT.replace("HOLD", hold).replace("PREDICT", PREDICT))
        assert worker.receive()[0] == frames.READY
        worker.send(frames.STOP)
        assert worker.end() == (0, "")


def test_a_thread_outside_the_script_has_no_location():
    import threading

    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        assert ending._place(thread) == ""
    finally:
        release.set()
        thread.join()
