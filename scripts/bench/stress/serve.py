"""Answers each request with what belongs to it alone, and notes what it executes. STRESS_MODE says how it takes requests.

A request is ``NUMBER SIZE PAUSE`` and a line's end, then filling that belongs to the number. The answer is the number, a
line's end, and SIZE bytes of the same filling. The execution takes PAUSE milliseconds.
"""

import asyncio
import os
import time

MODE = os.environ["STRESS_MODE"]
#: Of the pieces of an answer in parts, in bytes.
PIECE = 20_000


def fill(number, size):
    return (b"%d," % number * (size // 2 + 1))[:size]


def load(model_dir):
    return os.open(os.environ["STRESS_EXECUTED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def deserialize(data, content_type):
    head, _, filling = data.partition(b"\n")
    number, size, pause = map(int, head.split())
    if filling != fill(number, len(filling)):
        raise ValueError(f"Request {number} has the body of another")
    return number, size, pause / 1000


def serialize(data, accepted):
    return data, "application/octet-stream"


def begin(number, executed):
    # One write of a file that is appended to is whole, and stays if this process is killed.
    os.write(executed, b"%d\n" % number)


def answer(number, size):
    return b"%d\n" % number + fill(number, size)


if MODE in ("serial", "threads"):

    def predict(data, model):
        number, size, pause = data
        begin(number, model)
        if pause:
            time.sleep(pause)
        return answer(number, size)

elif MODE == "async":

    async def predict(data, model):
        number, size, pause = data
        begin(number, model)
        if pause:
            await asyncio.sleep(pause)
        return answer(number, size)

elif MODE == "batch":

    def predict_batch(batch, model):
        for number, _, _ in batch:
            begin(number, model)
        time.sleep(max(pause for _, _, pause in batch))
        return [answer(number, size) for number, size, _ in batch]

    def predict(data, model):
        return predict_batch([data], model)[0]

elif MODE == "parts":

    def predict(data, model):
        number, size, pause = data
        begin(number, model)
        whole = answer(number, size)
        for start in range(0, len(whole), PIECE):
            yield whole[start : start + PIECE]
            if pause:
                time.sleep(pause / 10)

else:
    raise ValueError(f"There is no mode {MODE!r}")
