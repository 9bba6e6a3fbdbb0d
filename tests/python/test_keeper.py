"""The keeper's search for processes that a worker leaves behind."""

from __future__ import annotations

import builtins
import errno
import os
import pathlib
import subprocess
import sys
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import keeper

MARK = "test-keeper-mark"


@pytest.fixture
def left_behind() -> Iterator[subprocess.Popen[bytes]]:
    """A process with the mark, in a session of its own."""
    environment = {**os.environ, keeper.MARK: MARK}
    with subprocess.Popen(["sleep", "60"], env=environment, start_new_session=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("file", ["stat", "environ"])
@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO])
def test_a_process_that_can_not_be_examined_at_first_is_killed(
    monkeypatch: pytest.MonkeyPatch, left_behind: subprocess.Popen[bytes], file: str, code: int
) -> None:
    faults = [OSError(code, os.strerror(code))]
    true_open = builtins.open

    def failing_open(path: Any, *arguments: Any, **options: Any) -> Any:
        if path == f"/proc/{left_behind.pid}/{file}" and faults:
            raise faults.pop()
        return true_open(path, *arguments, **options)

    monkeypatch.setattr(builtins, "open", failing_open)
    # A group that does not exist: the process is found by its mark.
    ended = subprocess.Popen(["true"], start_new_session=True)
    ended.wait()
    keeper.sweep(ended.pid, MARK)
    assert not faults
    assert left_behind.wait(5) == -9
