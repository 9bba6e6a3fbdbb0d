"""The protocols and the logger that scripts import."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

import aimodellib.util
import aimodellib.util.types
import aimodellib.utils
import aimodellib.utils.types
from aimodellib.utils import InferenceModule, Logger, PrintLogger, TrainingModule


class Trainer:
    def train(self, model_dir, *args):
        pass


@pytest.mark.parametrize("name", ["Logger", "TrainingModule", "InferenceModule"])
def test_both_module_names_have_the_same_object(name):
    assert getattr(aimodellib.util, name) is getattr(aimodellib.utils, name)
    assert getattr(aimodellib.util.types, name) is getattr(aimodellib.utils.types, name)


@pytest.mark.parametrize(
    ("protocol", "value", "valid"),
    [
        (TrainingModule, Trainer(), True),
        (TrainingModule, Trainer, False),
        (InferenceModule, Trainer(), False),
        (TrainingModule, None, False),
    ],
)
def test_validate_tells_whether_an_object_has_the_functions(protocol, value, valid):
    assert protocol.validate(value) is valid


def test_print_logger_prints_level_separator_and_end(capsys):
    PrintLogger().log("disk", "full", sep="-", end="!\n", level=Logger.ERROR)
    assert capsys.readouterr().out == "[ERROR] disk-full!\n"


def test_print_logger_prints_no_level_when_none_is_given(capsys):
    PrintLogger().log("loss", 0.25, flush=True)
    assert capsys.readouterr().out == "loss 0.25\n"
