"""Learn which words follow each other in text.txt, from Lewis Carroll: `aimodellib train . train.py model`."""

from __future__ import annotations

import json
import os
import pathlib


def train(model_dir: str, text: str = "text.txt") -> None:
    """Save the words that follow each word in `model.json`; `text` is a file of the module."""
    words = (pathlib.Path(__file__).parent / text).read_text("utf-8").split()
    followers: dict[str, list[str]] = {}
    for word, follower in zip(words, words[1:]):
        followers.setdefault(word, []).append(follower)
    print(f"Read {len(words)} words, {len(followers)} of them different")
    with open(os.path.join(model_dir, "model.json"), "w", encoding="utf-8") as file:
        json.dump(followers, file)
