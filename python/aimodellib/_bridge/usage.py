"""Tells the supervisor what this process takes of the machine, and how long the script's functions take.

About once a second while there is something to do, since memory may have a limit; and when the supervisor asks.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from . import frames

if TYPE_CHECKING:
    from .link import Link
    from .times import Times

#: Between two frames that nobody has asked for, in seconds.
PERIOD = 1.0

_PAGE = os.sysconf("SC_PAGE_SIZE")


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
