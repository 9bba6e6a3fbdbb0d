"""A neural network with one hidden layer, in plain Python: what ``train.py`` fits and ``serve.py`` asks."""

from __future__ import annotations

import math
import random
from operator import mul
from typing import NamedTuple, Sequence

PIXELS = 64
"""An image is 8 rows of 8 pixels, row by row."""
DIGITS = 10
WHITEST = 16
"""A pixel is a number from 0 (background) to 16 (ink)."""

Vector = Sequence[float]


class Network(NamedTuple):
    """The weights of both layers: a row per unit, its bias at the end."""

    hidden: list[list[float]]
    output: list[list[float]]


def create(units: int, rng: random.Random) -> Network:
    """Return an untrained network with ``units`` hidden units."""
    return Network(
        [[rng.gauss(0, PIXELS**-0.5) for _ in range(PIXELS + 1)] for _ in range(units)],
        [[rng.gauss(0, units**-0.5) for _ in range(units + 1)] for _ in range(DIGITS)],
    )


def scaled(pixels: Vector) -> list[float]:
    """Return the network's input for an image: pixels from 0 to 1, then the 1 that the biases multiply."""
    return [pixel / WHITEST for pixel in pixels] + [1.0]


def forward(network: Network, inputs: Vector) -> tuple[list[float], list[float]]:
    """Return the hidden units' activations (with the 1 for the biases) and the probability of each digit."""
    activations = [max(0.0, sum(map(mul, weights, inputs))) for weights in network.hidden] + [1.0]
    scores = [sum(map(mul, weights, activations)) for weights in network.output]
    top = max(scores)  # subtracted, so that exp() cannot overflow
    powers = [math.exp(score - top) for score in scores]
    total = sum(powers)
    return activations, [power / total for power in powers]


def learn(network: Network, inputs: Vector, digit: int, rate: float) -> float:
    """Take one step of gradient descent on one example; return its cross-entropy loss before the step."""
    activations, probabilities = forward(network, inputs)
    errors = [p - (k == digit) for k, p in enumerate(probabilities)]
    for j, weights in enumerate(network.hidden):
        if activations[j] > 0:
            step = rate * sum(error * row[j] for error, row in zip(errors, network.output))
            weights[:] = [w - step * x for w, x in zip(weights, inputs)]
    for error, weights in zip(errors, network.output):
        step = rate * error
        weights[:] = [w - step * a for w, a in zip(weights, activations)]
    return -math.log(max(probabilities[digit], 1e-300))
