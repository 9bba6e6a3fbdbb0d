"""A neural network with one hidden layer, in plain Python: what ``train.py`` fits and ``serve.py`` asks."""

from __future__ import annotations

import math
import random
from operator import mul
from typing import Iterable, NamedTuple, Sequence

SIDE = 8
PIXELS = SIDE * SIDE
"""An image is 8 rows of 8 pixels, row by row."""
WIDEST = 6
"""How many of the 8 columns a digit has at most, as in the images of the data set."""
DIGITS = 10
WHITEST = 16
"""A pixel is a number from 0 (background) to 16 (ink)."""
FAINT = 2
"""A row or a column without a pixel of at least this is beside the digit."""

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
    """Return the network's input for an image: the digit's pixels from 0 to 1, then the 1 that the biases multiply."""
    return [pixel / WHITEST for pixel in centred(pixels)] + [1.0]


def centred(pixels: Vector) -> Vector:
    """Return an image whose digit is in the middle and fills the height, whatever its place and size were."""
    rows = [pixels[start : start + SIDE] for start in range(0, PIXELS, SIDE)]
    top, bottom = extent(map(max, rows))
    left, right = extent(map(max, zip(*rows)))
    if bottom - top < 3:
        return pixels  # a dot, or nothing
    width = min(WIDEST, max(1, round((right - left) * SIDE / (bottom - top))))
    tall = resampled([row[left:right] for row in rows[top:bottom]], 0, SIDE)
    wide = resampled(list(zip(*tall)), (SIDE - width) // 2, width)
    return [pixel for row in zip(*wide) for pixel in row]


def extent(brightest: Iterable[float]) -> tuple[int, int]:
    """Return where the digit begins and ends, from the brightest pixel of each row or column."""
    inked = [place for place, pixel in enumerate(brightest) if pixel >= FAINT]
    return (inked[0], inked[-1] + 1) if inked else (0, 0)


def resampled(lines: Sequence[Vector], start: int, length: int) -> list[list[float]]:
    """Spread ``lines`` over ``length`` of 8 lines, from ``start`` on: each is the mean of those that it covers."""
    result = [[0.0] * len(lines[0]) for _ in range(SIDE)]
    covered = len(lines) / length
    for place in range(length):
        begin, end = place * covered, (place + 1) * covered
        for index in range(int(begin), min(len(lines), math.ceil(end))):
            part = (min(end, index + 1) - max(begin, index)) / covered
            line = result[start + place]
            result[start + place] = [mean + max(0.0, part) * pixel for mean, pixel in zip(line, lines[index])]
    return result


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
