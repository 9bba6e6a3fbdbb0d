"""Train, and ask for the sample: `python -m unittest`, or pytest. Nothing has to be installed."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

if importlib.util.find_spec("aimodellib") is None:
    # The executable brings this along when it trains and serves; the test needs nothing but the error's class.
    sys.modules["aimodellib.io"] = mock.Mock(InputError=ValueError)

import serve
import train


class ModelTest(unittest.TestCase):
    """What the model answers after a training."""

    model: dict[str, list[str]]

    @classmethod
    def setUpClass(cls) -> None:
        """Train once."""
        with tempfile.TemporaryDirectory() as model_dir:
            train.train(model_dir)
            cls.model = serve.load(model_dir)

    def test_the_sample_is_continued_with_words_that_follow_each_other(self) -> None:
        sample = pathlib.Path(__file__).with_name("sample.txt").read_text("utf-8")
        words = [word.strip() for word in serve.predict(sample, self.model, pause=0)]
        self.assertEqual(len(words), serve.WORDS)
        self.assertIn(words[0], self.model["was"])
        self.assertEqual(words, [word.strip() for word in serve.predict(sample, self.model, pause=0)])

    def test_what_is_no_text_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            next(serve.predict([], self.model))


if __name__ == "__main__":
    unittest.main()
