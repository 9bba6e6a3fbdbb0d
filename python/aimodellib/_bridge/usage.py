"""What this process takes of the machine, told to the supervisor about once a second while there is something to do."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from . import frames

if TYPE_CHECKING:
    from .worker import Link

#: Between two frames, in seconds.
PERIOD = 1.0

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage:
    """Sends STATS frames; no thread of its own, since a script may fork."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._next = 0.0

    def tell(self) -> None:
        """Send one, unless the last was sent less than a second ago."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PERIOD
        self._link.send(frames.STATS, rss=_resident(), cpu=round(time.process_time(), 3))


def _resident() -> int:
    """Memory of this process that is in RAM, in bytes."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE
