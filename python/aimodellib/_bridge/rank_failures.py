"""When ranks failed: a rank that failed before a signal came is the outcome of a run, not the signal.

torchrun looks at its ranks from time to time, and takes up to half a minute to end the others when one has failed. It
forgets a failure if a signal comes before that is done. Therefore a rank writes its exception into a file, and what
torchrun finds is noted when it finds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from typing import Any

#: What the files of failed ranks, and those that name a rank, begin with; the process id follows.
_FAILED, _NAME = "failed.", "rank."
#: For the signals of one stop to reach all processes of a run, in seconds.
SAME_TIME = 1.0
#: For a rank that has lost another one to a stop to fail of it, in seconds, before the stop reaches the worker.
_CONSEQUENCE = 0.05


def introduce(folder: str) -> None:
    """Write down which rank this process is."""
    with open(os.path.join(folder, f"{_NAME}{os.getpid()}"), "w", encoding="utf-8") as file:
        file.write(os.environ.get("RANK", "0"))


def note(folder: str, reason: str) -> None:
    """Write down that this process, a rank, has failed, unless torchrun will start it again. Raises nothing."""
    with contextlib.suppress(OSError, ValueError):
        if int(os.environ["TORCHELASTIC_RESTART_COUNT"]) < int(os.environ["TORCHELASTIC_MAX_RESTARTS"]):
            return
        path = os.path.join(folder, f"{_FAILED}{os.getpid()}")
        with open(f"{path}.new", "w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump([time.monotonic(), _message(os.environ["RANK"], reason)], file)
        os.rename(f"{path}.new", path)


class RankFailures:
    """The failures of the ranks on this host that torchrun does not answer with a restart."""

    def __init__(self, folder: str, errors: Any, max_restarts: int) -> None:
        """Note what torchrun finds from now on; ``errors`` is its module of that name."""
        self._folder = folder
        self._max_restarts = max_restarts
        self._found: list[tuple[float, str]] = []
        examine = errors.ProcessFailure.__post_init__

        def note_found(failure: Any) -> None:
            attempt = re.search(r"attempt_(\d+)", str(failure.error_file))
            examine(failure)
            if attempt is None or int(attempt[1]) >= self._max_restarts:
                at = time.monotonic()
                if is_stop(failure.exitcode):
                    at += SAME_TIME
                elif failure.exitcode < 0:
                    # A rank does not die of SIGKILL or SIGSEGV because another one was stopped.
                    at -= _CONSEQUENCE
                self._found.append((at, _message(self._rank_of(failure), reason_of(failure))))

        errors.ProcessFailure.__post_init__ = note_found

    def first_before(self, moment: float) -> str | None:
        """Say which rank failed first, and of what, if that was before a time of ``time.monotonic()``."""
        failures = list(self._found)
        for name in os.listdir(self._folder):
            if name.startswith(_FAILED) and not name.endswith(".new"):
                with open(os.path.join(self._folder, name), encoding="utf-8") as file:
                    at, message = json.load(file)
                failures.append((at, message))
        before = [failure for failure in failures if failure[0] < moment - _CONSEQUENCE]
        return min(before)[1] if before else None

    def _rank_of(self, failure: Any) -> str:
        try:
            with open(os.path.join(self._folder, f"{_NAME}{failure.pid}"), encoding="utf-8") as file:
                return file.read()
        except OSError:
            return str(failure.local_rank)


def is_stop(exit_code: int) -> bool:
    """Whether a process was ended by a signal that stops jobs."""
    return -exit_code in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def reason_of(failure: Any) -> str:
    """What a rank died of, as torchrun knows it: its exception, its exit code or a signal."""
    # Only a rank that raised an exception has left a file that says so.
    data = failure.error_file_data.get("message")
    message = str(data.get("message", "") if isinstance(data, dict) else failure.message).strip()
    if data not in (None, "<NONE>") and message:
        first = message.splitlines()[0]
        # Such a message is whole without its class.
        return first[len("ScriptError: ") :] if first.startswith("ScriptError: ") else first
    if failure.exitcode < 0:
        return f"it was ended by {signal.Signals(-failure.exitcode).name}"
    return f"it ended with exit code {failure.exitcode}"


def _message(rank: str, reason: str) -> str:
    return f"Rank {rank} failed: {reason.strip().splitlines()[0]}"
