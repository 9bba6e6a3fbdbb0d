"""Learns which words follow each pair of words in a text."""

import collections
import json
import pathlib
import re

TEXT = pathlib.Path(__file__).parent / "data" / "text.txt"


def train(model_dir, logger=None):
    """Write ``model.json``: the words that follow each pair of words, and the vocabulary."""
    sentences = [re.findall(r"\w+", part.lower()) for part in TEXT.read_text(encoding="utf-8").split(".")]
    follows = collections.defaultdict(list)
    for words in filter(None, sentences):
        padded = ["", "", *words, "."]
        for first, second, third in zip(padded, padded[1:], padded[2:]):
            follows[f"{first} {second}"].append(third)
    vocabulary = sorted({word for words in sentences for word in words})
    folder = pathlib.Path(model_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps({"follows": follows, "vocabulary": vocabulary}), encoding="utf-8")
    if logger is not None:
        logger.log(f"{len(vocabulary)} words, {len(follows)} pairs")
