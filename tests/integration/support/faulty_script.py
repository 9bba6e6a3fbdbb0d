"""Records each execution, and answers each request with unique bytes. FAULTY_MODE selects the execution mode.

A request is ``NUMBER SIZE PAUSE_MS PARTS`` and spaces; its answer is SIZE bytes that repeat the number.
"""

import os
import signal
import time

MODE = os.environ["FAULTY_MODE"]


def load(model_dir):
    # A process that leaves the worker's group, and would survive the worker.
    if os.fork() == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", "300"])
    return os.open(model_dir + "/executed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def deserialize(data, content_type):
    number, size, pause, parts = map(int, data.split())
    return number, size, pause / 1000, parts


def serialize(data, accepted):
    return data, "application/octet-stream"


def answer(number, size):
    return (b"%d," % number * size)[:size]


def begin(number, executed):
    os.write(executed, b"%d\n" % number)


def in_parts(number, size, parts):
    for _ in range(parts):
        yield answer(number, size)


def predict(data, model):
    number, size, pause, parts = data
    begin(number, model)
    if pause < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(pause)
    return in_parts(number, size, parts) if parts else answer(number, size)


if MODE == "async":
    # Hundreds of workers start, and few of them need this import, which takes long.
    import asyncio

    execute = predict

    async def predict(data, model):
        await asyncio.sleep(0)
        return execute((*data[:3], 0), model)


if MODE == "async parts":

    async def predict(data, model):
        number, size, _, parts = data
        begin(number, model)
        for part in in_parts(number, size, parts or 1):
            yield part


if MODE == "batch":

    def predict_batch(batch, model):
        for number, *_ in batch:
            begin(number, model)
        return [answer(number, size) for number, size, *_ in batch]
