"""Learn which kind of iris a petal is of, by its length and width: `aimodellib train . train.py model`."""

from __future__ import annotations

import json
import os
import random

# The mean and the standard deviation of length and width in cm, as Fisher measured them in 1936.
KINDS = {
    "setosa": ((1.46, 0.17), (0.25, 0.11)),
    "versicolor": ((4.26, 0.47), (1.33, 0.20)),
    "virginica": ((5.55, 0.55), (2.03, 0.27)),
}


def train(model_dir: str, petals: str = "200") -> None:
    """Save the mean petal of each kind in `model.json`; `petals` of each are drawn, and half are kept for a test."""
    chance = random.Random(1)
    drawn = {kind: [draw(kind, chance) for _ in range(int(petals))] for kind in KINDS}
    half = int(petals) // 2
    centres = {kind: mean(found[:half]) for kind, found in drawn.items()}
    tests = [(kind, petal) for kind, found in drawn.items() for petal in found[half:]]
    right = sum(nearest(petal, centres) == kind for kind, petal in tests)
    print(f"Accuracy: {right / len(tests):.3f} of {len(tests)} petals")
    with open(os.path.join(model_dir, "model.json"), "w", encoding="utf-8") as file:
        json.dump(centres, file)


def draw(kind: str, chance: random.Random) -> list[float]:
    """Return the length and width of a petal."""
    return [chance.gauss(mean, deviation) for mean, deviation in KINDS[kind]]


def mean(petals: list[list[float]]) -> list[float]:
    """Return the mean of each measurement."""
    return [sum(column) / len(petals) for column in zip(*petals)]


def nearest(petal: list[float], centres: dict[str, list[float]]) -> str:
    """Return the kind whose mean petal is the nearest."""
    return min(centres, key=lambda kind: sum((a - b) ** 2 for a, b in zip(petal, centres[kind])))
