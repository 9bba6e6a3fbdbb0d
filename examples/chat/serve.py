"""Continues a text word by word, and embeds texts, for clients of OpenAI's API."""

import json
import math
import pathlib
import random
import re

from aimodellib.openai import Api, Finish

#: The most words of an answer.
LENGTH = 40


def load(model_dir):
    """Read what ``train.py`` has written."""
    return json.loads((pathlib.Path(model_dir) / "model.json").read_text(encoding="utf-8"))


def chat(messages, model, temperature=1.0, max_tokens=LENGTH, seed=None):
    """Yield the words of a sentence; it goes on where the last message ends, if the text has these words."""
    chance = random.Random(seed)
    follows = model["follows"]
    before = (["", "", *words_of(messages[-1]["content"])])[-2:]
    if " ".join(before) not in follows:
        before = ["", ""]
    for count in range(min(max_tokens, LENGTH)):
        choices = follows[" ".join(before)]
        # At a temperature of 0, the most frequent word follows; the last in the alphabet among equals.
        likely = max(sorted(set(choices), reverse=True), key=choices.count)
        word = chance.choice(choices) if temperature > 0 else likely
        if word == ".":
            yield "."
            return
        yield word if count == 0 else f" {word}"
        before = [before[1], word]
    yield Finish("length")


def embed(texts, model):
    """Return a vector of length 1 for each text: how often it has each word of the vocabulary."""
    return [unit([float(words_of(text).count(word)) for word in model["vocabulary"]]) for text in texts]


def words_of(text):
    """Return the words of a text, in lower case."""
    return re.findall(r"\w+", text.lower())


def unit(vector):
    """Scale a vector to length 1, unless it is 0."""
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length else vector


api = Api(load, chat=chat, embed=embed)
