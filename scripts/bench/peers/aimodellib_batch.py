"""Doubles numbers in 10 ms, however many requests they are of."""

import time

from aimodellib_echo import deserialize, load, serialize  # noqa: F401


def predict_batch(data, model, logger=None):
    time.sleep(0.010)
    return [[value * model for value in row] for row in data]


def predict(data, model, logger=None):
    return predict_batch([data], model, logger)[0]
