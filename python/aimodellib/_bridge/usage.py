"""What this process takes of the machine, and how long the script's functions take: told to the supervisor.

About once a second while there is something to do, since memory may have a limit; and when the supervisor asks.
"""

from __future__ import annotations

import contextlib
import os
import time
from bisect import bisect_left
from typing import TYPE_CHECKING

from . import frames

if TYPE_CHECKING:
    from .worker import Link

#: Between two frames that nobody has asked for, in seconds.
PERIOD = 1.0

#: Upper limits of the buckets, in seconds; `src/observability/metrics.ts` has the same.
SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
#: Of batches, in requests.
SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Histogram:
    """Counts values by buckets, each with an upper limit that belongs to it, and those above all limits."""

    def __init__(self, limits: list[float]) -> None:
        self._limits = limits
        self.counts = [0] * (len(limits) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self._limits, value)] += 1
        self.sum += value


class Times:
    """How long the functions of the script took, since this process began."""

    def __init__(self) -> None:
        self.deserialize = Histogram(SECONDS)
        self.predict = Histogram(SECONDS)
        self.serialize = Histogram(SECONDS)
        self.batches = Histogram(list(map(float, SIZES)))

    def observe(self, start: float, deserialized: float, predicted: float, serialized: float) -> None:
        """Count a request, by when each function began and ended: times of ``perf_counter``."""
        self.deserialize.observe(deserialized - start)
        self.predict.observe(predicted - deserialized)
        self.serialize.observe(serialized - predicted)


class Usage:
    """Sends STATS frames; no thread of its own, since a script may fork."""

    def __init__(self, link: Link, times: Times) -> None:
        self._link = link
        self._times = times
        self._next = 0.0
        self._rss = 0

    def tell(self) -> None:
        """Send one, unless the last was sent less than a second ago."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PERIOD
            self.answer()

    def answer(self) -> None:
        """Send one, since the supervisor asked."""
        with contextlib.suppress(OSError):  # without a free file descriptor, it is told what was true before
            self._rss = _resident()
        histograms = {name: [*made.counts, round(made.sum, 6)] for name, made in vars(self._times).items()}
        self._link.send(frames.STATS, rss=self._rss, cpu=round(time.process_time(), 3), times=histograms)


def _resident() -> int:
    """Memory of this process that is in RAM, in bytes. Raises OSError where no file can be opened."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE
