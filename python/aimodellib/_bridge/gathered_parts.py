"""Gathers the parts of several streamed answers that are ready in the same turn of the event loop, for one write.

No part should wait for slow code of a script. Nothing tells in advance how long the next step of a script takes, but
scripts repeat themselves: parts are gathered after many quick steps, and a slow step ends that. Until then, and while
nothing else is about to run, each part is sent at once.
"""

from __future__ import annotations

from resource import RUSAGE_THREAD, getrusage
from time import perf_counter as now
from time import thread_time
from typing import TYPE_CHECKING, Callable, Sized

if TYPE_CHECKING:
    import asyncio

    from .ledger import Ledger
    from .payload import Payload

#: How long a part waits at most before it is sent together with the next one, in seconds.
FLUSH_AFTER = 0.0005
#: A step is slow if parts wait for it longer than this, in seconds.
SLOW = 0.002
#: Parts are gathered if the score is at least 0. Each part adds 1. A slow step subtracts, more if parts have waited.
START = -64
SLOW_STEP = 64
PARTS_WAITED = 1024


class GatheredParts:
    """Sends parts, those of one turn of an event loop together."""

    def __init__(self, ledger: Ledger, loop: asyncio.AbstractEventLoop, lose: Callable[[BaseException], None]) -> None:
        """``lose`` is called with the error if parts can't be sent at the end of a turn."""
        self._ledger = ledger
        self._loop = loop
        self._lose = lose
        #: What is about to run. Other loops than that of asyncio hide it, and then each part is sent at once.
        self._ready: Sized = getattr(loop, "_ready", ())
        #: Since when the first gathered part waits, or a part would have waited; 0 outside of a turn.
        self._since = 0.0
        #: The processor time of this thread, and how often it had slept, at the beginning of gathering.
        self._used: tuple[float, int] = (0.0, 0)
        self._gathering = False
        self._score = START

    def send(self, request_id: int, metadata: bytes, body: Payload) -> None:
        """Send a part at once, or at the end of this turn. Raises Closed and LinkError."""
        if self._since:
            if now() - self._since > FLUSH_AFTER:
                self._flush()
                self._begin()
        elif self._ready:
            self._loop.call_soon(self._on_end)
            self._begin()
        else:
            self._ledger.part(request_id, metadata, body)
            return
        self._score += 1
        self._ledger.part(request_id, metadata, body, gather=self._gathering)
        if not self._gathering:
            # What the write took does not count: the socket may be full.
            self._since = now()

    def _begin(self) -> None:
        if self._score >= 0:
            self._gathering, self._score = True, 0
            self._used = _used()
        self._since = now()

    def _flush(self) -> None:
        """Send what was gathered, and record whether a step was slow. Raises Closed and LinkError."""
        if now() - self._since > SLOW and not self._was_suspended():
            self._score -= PARTS_WAITED if self._gathering else SLOW_STEP
            self._gathering = False
            self._score = max(self._score, -PARTS_WAITED)
        self._ledger.flush()

    def _was_suspended(self) -> bool:
        """Tell whether the worker has waited for a processor while parts were gathered: the script was not slow."""
        used, slept = _used()
        return self._gathering and used - self._used[0] <= SLOW and slept == self._used[1]

    def _on_end(self) -> None:
        try:
            self._flush()
        except BaseException as error:
            self._lose(error)
        self._since = 0.0


def _used() -> tuple[float, int]:
    """Return the processor time of this thread in seconds, and how often it has waited for something else."""
    return thread_time(), getrusage(RUSAGE_THREAD).ru_nvcsw
