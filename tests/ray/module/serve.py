"""Answers with what it was sent. What a request asks for is in its body, as JSON."""

import json
import os
import signal
import time

from fox import V


def load(model_dir):
    gate = os.path.join(model_dir, "gate")
    while os.path.exists(gate):
        time.sleep(0.05)
    return model_dir


def deserialize(data, content_type):
    if content_type != "application/json":
        return data
    asked = json.loads(data)
    if asked == "bad":
        raise ValueError("this record is bad")
    return asked


def predict(data, model, logger):
    if not isinstance(data, dict):
        return data
    if "parts" in data:
        return parts(data, model)
    if "request" in data:
        request = logger.request
        return {
            "path": request.path,
            "query": request.query,
            "headers": dict(request.headers),
            "fox": V,
            "pid": os.getpid(),
            "devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        }
    if "kill" in data and not os.path.exists(os.path.join(model, data["kill"])):
        open(os.path.join(model, data["kill"]), "w").close()
        os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(data.get("sleep", 0))
    return data


def parts(data, model):
    """Yield parts, each when a file of its name is there. The file ``left`` appears when the client has left meanwhile."""
    try:
        for name in data["parts"]:
            while name == "forever":
                time.sleep(0.02)
                yield name
            while not os.path.exists(os.path.join(model, name)):
                time.sleep(0.02)
            if name == "raise":
                raise ValueError("midway")
            yield name
    except GeneratorExit:
        open(os.path.join(model, "left"), "w").close()


def serialize(data, accepted):
    if isinstance(data, bytes):
        return data, "application/octet-stream"
    return json.dumps(data).encode(), "application/json"
