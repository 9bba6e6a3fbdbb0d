"""Learn to read handwritten digits: real images, stochastic gradient descent, only the standard library."""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import random
import time
from typing import TYPE_CHECKING, NamedTuple

import network  # a neighbour of this script: the module directory is on sys.path

if TYPE_CHECKING:
    from aimodellib.utils import Logger

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "digits.csv.gz")
HELD_OUT = 360
"""Images that accuracy is measured on, never trained on; which ones is fixed, whatever ``--seed`` is."""
HIDDEN_UNITS = 32


class Example(NamedTuple):
    inputs: list[float]
    digit: int


def train(
    model_dir: str,
    *args: str,
    tensor_board_enabled: bool = False,
    tensor_board_dir: str = "logs",
    logger: Logger | None = None,
) -> None:
    """Train on four fifths of the images, and write ``model.json`` and ``metrics.json`` to ``model_dir``."""
    options = parse(args)
    say = print if logger is None else logger.log
    started = time.perf_counter()
    training, held_out = split(read(DATA))
    say(f"Training on {len(training)} images, holding out {len(held_out)}")

    rng = random.Random(options.seed)
    model = network.create(HIDDEN_UNITS, rng)
    losses = []
    for epoch in range(options.epochs):
        rng.shuffle(training)
        rate = options.learning_rate * (1 - epoch / options.epochs)  # ever smaller steps, to settle
        loss = sum(network.learn(model, inputs, digit, rate) for inputs, digit in training) / len(training)
        if not math.isfinite(loss):
            raise ValueError(f"The loss is {loss} after epoch {epoch + 1}: try a lower --learning-rate")
        losses.append(loss)
        say(f"Epoch {epoch + 1}/{options.epochs}: loss {loss:.4f}")

    correct = sum(answer(model, example.inputs) == example.digit for example in held_out)
    accuracy = correct / len(held_out)
    say(f"Held-out accuracy: {accuracy:.4f} ({correct} of {len(held_out)})")

    os.makedirs(model_dir, exist_ok=True)
    write(os.path.join(model_dir, "model.json"), model._asdict())
    metrics = {"accuracy": accuracy, "held_out": len(held_out), "losses": losses, **vars(options)}
    write(os.path.join(model_dir, "metrics.json"), {**metrics, "seconds": time.perf_counter() - started})


def parse(args: tuple[str, ...]) -> argparse.Namespace:
    """Read the training arguments; a wrong one ends the script with a message that says what was expected."""
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    parser.add_argument("--epochs", type=whole, default=15, help="passes over the images (default: %(default)s)")
    parser.add_argument("--learning-rate", type=positive, default=0.1, help="of the first pass (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and order (default: %(default)s)")
    return parser.parse_args(args)


def whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def read(path: str) -> list[Example]:
    """Read images from gzipped CSV: 64 pixels a line, then the digit."""
    with gzip.open(path, "rt", encoding="ascii") as lines:
        rows = [[int(cell) for cell in line.split(",")] for line in lines]
    return [Example(network.scaled(pixels), digit) for *pixels, digit in rows]


def split(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    """Return the examples to train on and those held out: the same ones on every run."""
    shuffled = random.Random(0).sample(examples, len(examples))
    return shuffled[HELD_OUT:], shuffled[:HELD_OUT]


def answer(model: network.Network, inputs: list[float]) -> int:
    _, probabilities = network.forward(model, inputs)
    return probabilities.index(max(probabilities))


def write(path: str, value: object) -> None:
    """Write JSON beside ``path`` and rename it, so that nobody ever loads half a model."""
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path + ".tmp", path)
