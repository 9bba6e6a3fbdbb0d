"""Sends back what it gets: what is measured is the server."""


def load(model_dir, logger=None):
    return None


def deserialize(data, content_type="application/octet-stream", logger=None):
    return data


def predict(data, model, logger=None):
    return data


def serialize(data, accepted="*/*", logger=None):
    return data, "application/octet-stream"
