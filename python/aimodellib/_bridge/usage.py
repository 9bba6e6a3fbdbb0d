"""Reports to the supervisor the resources that this process uses, how long the script's functions take, and the
metrics that the script has.

A busy worker reports about once a second, since its memory may be limited, and when the supervisor asks.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from . import frames

if TYPE_CHECKING:
    from .link import Link
    from .times import Times

#: The shortest interval between two unsolicited reports, in seconds.
PERIOD = 1.0

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage:
    """Sends STATS frames. It has no thread of its own, since a script may fork."""

    def __init__(self, link: Link, times: Times) -> None:
        self._link = link
        self._times = times
        self._next = 0.0
        self._rss = 0

    def tell(self) -> None:
        """Send a report, unless the last one is less than a second old."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PERIOD
            self.answer()

    def answer(self) -> None:
        """Send a report now."""
        memory = self._link.ledger.memory
        if memory is not None:
            # It belongs to the server, and must not count against --max-worker-memory.
            memory.forget()
        with contextlib.suppress(OSError):  # without a free descriptor, report the last value
            self._rss = _resident()
        histograms = {name: [*made.counts, round(made.sum, 6)] for name, made in vars(self._times).items()}
        cpu = round(time.process_time(), 3)
        self._link.send(frames.STATS, _metrics_of_script(), rss=self._rss, cpu=cpu, times=histograms)


def _metrics_of_script() -> bytes:
    """Return what the script has counted since the last report, as JSON; empty if it has no metrics."""
    metrics = sys.modules.get("aimodellib.metrics._declare")
    report: bytes = metrics.take_report() if metrics is not None else b""
    return report


def _resident() -> int:
    """Return the resident memory of this process, in bytes. Raises OSError without a free descriptor."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE
