"""What a serving worker does with the frames that are not requests. This is the same for all ways to take requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import cuda, frames
from .parts import parts_of

if TYPE_CHECKING:
    from .link import Link
    from .usage import Usage


class Loop:
    """Handles every frame but INVOKE. Each way to take requests handles that by itself, since it is the hot path."""

    def __init__(self, link: Link, usage: Usage) -> None:
        self.link = link
        self.usage = usage
        #: Whether STOP has come: the worker answers the requests that it has, and ends.
        self.stopping = False
        cuda.watch.on_broken = link.ledger.refuse

    def control(self, kind: int, request_id: int, metadata: bytes) -> None:
        """Handle a frame other than INVOKE. Raises ProtocolError if a serving worker takes no frames of this kind."""
        if kind == frames.STATS:
            self.report()
        elif kind == frames.STOP:
            self.stopping = True
        elif kind == frames.CANCEL:
            self.on_cancel(request_id)
        elif kind == frames.CREDIT:
            self.on_credit(request_id, parts_of(metadata))
        elif kind == frames.TRIM:
            if self.link.ledger.memory is not None:
                self.link.ledger.memory.trim()
        else:
            raise frames.unexpected(kind)

    def report(self) -> None:
        """Send the gathered answers, then the usage."""
        self.link.ledger.flush()
        self.usage.answer()

    def on_cancel(self, request_id: int) -> None:
        """The client of a request has disconnected. By default, nothing can be done about it."""

    def on_credit(self, request_id: int, parts: int) -> None:
        """The client of a request has taken so many parts. By default, the request is already answered."""
