"""The outcome of a distributed run when ranks or other hosts fail and a signal arrives: the earlier event counts."""

import signal
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import supervisor  # noqa: F401 - puts the package on the path

from aimodellib._bridge.hosts import Hosts
from aimodellib._bridge.rank_failures import SAME_TIME, RankFailures, introduce, note

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
    assert failures.first_before(time.monotonic() + 1) == known
    assert failures.first_before(before) is None


@pytest.mark.parametrize(("attempt", "is_final"), [(0, False), (1, True)])
def test_a_rank_that_torchrun_finds_killed_is_recorded(errors, rank, attempt, is_final, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 1)
    rank("5", str(attempt), "1")
    introduce(str(tmp_path))
    pid = int(next(tmp_path.iterdir()).name.split(".")[-1])
    errors.ProcessFailure(1, pid, KILLED, f"/x/attempt_{attempt}/1/error.json")
    known = "Rank 5 failed: it was ended by SIGKILL" if is_final else None
    assert failures.first_before(time.monotonic() + 1) == known


def test_a_rank_that_the_stop_itself_has_ended_does_not_count_as_failed(errors, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 0)
    errors.ProcessFailure(1, 1, TERMINATED, "/x/attempt_0/1/error.json")
    now = time.monotonic()
    assert failures.first_before(now + SAME_TIME / 2) is None
    assert failures.first_before(now + SAME_TIME * 2) == "Rank 1 failed: it was ended by SIGTERM"


class Store:
    """A store with the failure of another host."""

    def check(self, keys):
        return True

    def get(self, key):
        return b"Rank 1 failed: bad (on host-b)"


@pytest.mark.parametrize(("at", "heard"), [(None, "Rank 1 failed: bad (on host-b)"), (1.0, None)])
def test_the_failure_of_another_host_counts_unless_a_signal_arrived_before(monkeypatch, at, heard):
    sent = []
    monkeypatch.setattr(Hosts, "_is_up", lambda _: True)
    monkeypatch.setattr(Hosts, "_connect", lambda _: Store())
    monkeypatch.setattr(sys.modules[Hosts.__module__].os, "kill", lambda *args: sent.append(args))
    hosts = Hosts(("host-a", 29400), "run", SimpleNamespace(at=at))
    hosts._listen()
    assert hosts.heard == heard
    assert len(sent) == (heard is not None)


@pytest.mark.parametrize(("code", "is_known"), [(KILLED, True), (1, False)])
def test_a_rank_that_was_killed_just_before_the_signal_is_recorded(errors, code, is_known, tmp_path):
    failures = RankFailures(str(tmp_path), errors, 0)
    errors.ProcessFailure(local_rank=1, pid=99, exitcode=code, error_file="attempt_0/1/error.json")
    # A rank that ended with an exit code may have failed because the stop ended another one.
    assert (failures.first_before(time.monotonic() + 0.001) is not None) is is_known
