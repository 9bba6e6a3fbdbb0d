"""Doubles numbers; bytes come back as they were."""

import json


def load(model_dir, logger=None):
    return 2


def deserialize(data, content_type="application/octet-stream", logger=None):
    return json.loads(data)["inputs"] if content_type == "application/json" else data


def predict(data, model, logger=None):
    return data if isinstance(data, bytes) else [value * model for value in data]


def serialize(data, accepted="*/*", logger=None):
    if isinstance(data, bytes):
        return data, "application/octet-stream"
    return json.dumps({"outputs": data}).encode(), "application/json"
