"""Doubles numbers in 1 ms, so that a worker that is killed is executing requests."""

import json
import time


def load(model_dir, logger=None):
    return 2


def deserialize(data, content_type="application/octet-stream", logger=None):
    return json.loads(data)["inputs"]


def predict(data, model, logger=None):
    time.sleep(0.001)
    return [value * model for value in data]


def serialize(data, accepted="*/*", logger=None):
    return json.dumps({"outputs": data}).encode(), "application/json"
