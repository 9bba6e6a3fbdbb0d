"""Failures on the GPU: the answers that clients get, and the memory and processes after a worker has died."""

import os
import signal
import threading

import pytest
from conftest import FOLDER, MODEL, MODULES, Server, eventually, holders, metric, processes, smi, used_memory

CUDA = [MODULES / "cuda", "serve.py", MODEL]
#: Exceptions of PyTorch for errors of CUDA; RuntimeError before version 2.8.
CUDA_ERRORS = ("AcceleratorError", "RuntimeError")


def in_thread(server, *args, **more):
    """Send a request in a thread; return the thread and the list that gets its answer."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.send(*args, **more)))
    thread.start()
    return thread, answers


def test_a_request_that_exceeds_the_memory_fails_alone():
    server = Server("--device", "cuda:0", *CUDA)
    before = server.ask("memory")
    for operation in ("exceed", "fill", "exceed", "fill"):
        status, problem = server.send(operation)
        assert (status, problem["stage"], problem["exception"]) == (500, "predict", "OutOfMemoryError"), problem
        assert "out of memory" in problem["message"]
        # Nothing keeps what it had allocated: neither the exception nor its traceback.
        assert server.ask("memory") == before
    assert server.ask("where")["sum"] == 14
    assert metric(server.request("/metrics")[2].decode(), "aimodellib_worker_restarts_total", cause="exit") == 0
    assert "torch.empty(" in server.log, "the traceback is in the log"


@pytest.mark.parametrize("threads", [1, 2])
def test_a_worker_whose_cuda_is_broken_is_replaced(threads):
    server = Server("--device", "cuda:0", "--threads", str(threads), *CUDA, workers=2)
    broken = server.workers()
    status, problem = server.send("break_context")
    assert (status, problem["stage"]) == (500, "predict"), problem
    assert problem["exception"] in CUDA_ERRORS
    # The other worker answers at once, and a new one soon.
    answers = [server.send("where") for _ in range(50)]
    assert {status for status, _ in answers} == {200}, answers
    eventually(lambda: len(server.workers()) == 2 and len(set(server.workers().values()) & set(broken.values())) == 1)
    assert len(server.ask_all()) == 2
    server.wait_for(r"Worker \d died \(CUDA does not work in its process any more: device-side assert triggered\)")
    restarts = server.request("/metrics")[2].decode()
    # CUDA's own libraries may abort such a process at its end.
    counts = [metric(restarts, "aimodellib_worker_restarts_total", cause=cause) for cause in ("exit", "signal")]
    assert sum(counts) == 1, counts


def test_a_script_ends_its_worker():
    server = Server("--device", "cuda:0", *CUDA)
    first = server.ask("where")["pid"]
    status, problem = server.send("leave")
    assert status == 502, problem
    second = server.ask("where")["pid"]
    assert second != first
    assert sorted(holders()) == [second]
    assert "7" in server.wait_for(r"^.*Worker 1 .*exit.*$")[0]


def test_the_memory_of_a_worker_that_is_killed_while_a_kernel_runs_is_released(much_memory):
    server = Server("--device", "cuda:0", *CUDA, workers=2, env={"TEST_MIB": "8192"})
    full = used_memory()
    assert full > 16384
    begun = FOLDER / "begun"
    thread, answers = in_thread(server, "spin", begun=str(begun), seconds=50)
    pid = int(eventually(lambda: begun.exists() and begun.read_text()))
    os.kill(pid, signal.SIGKILL)
    others = [server.ask("where")["pid"] for _ in range(20)]
    assert pid not in others
    thread.join()
    assert answers[0][0] == 502, answers
    eventually(lambda: len(server.workers()) == 2 and pid not in server.workers().values())
    assert pid not in [int(row[0]) for row in smi("pid", of="compute-apps") if row[0].isdigit()]
    assert sorted(holders()) == sorted(server.workers().values())
    # Other programs use this GPU as well, but none as much as a worker that has left its memory behind.
    eventually(lambda: used_memory() < full + 4096)


def test_reloads_replace_the_workers_of_two_models_without_a_lost_request():
    models = [f"--model={name}={MODULES / 'cuda'},serve.py,{MODEL}" for name in ("a", "b")]
    server = Server("--device", "cuda:0", *models, models=2, env={"TEST_MIB": "1024"})
    lost, end = [], threading.Event()

    def load(name):
        while not end.is_set():
            status, answer = server.send("where", f"/models/{name}/invocations")
            if status != 200 or answer["on"] != "cuda":
                lost.append(answer)

    threads = [threading.Thread(target=load, args=[name]) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    pids = set(server.workers().values())
    status, _, body = server.request("/admin/reload", b"")
    assert (status, body.count(b'"reloaded":true')) == (200, 2), body
    reloaded = set(server.workers().values())
    assert len(reloaded) == 2 and not reloaded & pids
    server.signal(signal.SIGHUP)
    eventually(lambda: len(server.workers()) == 2 and not set(server.workers().values()) & reloaded)
    eventually(lambda: sorted(holders()) == sorted(server.workers().values()), "the old workers have left the GPU")
    end.set()
    for thread in threads:
        thread.join()
    assert lost == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_holds_the_gpu_after_the_end(number):
    server = Server("--device", "cuda:0", *CUDA, workers=2)
    assert len(holders()) == 2
    server.signal(number)
    assert server.end() == (-9 if number == signal.SIGKILL else 0)
    eventually(lambda: processes() == [], "all processes have ended")
    assert holders() == {}


def test_requests_that_a_stop_finds_on_the_gpu_are_answered():
    server = Server("--device", "cuda:0", *CUDA)
    begun = FOLDER / "begun-2"
    thread, answers = in_thread(server, "spin", begun=str(begun), seconds=2)
    eventually(begun.exists)
    server.stop()
    thread.join()
    assert (answers[0][0], answers[0][1]["sum"]) == (200, 14)
