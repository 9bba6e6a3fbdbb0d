"""A logger can be called like one of Python's ``logging``."""

import inspect
import logging
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

import aimodellib.util
import aimodellib.util.types
import aimodellib.utils
import aimodellib.utils.types
from aimodellib._bridge.request import ServingLogger
from aimodellib.util import Logger, PrintLogger

METHODS = ["debug", "info", "warning", "error", "critical", "exception"]


class Odd:
    def __str__(self):
        raise KeyError("odd")


@pytest.mark.parametrize("make", [PrintLogger, ServingLogger])
@pytest.mark.parametrize("method", METHODS)
def test_each_level_has_a_method_with_the_signature_of_logging(method, make, capsys):
    getattr(make(), method)("loss %.2f of %s", 0.25, "x", exc_info=False, stacklevel=2, extra={"a": 1})
    level = "ERROR" if method == "exception" else method.upper()
    assert capsys.readouterr() == (f"[{level}] loss 0.25 of x\n", "")
    known = inspect.signature(getattr(logging.Logger, method)).parameters
    mine = inspect.signature(getattr(Logger, method)).parameters
    assert set(known) - {"kwargs"} <= set(mine)


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (("50%",), "50%"),
        (("%s", "50%"), "50%"),
        (("%(a)s and %(b)d", {"a": "x", "b": 2}), "x and 2"),
        (("all of %s", {"a": 1}), "all of {'a': 1}"),
        (("none of %s", {}), "none of {}"),
        (("a tuple: %s", (1, 2)), "a tuple: (1, 2)"),
        ((0.25,), "0.25"),
        ((ValueError("bad"),), "bad"),
        (("loss", 0.25), "loss 0.25"),
        (("%d", "x"), "%d x"),
        (("%s and %s", 1), "%s and %s 1"),
        (("%s", Odd()), "%s <Odd: str() failed>"),
        ((Odd(),), "<Odd: str() failed>"),
        (("%(a)s", {"b": 1}), "%(a)s {'b': 1}"),
    ],
)
def test_a_message_is_formatted_as_by_logging_and_never_raises(args, shown, capsys):
    PrintLogger().info(*args)
    assert capsys.readouterr().out == f"[INFO] {shown}\n"


def test_exception_and_exc_info_show_the_traceback(capsys):
    logger = PrintLogger()
    try:
        raise ValueError("bad")
    except ValueError as error:
        logger.exception("failed")
        logger.error("failed", exc_info=True)
        kept = error
    logger.warning("failed", exc_info=kept)
    logger.info("failed", exc_info=(ValueError, kept, kept.__traceback__))
    blocks = capsys.readouterr().out.split("failed\n")[1:]
    assert len(blocks) == 4
    for block in blocks:
        assert block.startswith("Traceback (most recent call last):\n") and "ValueError: bad\n" in block
    # No exception is being handled.
    logger.exception("well")
    assert capsys.readouterr().out == "[ERROR] well\n"


def test_an_exception_that_can_not_be_shown_raises_nothing(capsys):
    logger = PrintLogger()
    logger.error("failed", exc_info=type("Odd", (Exception,), {"__str__": Odd.__str__})())
    assert "Odd" in capsys.readouterr().out


def test_stack_info_shows_the_caller(capsys):
    PrintLogger().info("here", stack_info=True)
    text = capsys.readouterr().out
    assert "Stack (most recent call last):\n" in text
    assert text.rstrip().endswith('PrintLogger().info("here", stack_info=True)')


def test_a_logger_that_implements_log_has_the_other_methods():
    lines = []

    class Mine(Logger):
        def log(self, *msgs, level=None, **options):
            lines.append((level, *msgs))

    Mine().error("%d left", 3)
    assert lines == [("ERROR", "3 left")]


def test_log_is_called_like_print(capsys):
    PrintLogger().log(20, "loss %s", 0.25)
    assert capsys.readouterr().out == "20 loss %s 0.25\n"


def test_nothing_is_printed_without_a_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    PrintLogger().info("x")
    PrintLogger().flush()


@pytest.mark.parametrize("name", ["InferenceModule", "Logger", "Request", "TrainingModule"])
def test_both_module_names_have_the_same_objects(name):
    places = [aimodellib.util, aimodellib.utils, aimodellib.util.types, aimodellib.utils.types]
    assert all(getattr(place, name) is getattr(places[0], name) for place in places)
    assert all(name in place.__all__ for place in places)
