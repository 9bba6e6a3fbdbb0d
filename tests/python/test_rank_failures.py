"""The outcome of a distributed run when ranks or other hosts fail and a signal arrives: the earlier event counts."""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import supervisor  # noqa: F401 - puts the package on the path

from aimodellib._bridge.hosts import Hosts
from aimodellib._bridge.rank_failures import SAME_TIME, Failure, RankFailures, has_lost_others, introduce, note


def message(failure):
    return None if failure is None else failure.message


KILLED, TERMINATED = -signal.SIGKILL, -signal.SIGTERM


@pytest.fixture
def errors():
    """A stand-in for torchrun's module of that name."""

    @dataclass
    class ProcessFailure:
        local_rank: int
        pid: int
        exitcode: int
        error_file: str

        def __post_init__(self):
            self.error_file_data, self.message = {"message": "<NONE>"}, ""
            if os.path.isfile(self.error_file):
                with open(self.error_file) as file:
                    self.error_file_data = json.load(file)

    return SimpleNamespace(ProcessFailure=ProcessFailure)


@pytest.fixture
def rank(monkeypatch):
    def become(number, restarts, most):
        monkeypatch.setenv("RANK", number)
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", restarts)
        monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", most)

    return become


@pytest.mark.parametrize(("restarts", "is_final"), [("0", False), ("1", False), ("2", True)])
def test_the_exception_of_a_rank_that_is_not_restarted_is_recorded(errors, rank, restarts, is_final, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 2)
    rank("3", restarts, "2")
    before = time.monotonic()
    note(str(tmp_path), "ValueError: bad\nand more")
    known = "Rank 3 failed: ValueError: bad" if is_final else None
    assert message(failures.first_before(time.monotonic() + 1)) == known
    assert failures.first_before(before) is None


@pytest.mark.parametrize(("attempt", "is_final"), [(0, False), (1, True)])
def test_a_rank_that_torchrun_finds_killed_is_recorded(errors, rank, attempt, is_final, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 1)
    rank("5", str(attempt), "1")
    introduce(str(tmp_path))
    pid = int(next(tmp_path.iterdir()).name.split(".")[-1])
    errors.ProcessFailure(1, pid, KILLED, f"/x/attempt_{attempt}/1/error.json")
    known = "Rank 5 failed: it was ended by SIGKILL" if is_final else None
    assert message(failures.first_before(time.monotonic() + 1)) == known


def test_a_rank_that_was_ended_while_it_wrote_its_exception_is_recorded(errors, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 0)
    file = tmp_path / "attempt_0" / "0" / "error.json"
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert errors.ProcessFailure(1, 1, KILLED, str(file)).error_file_data == {"message": "<NONE>"}
    assert "SIGKILL" in message(failures.first_before(time.monotonic() + 1))


def test_a_rank_that_the_stop_itself_has_ended_does_not_count_as_failed(errors, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 0)
    errors.ProcessFailure(1, 1, TERMINATED, "/x/attempt_0/1/error.json")
    now = time.monotonic()
    assert failures.first_before(now + SAME_TIME / 2) is None
    assert message(failures.first_before(now + SAME_TIME * 2)) == "Rank 1 failed: it was ended by SIGTERM"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_rank_that_lost_another_one_is_no_cause(errors, rank, order, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 0)
    for number in order:
        rank(str(number), "0", "0")
        note(str(tmp_path), ["ValueError: bad", "RuntimeError: closed by peer"][number], is_consequence=number == 1)
        # Both have this process's id.
        next(tmp_path.glob("failed.*[0-9]")).rename(tmp_path / f"failed.x{number}")
    assert message(failures.first_before(time.monotonic() + 1)) == "Rank 0 failed: ValueError: bad"


class DistBackendError(RuntimeError):
    """Stands for PyTorch's class of that name."""


@pytest.mark.parametrize(
    ("error", "has_lost"),
    [
        (
            RuntimeError("[/x/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [10.0.0.1]"),
            True,
        ),
        (DistBackendError("NCCL error: remote process exited or there was a network error"), True),
        (RuntimeError("CUDA out of memory"), False),
        (ValueError("closed by peer"), False),
    ],
)
def test_errors_of_connections_between_ranks_are_known(error, has_lost):
    assert has_lost_others(error) is has_lost


class Store:
    """A store like PyTorch's, with the failure of another host or none."""

    def __init__(self, *failure):
        self.value = json.dumps([*failure, "other"]).encode() if failure else b""

    def check(self, keys):
        return self.value != b""

    def get(self, key):
        return self.value

    def compare_set(self, key, expected, desired):
        if expected.encode() == self.value:
            self.value = desired.encode()
        return self.value


@pytest.fixture
def sent(monkeypatch):
    """The signals that this process sends."""
    signals = []
    monkeypatch.setattr(sys.modules[Hosts.__module__].os, "kill", lambda *args: signals.append(args))
    return signals


BAD = "Rank 1 failed: bad (on host-b)"


@pytest.mark.parametrize(("at", "heard"), [(None, BAD), (1.0, None)])
def test_the_failure_of_another_host_counts_unless_a_signal_arrived_before(sent, at, heard):
    hosts = Hosts(("host-a", 29400), "run", SimpleNamespace(at=at))
    store = Store(False, 1.0, BAD)
    hosts._look(store)
    hosts._look(store)
    assert message(hosts.heard) == heard
    assert len(sent) == (heard is not None)


def test_the_cause_on_another_host_replaces_a_consequence_on_this_one(monkeypatch, sent):
    own = Failure(True, 2.0, "Rank 0 failed: closed by peer")
    hosts = Hosts(("host-a", 29400), "run", SimpleNamespace(at=None), lambda: own)
    store = Store(False, 3.0, BAD)
    monkeypatch.setattr(hosts, "_connect", lambda: store)
    monkeypatch.setattr(sys.modules[Hosts.__module__].time, "sleep", lambda _: hosts._look(store))
    assert hosts.tell(own).message == BAD
    assert json.loads(store.value)[2] == BAD, "the store keeps it"
    assert sent == [], "torchrun ends the ranks already"


@pytest.mark.parametrize("theirs", [(True, 1.0, "lost"), (False, 3.0, "later")])
def test_the_cause_on_this_host_replaces_a_consequence_or_a_later_failure_in_the_store(monkeypatch, sent, theirs):
    own = Failure(False, 2.0, "Rank 0 failed: bad")
    hosts = Hosts(("host-a", 29400), "run", SimpleNamespace(at=None), lambda: own)
    store = Store(*theirs)
    monkeypatch.setattr(hosts, "_connect", lambda: store)
    monkeypatch.setattr(sys.modules[Hosts.__module__].time, "sleep", lambda _: hosts._look(store))
    assert hosts.tell(own) == own
    assert json.loads(store.value)[2].startswith("Rank 0 failed: bad (on ")


def test_a_consequence_on_another_host_ends_the_ranks_only_if_no_cause_follows(sent):
    hosts = Hosts(("host-a", 29400), "run", SimpleNamespace(at=None))
    hosts._look(Store(True, 1.0, "lost"))
    assert (hosts.heard, sent) == (None, [])
    hosts._look(Store(False, 2.0, BAD))
    assert (message(hosts.heard), len(sent)) == (BAD, 1)
    alone = Hosts(("host-a", 29400), "run", SimpleNamespace(at=None))
    alone._look(Store(True, 1.0, "lost"))
    alone._look(Store(True, 1.0, "lost"))
    assert message(alone.heard) == "lost"


@pytest.mark.parametrize(("code", "is_known"), [(KILLED, True), (1, False)])
def test_a_rank_that_was_killed_just_before_the_signal_is_recorded(errors, code, is_known, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 0)
    errors.ProcessFailure(local_rank=1, pid=99, exitcode=code, error_file="attempt_0/1/error.json")
    # A rank that ended with an exit code may have failed because the stop ended another one.
    assert (failures.first_before(time.monotonic() + 0.001) is not None) is is_known
