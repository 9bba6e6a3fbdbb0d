"""Tell which kind of iris each petal is of. A request is a list of lengths and widths in cm: [[1.4, 0.2]]."""

from __future__ import annotations

import json
import os

from aimodellib.io import InputError, deserialize, serialize

from train import nearest

__all__ = ["deserialize", "load", "predict", "serialize"]


def load(model_dir: str) -> dict[str, list[float]]:
    """Return the mean petal of each kind."""
    with open(os.path.join(model_dir, "model.json"), encoding="utf-8") as file:
        model: dict[str, list[float]] = json.load(file)
    return model


def predict(data: object, model: dict[str, list[float]]) -> list[str]:
    """Return the kind of each petal."""
    if not isinstance(data, list) or not all(is_petal(item) for item in data):
        raise InputError("Expected a list of petals, each [length, width] in cm, such as [[1.4, 0.2]]")
    return [nearest(petal, model) for petal in data]


def is_petal(item: object) -> bool:
    """Tell whether an item is two numbers."""
    return isinstance(item, list) and len(item) == 2 and all(type(number) in (int, float) for number in item)
