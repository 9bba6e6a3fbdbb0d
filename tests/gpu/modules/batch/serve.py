"""Multiplies batches of rows by a matrix on the GPU."""

import os

import torch
from aimodellib.io import deserialize, serialize

__all__ = ["deserialize", "load", "predict", "predict_batch", "serialize"]

DEVICE = os.environ["AIMODELLIB_DEVICE"]
#: The largest batch so far.
largest = 0


def load(model_dir):
    return torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=DEVICE)


def predict_batch(data, model):
    global largest
    largest = max(largest, len(data))
    products = torch.tensor(data, dtype=torch.float32, device=model.device) @ model
    return [{"y": row, "batch": largest, "on": model.device.type} for row in products.tolist()]


def predict(data, model):
    return predict_batch([data], model)[0]
