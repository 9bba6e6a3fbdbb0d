"""Records when ranks failed: if a rank failed before a signal arrived, the failure is the outcome, not the signal.

torchrun polls its ranks, and takes up to half a minute to end the others when one has failed. If a signal arrives
meanwhile, it forgets the failure. Therefore a rank writes its exception into a file, and we record failures when
torchrun finds them.

A rank that fails takes others with it: they lose their connection to it in the middle of an operation. Such an error is
the outcome only if nothing else is known.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from typing import Any, NamedTuple

#: The prefixes of the files of failed ranks, and of those with the number of a rank; the process id follows.
_FAILED, _NAME = "failed.", "rank."
#: How long the signals of one stop may take to reach all processes of a run, in seconds.
SAME_TIME = 1.0
#: If a stop ends a rank, others may fail because of that up to this long before the worker is stopped, in seconds.
_CONSEQUENCE = 0.05
#: Base classes of errors of torch.distributed, and what messages of its backend gloo contain, which have no class.
_LOST = {"DistBackendError", "DistNetworkError", "DistStoreError"}
_LOST_TEXT = re.compile(r"/gloo/|(?:closed|reset) by peer")


class Failure(NamedTuple):
    """Why a rank has failed for good. The smallest of several failures is the cause of the others."""

    #: Whether the rank failed because it lost another one.
    is_consequence: bool
    #: A time of ``time.time()``.
    at: float
    message: str


def has_lost_others(error: BaseException) -> bool:
    """Whether an exception says that another rank could not be reached."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & _LOST) or (type(error) is RuntimeError and _LOST_TEXT.search(str(error)) is not None)


def introduce(folder: str) -> None:
    """Record which rank this process is."""
    with open(os.path.join(folder, f"{_NAME}{os.getpid()}"), "w", encoding="utf-8") as file:
        file.write(os.environ.get("RANK", "0"))


def note(folder: str, reason: str, is_consequence: bool = False) -> None:
    """Record that this rank has failed, unless torchrun will restart it. Raises nothing."""
    with contextlib.suppress(OSError, ValueError):
        if int(os.environ["TORCHELASTIC_RESTART_COUNT"]) < int(os.environ["TORCHELASTIC_MAX_RESTARTS"]):
            return
        path = os.path.join(folder, f"{_FAILED}{os.getpid()}")
        with open(f"{path}.new", "w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump([is_consequence, time.monotonic(), _message(os.environ["RANK"], reason)], file)
        os.rename(f"{path}.new", path)


class RankFailures:
    """The failures of ranks on this host after which torchrun does not restart them."""

    def __init__(self, folder: str, errors: Any, max_restarts: int) -> None:
        """Record the failures that torchrun finds from now on; ``errors`` is its module with that name."""
        self._folder = folder
        self._max_restarts = max_restarts
        self._found: list[tuple[bool, float, str]] = []
        examine = errors.ProcessFailure.__post_init__

        def note_found(failure: Any) -> None:
            attempt = re.search(r"attempt_(\d+)", str(failure.error_file))
            try:
                examine(failure)
            except ValueError:
                # The rank was ended while it wrote its exception. Without the file, torchrun takes the exit code.
                os.unlink(failure.error_file)
                examine(failure)
            # The rank itself knows best why it has failed.
            if os.path.exists(os.path.join(folder, f"{_FAILED}{failure.pid}")):
                return
            if attempt is None or int(attempt[1]) >= self._max_restarts:
                at = time.monotonic()
                if is_stop(failure.exitcode):
                    at += SAME_TIME
                elif failure.exitcode < 0:
                    # Ranks do not die of SIGKILL or SIGSEGV because another one was stopped.
                    at -= _CONSEQUENCE
                self._found.append((False, at, _message(self._rank_of(failure), reason_of(failure))))

        errors.ProcessFailure.__post_init__ = note_found

    def first_before(self, moment: float) -> Failure | None:
        """Return the cause of the failures before ``moment``, a time of ``time.monotonic()``."""
        failures = list(self._found)
        for name in os.listdir(self._folder):
            if name.startswith(_FAILED) and not name.endswith(".new"):
                with open(os.path.join(self._folder, name), encoding="utf-8") as file:
                    is_consequence, at, message = json.load(file)
                failures.append((is_consequence, at, message))
        before = [failure for failure in failures if failure[1] < moment - _CONSEQUENCE]
        if not before:
            return None
        is_consequence, at, message = min(before)
        return Failure(is_consequence, at + time.time() - time.monotonic(), message)

    def _rank_of(self, failure: Any) -> str:
        try:
            with open(os.path.join(self._folder, f"{_NAME}{failure.pid}"), encoding="utf-8") as file:
                return file.read()
        except OSError:
            return str(failure.local_rank)


def is_stop(exit_code: int) -> bool:
    """Whether an exit code means that a signal which stops jobs ended the process."""
    return -exit_code in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def reason_of(failure: Any) -> str:
    """Return why a rank failed, from torchrun's record: its exception, its exit code or a signal."""
    # Only a rank that raised an exception has left a file with it.
    data = failure.error_file_data.get("message")
    message = str(data.get("message", "") if isinstance(data, dict) else failure.message).strip()
    if data not in (None, "<NONE>") and message:
        first = message.splitlines()[0]
        # The message is complete without the name of its class.
        return first[len("ScriptError: ") :] if first.startswith("ScriptError: ") else first
    if failure.exitcode < 0:
        return f"it was ended by {signal.Signals(-failure.exitcode).name}"
    return f"it ended with exit code {failure.exitcode}"


def _message(rank: str, reason: str) -> str:
    return f"Rank {rank} failed: {reason.strip().splitlines()[0]}"
