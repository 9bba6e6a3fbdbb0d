"""``logger.scalar``: what is sent to the console, and what is not."""

import json
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import scalars
from aimodellib._bridge.request import ServingLogger
from aimodellib._bridge.scalars import ScalarLogger, Scalars
from aimodellib.util import PrintLogger


class Sent:
    """Takes the bodies of frames."""

    def __init__(self):
        self.bodies = []

    def __call__(self, body):
        self.bodies.append(body)

    @property
    def points(self):
        return [tuple(point[:3]) for body in self.bodies for point in json.loads(body)]


@pytest.fixture
def sent():
    return Sent()


def test_points_are_sent_in_the_order_of_each_name_and_steps_are_counted_without_one(sent):
    gathered = Scalars(sent)
    logger = ScalarLogger(gathered)
    for step in range(3):
        logger.scalar("loss", 1 / (step + 1), 10 * step)
        logger.scalar("accuracy", step)
    gathered.close()
    assert [point for point in sent.points if point[0] == "loss"] == [("loss", 0, 1), ("loss", 10, 0.5), ("loss", 20, 1 / 3)]
    assert [point for point in sent.points if point[0] == "accuracy"] == [("accuracy", n, n) for n in range(3)]


def test_values_that_are_no_numbers_of_json_are_strings(sent):
    gathered = Scalars(sent)
    for value in (float("nan"), float("inf"), float("-inf"), True):
        gathered.add("loss", value)
    gathered.close()
    assert [value for _, _, value in sent.points] == ["NaN", "Infinity", "-Infinity", 1]


def test_points_arrive_while_the_script_goes_on(monkeypatch):
    monkeypatch.setattr(scalars, "INTERVAL", 0.01)
    arrived = threading.Event()
    gathered = Scalars(lambda body: arrived.set())
    gathered.add("loss", 1)
    assert arrived.wait(60)
    gathered.close()


def test_numbers_and_lengths_of_names_and_points_are_limited(sent, monkeypatch):
    monkeypatch.setattr(scalars, "INTERVAL", 3600)
    gathered = Scalars(sent)
    for step in range(100_000):
        gathered.add("loss", step, step)
    for number in range(1000):
        gathered.add("\U0001f600" * 1000 + str(number), 0)
        gathered.add(f"name {number}", 0)
    gathered.close()
    steps = [step for name, step, _ in sent.points if name == "loss"]
    assert len(steps) <= scalars.MAX_AT_ONCE
    assert steps == sorted(steps)
    assert steps[-1] == 99_999
    names = {name for name, _, _ in sent.points}
    assert len(names) == scalars.MAX_NAMES
    assert max(map(len, names)) == scalars.MAX_NAME
    assert max(map(len, sent.bodies)) < 1024 * 1024


def test_what_is_not_a_scalar_raises_in_the_script(sent):
    gathered = Scalars(sent)
    for name, value, step in ((1, 1, 1), ("loss", "much", 1), ("loss", 1, "x"), ("loss", None, 1), ("loss", [1], None)):
        with pytest.raises((TypeError, ValueError)):
            gathered.add(name, value, step)
    gathered.close()
    assert sent.bodies == []


def test_a_lost_connection_does_not_disturb_the_script():
    def lose(_body):
        raise BrokenPipeError

    gathered = Scalars(lose)
    gathered.add("loss", 1)
    gathered.close()


@pytest.mark.parametrize("logger", [PrintLogger(), ServingLogger()])
def test_other_loggers_take_scalars_and_show_nothing(logger, capsys):
    logger.scalar("loss", 0.5, 1)
    logger.scalar("loss", float("nan"))
    assert capsys.readouterr() == ("", "")
