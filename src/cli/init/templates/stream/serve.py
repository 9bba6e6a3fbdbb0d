"""Continue a text, word by word. A request is the text's beginning, as text/plain."""

from __future__ import annotations

import json
import os
import random
import time
from typing import Iterator

from aimodellib.io import InputError, deserialize, serialize

__all__ = ["deserialize", "load", "predict", "serialize"]

WORDS = 40


def load(model_dir: str) -> dict[str, list[str]]:
    """Return the words that follow each word."""
    with open(os.path.join(model_dir, "model.json"), encoding="utf-8") as file:
        model: dict[str, list[str]] = json.load(file)
    return model


def predict(data: object, model: dict[str, list[str]], pause: float = 0.05) -> Iterator[str]:
    """Yield the words that follow, each as soon as it is known; `pause` seconds stand for a slow model's work."""
    if not isinstance(data, str):
        raise InputError("Expected the beginning of a text, with Content-Type: text/plain")
    # The same beginning has the same end.
    chance = random.Random(data)
    word = data.split()[-1] if data.split() else ""
    for _ in range(WORDS):
        word = chance.choice(model.get(word) or list(model))
        yield f"{word} "
        time.sleep(pause)
