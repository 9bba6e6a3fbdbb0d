"""Which parts of streamed answers are sent together, with a clock and an event loop of the test."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import gathered_parts
from aimodellib._bridge.gathered_parts import FLUSH_AFTER, PARTS_WAITED, SLOW, SLOW_STEP, START, GatheredParts


class Turns:
    """An event loop, a ledger and a clock in one: it records what is written, and when."""

    def __init__(self, monkeypatch, ready=1):
        self._ready = [None] * ready
        self.time = 1.0
        self.used = (0.0, 0)
        self.written = []
        self.waiting = []
        self.callbacks = []
        self.lost = []
        monkeypatch.setattr(gathered_parts, "now", lambda: self.time)
        monkeypatch.setattr(gathered_parts, "_used", lambda: self.used)
        self.parts = GatheredParts(self, self, self.lost.append)

    def call_soon(self, callback):
        self.callbacks.append(callback)

    def part(self, request_id, metadata, body, *, gather=False):
        self.waiting.append(body)
        if not gather:
            self.flush()

    def flush(self):
        if self.waiting:
            self.written.append(self.waiting)
            self.waiting = []

    def turn(self, *bodies, step=0.0, used=None):
        """Run a turn in which the bodies are sent, and return the writes; each step takes ``step`` seconds."""
        self.written = []
        for body in bodies:
            self.parts.send(1, b"", body)
            self.time += step
            self.used = used or (self.used[0] + step, 0)
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()
        return self.written

    def trust(self):
        """Run as many quick turns as it takes until parts are gathered."""
        for _ in range(-START):
            self.turn("x")


@pytest.fixture
def turns(monkeypatch):
    return Turns(monkeypatch)


def test_parts_of_a_turn_are_written_together_after_enough_quick_steps(turns):
    assert turns.turn("a", "b") == [["a"], ["b"]]
    turns.trust()
    assert turns.turn("a", "b", "c") == [["a", "b", "c"]]
    assert turns.turn("d") == [["d"]]
    assert turns.waiting == []


def test_a_part_that_nothing_else_follows_is_written_at_once(turns):
    turns.trust()
    turns._ready.clear()
    turns.parts.send(1, b"", "alone")
    assert (turns.waiting, turns.callbacks) == ([], [])


def test_a_part_waits_for_the_next_one_only_for_a_short_time(turns):
    turns.trust()
    assert turns.turn("a", "b", "c", "d", "e", step=FLUSH_AFTER * 0.6) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_slow_step_ends_the_gathering_until_there_were_many_quick_ones(turns):
    turns.trust()
    assert turns.turn("a", "b", step=2 * SLOW) == [["a"], ["b"]]
    for _ in range(PARTS_WAITED - 1):
        assert turns.turn("a") == [["a"]]
    assert turns.turn("a", "b") == [["a"], ["b"]]
    assert turns.turn("a", "b") == [["a", "b"]]


def test_parts_of_slow_steps_are_never_gathered(turns):
    for number in range(PARTS_WAITED):
        turns.turn("x", step=0 if number % (SLOW_STEP // 4) else 2 * SLOW)
        assert turns.turn("a", "b") == [["a"], ["b"]]


@pytest.mark.parametrize(("used", "ends"), [((0.0, 0), False), ((0.0, 1), True), ((1.0, 0), True)])
def test_a_step_is_slow_if_the_script_worked_or_slept_and_not_if_it_waited_for_a_processor(turns, used, ends):
    turns.trust()
    turns.turn("a", step=2 * SLOW, used=used)
    assert turns.turn("a", "b") == ([["a"], ["b"]] if ends else [["a", "b"]])


def test_a_loop_that_hides_what_is_ready_gets_each_part_written_at_once(monkeypatch):
    turns = Turns(monkeypatch)
    del turns._ready
    turns.parts = GatheredParts(turns, turns, turns.lost.append)
    for _ in range(-2 * START):
        turns.turn("x")
    assert turns.turn("a", "b") == [["a"], ["b"]]


def test_a_failed_write_at_the_end_of_a_turn_is_reported(turns):
    turns.trust()
    error = OSError("broken")

    def fail():
        raise error

    turns.flush = fail
    turns.turn("a", "b")
    assert turns.lost == [error]
