"""Doubles numbers in 1 ms, so that a worker that is killed is executing requests; or fails as a request demands."""

import json
import os
import signal
import sys
import threading
import time


class Mute(Exception):
    """Can't say what is wrong."""

    def __str__(self):
        raise RuntimeError("no words")


def fail(way):
    if way == "raise":
        raise ValueError("as demanded")
    if way == "mute":
        raise Mute()
    if way == "quit":
        sys.exit(3)
    if way == "thread":
        threading.Thread(target=lambda: 1 / 0).start()
    if way == "orphan":
        os.system("sleep 1 >/dev/null 2>&1 &")
    if way == "exit":
        os._exit(3)
    if way == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)


def load(model_dir, logger=None):
    return 2


def deserialize(data, content_type="application/octet-stream", logger=None):
    request = json.loads(data)
    return request if isinstance(request, dict) else {"inputs": request}


def predict(data, model, logger=None):
    time.sleep(0.001)
    fail(data.get("fail"))
    return [value * model for value in data["inputs"]]


def serialize(data, accepted="*/*", logger=None):
    return json.dumps({"outputs": data}).encode(), "application/json"
