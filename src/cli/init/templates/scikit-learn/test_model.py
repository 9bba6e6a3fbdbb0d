"""Train, and ask for the sample: `python -m unittest`, or pytest, where requirements.txt is installed."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import sys
import tempfile
import unittest
from typing import Any
from unittest import mock

if importlib.util.find_spec("aimodellib") is None:
    # The executable brings this along when it trains and serves; the test needs nothing but the error's class.
    sys.modules["aimodellib.io"] = mock.Mock(InputError=ValueError)

import serve
import train


class ModelTest(unittest.TestCase):
    """What the model answers after a training."""

    model: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        """Train once."""
        with tempfile.TemporaryDirectory() as model_dir:
            train.train(model_dir)
            cls.model = serve.load(model_dir)

    def test_the_sample_is_known(self) -> None:
        sample = json.loads(pathlib.Path(__file__).with_name("sample.json").read_text("utf-8"))
        species = [found["species"] for found in serve.predict(sample, self.model)]
        self.assertEqual(species, ["setosa", "versicolor", "virginica"])

    def test_what_has_not_four_measurements_is_refused(self) -> None:
        wrong: list[object] = [{}, [], [5.1, 3.5, 1.4, 0.2], [[5.1]], [["a", "b", "c", "d"]], [[5.1, 3.5, 1.4, None]]]
        for data in wrong:
            with self.assertRaises(ValueError):
                serve.predict(data, self.model)


if __name__ == "__main__":
    unittest.main()
