"""The effect of signals on a training, and on processes that a script forks."""

import signal
import subprocess
import sys
import time

import pytest
from pythons import pythons
from supervisor import PACKAGE, Supervisor

from aimodellib._bridge import frames


@pytest.fixture(autouse=True)
def _programs_start_without_nohup():
    """Let programs start with the default handler of SIGHUP, also if these tests run under nohup."""
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, former)


def training(folder, source, python=sys.executable):
    worker = Supervisor(folder, python)
    worker.receive()
    worker.start(source, "train")
    assert worker.receive()[0] == frames.READY
    return worker


def until_there(path):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} is never made"
        time.sleep(0.01)


POOLS = """
import multiprocessing
def work(number): return number
def train(model_dir):
    context = multiprocessing.get_context("METHOD")
    for _ in range(POOLS):
        with context.Pool(4) as pool: assert pool.map(work, range(8)) == list(range(8))
"""


@pytest.mark.parametrize(("method", "count"), [("fork", 15), ("spawn", 1), ("forkserver", 1)])
@pytest.mark.parametrize("python", pythons())
def test_multiprocessing_pools_end_without_output(python, method, count, tmp_path):
    source = POOLS.replace("METHOD", method).replace("POOLS", str(count))
    with training(tmp_path, source, python) as worker:
        worker.socket.settimeout(60)
        assert worker.receive()[0] == frames.DONE
        assert worker.end() == (0, "")


@pytest.mark.parametrize("python", pythons())
def test_sigterm_ends_a_forked_child_even_directly_after_the_fork(python, tmp_path):
    source = """
import os, signal, time
def train(model_dir):
    for _ in range(100):
        pid = os.fork()
        if pid == 0:
            try:
                time.sleep(10)
            finally:
                os._exit(7)
        os.kill(pid, signal.SIGTERM)
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM, status
"""
    with training(tmp_path, source, python) as worker:
        assert worker.receive()[0] == frames.DONE
        assert worker.end() == (0, "")


def test_terminate_ends_a_data_loader_that_ignores_exceptions(tmp_path):
    source = """
import multiprocessing, time
def load(ready):
    while True:
        try:
            ready.set()
            time.sleep(0.01)
        except BaseException:
            continue
def train(model_dir):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    loader = context.Process(target=load, args=(ready,))
    loader.start()
    ready.wait()
    loader.terminate()
    loader.join()
    print(loader.exitcode, flush=True)
"""
    with training(tmp_path, source) as worker:
        assert worker.receive()[0] == frames.DONE
        assert worker.end() == (0, "-15\n")


def test_a_forked_child_has_the_handlers_of_python_and_of_the_script(tmp_path):
    source = """
import os, signal, threading
def mine(number, frame): pass
def show():
    pid = os.fork()
    if pid == 0:
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        print(signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT) is signal.default_int_handler, blocked)
        return True
    os.waitpid(pid, 0)
def train(model_dir):
    if show(): return
    child = []
    thread = threading.Thread(target=lambda: show() and os._exit(0))
    thread.start()
    thread.join()
    ours = signal.signal(signal.SIGTERM, mine)
    pid = os.fork()
    if pid == 0:
        print(signal.getsignal(signal.SIGTERM) is mine)
        # What a library does that has set a handler for a while.
        signal.signal(signal.SIGTERM, ours)
        os.kill(os.getpid(), signal.SIGTERM)
        print("SIGTERM did nothing")
    print(os.WTERMSIG(os.waitpid(pid, 0)[1]))
    print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""
    with training(tmp_path, source) as worker:
        assert worker.receive()[0] == frames.DONE
        code, output = worker.end()
    assert code == 0
    assert output.splitlines() == ["0 True set()", "0 True set()", "True", "15", "set()"], output


SAVING = """
import pathlib, signal, sys, time
folder = pathlib.Path(__file__).parent
def train(model_dir):
    try:
        (folder / "training").touch()
        time.sleep(60)
    except KeyboardInterrupt:
        (folder / "saving").touch()
        with open(folder / "checkpoint", "w") as file:
            for number in range(5):
                while not (folder / f"signal-{number}").exists(): time.sleep(0.005)
                file.write("x" * 4000)
                (folder / f"written-{number}").touch()
        END
"""


@pytest.mark.parametrize("second", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize(("end", "code"), [("raise", -signal.SIGTERM), ("return", 0), ("sys.exit(5)", 5)])
def test_a_stop_raises_once_although_its_signal_arrives_several_times(end, code, second, tmp_path):
    with training(tmp_path, SAVING.replace("END", end)) as worker:
        until_there(tmp_path / "training")
        worker.process.send_signal(signal.SIGTERM)
        until_there(tmp_path / "saving")
        # The script waits for each signal. One that arrived when Python has reset its handlers would kill it.
        for number in range(5):
            worker.process.send_signal(signal.Signals[second])
            (tmp_path / f"signal-{number}").touch()
            until_there(tmp_path / f"written-{number}")
        ended, output = worker.end()
    assert len((tmp_path / "checkpoint").read_text()) == 20_000
    assert ended == code
    assert output.count("KeyboardInterrupt") == (1 if end == "raise" else 0)
    assert "_bridge" not in output, "our own frames are of no interest"


def test_exit_handlers_are_not_interrupted_by_another_signal_of_the_same_stop(tmp_path):
    source = """
import atexit, pathlib, time
folder = pathlib.Path(__file__).parent
def save():
    (folder / "saving").touch()
    while not (folder / "signal").exists(): time.sleep(0.005)
    (folder / "saved").touch()
def train(model_dir):
    atexit.register(save)
    (folder / "training").touch()
    time.sleep(60)
"""
    with training(tmp_path, source) as worker:
        until_there(tmp_path / "training")
        worker.process.send_signal(signal.SIGTERM)
        until_there(tmp_path / "saving")
        worker.process.send_signal(signal.SIGTERM)
        (tmp_path / "signal").touch()
        assert worker.end()[0] == -signal.SIGTERM
    assert (tmp_path / "saved").exists()


def test_children_that_the_stop_has_ended_do_not_interrupt_saving(tmp_path):
    source = """
import pathlib, signal, subprocess, time
folder = pathlib.Path(__file__).parent
def lost(number, frame):
    (folder / "lost").touch()
    raise RuntimeError("a loader is gone")
def train(model_dir):
    signal.signal(signal.SIGCHLD, lost)
    loader = subprocess.Popen(["sleep", "60"])
    try:
        (folder / "training").touch()
        time.sleep(60)
    except KeyboardInterrupt:
        loader.kill()
        while not (folder / "lost").exists(): time.sleep(0.02)
        (folder / "saved").touch()
"""
    with training(tmp_path, source) as worker:
        until_there(tmp_path / "training")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.receive()[0] == frames.DONE
        assert worker.end() == (0, "")
    assert (tmp_path / "saved").exists()


def in_python(tmp_path, source):
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(PACKAGE)!r})\n{source}")
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    return result.returncode, result.stdout, result.stderr


def test_a_stop_during_a_fork_raises_after_it(tmp_path):
    code, output, errors = in_python(
        tmp_path,
        """
import os, signal, time
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGTERM))
from aimodellib._bridge.stops import Stops
stops = Stops()
stops.listen()
try:
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    time.sleep(20)
except KeyboardInterrupt:
    print("raised", stops.by)
""",
    )
    assert (code, errors) == (0, "")
    assert output.startswith("raised") and output.rstrip().endswith(("SIGTERM", "15"))


def test_a_later_stop_raises_again(tmp_path):
    code, output, errors = in_python(
        tmp_path,
        """
import os, signal
from aimodellib._bridge import stops as module
stops = module.Stops()
stops.listen()
for wait in (60, 60, 0):
    module.SAME_STOP = wait
    try:
        os.kill(os.getpid(), signal.SIGINT)
        print("nothing")
    except KeyboardInterrupt:
        print("raised")
""",
    )
    assert (code, output, errors) == (0, "raised\nnothing\nraised\n", "")


def test_a_signal_that_the_process_was_started_to_ignore_stays_ignored(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import os, signal, sys
sys.path.insert(0, {str(PACKAGE)!r})
from aimodellib._bridge.stops import Stops
Stops().listen()
print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, callable(signal.getsignal(signal.SIGTERM)))
"""
    )
    command = ["sh", "-c", 'trap "" INT; exec "$0" "$1"', sys.executable, str(script)]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout == "True True\n"


def test_a_known_failure_stays_the_outcome_when_a_signal_arrives(tmp_path):
    source = """
import atexit, pathlib, time
folder = pathlib.Path(__file__).parent
def wait():
    (folder / "failed").touch()
    time.sleep(60)
def train(model_dir):
    atexit.register(wait)
    raise ValueError("no data")
"""
    with training(tmp_path, source) as worker:
        until_there(tmp_path / "failed")
        worker.process.send_signal(signal.SIGTERM)
        kind, _, metadata, _ = worker.receive()
        assert (kind, metadata["message"]) == (frames.FAILED, "no data")
        assert worker.end()[0] == 1
