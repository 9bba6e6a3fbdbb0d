"""Answers in parts, from a ``predict`` that is a generator: each item is serialized and sent at once.

The supervisor grants credit for as many parts as the client has read. Without credit, the generator waits. When the
client disconnects, the generator is closed.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from . import forks, frames
from .frames import Frame

if TYPE_CHECKING:
    from .answer import Answer
    from .link import Link

#: How many parts may be sent before the client has read any; `src/supervisor/part_stream.ts` has the same number.
FIRST_CREDIT = 16
#: Interval between two checks whether the client has disconnected, in seconds.
LOOK_EVERY = 0.005


class Gone(Exception):
    """The client has disconnected."""


class Sender:
    """Sends the parts of an answer. Its subclasses wait for credit, each in its own way."""

    def __init__(self, link: Link, request_id: int) -> None:
        self._link = link
        #: The request that is answered.
        self.request_id = request_id
        self._credit = 0

    def send(self, encode: Callable[[Any, str], Answer], items: Any, accepted: str) -> Answer:
        """Encode each item of a generator and send it as a part; return the answer that follows the last part.

        Raises what the script raises, Gone, and Closed.
        """
        accepted = without_events(accepted)
        self._credit = FIRST_CREDIT
        sent = 0
        try:
            for item in items:
                if forks.is_child:
                    forks.leave()
                answer = encode(item, accepted)
                if answer[0] != frames.RESULT:
                    return answer
                self.transmit(answer)
                sent += 1
                self.wait()
            if forks.is_child:
                forks.leave()
        finally:
            items.close()
        return end_of_parts(sent)

    def transmit(self, answer: Answer) -> None:
        """Send an answer as a part."""
        transmit(self._link, self.request_id, answer)

    def wait(self) -> None:
        """Wait until another part may be sent. Raises Gone."""
        raise NotImplementedError

    def is_gone(self, request_id: int) -> bool:
        """Tell whether the client of a request has disconnected."""
        raise NotImplementedError


class SerialSender(Sender):
    """Sends the parts of one answer at a time. It reads frames itself, since nobody else does during a request."""

    def __init__(self, link: Link) -> None:
        super().__init__(link, 0)
        #: Requests whose clients have disconnected: the one that is executed, and later ones that have not begun.
        self.gone: set[int] = set()
        self._next_look = 0.0
        self._reader = (os.getpid(), threading.get_ident())

    def wait(self) -> None:
        """Wait until another part may be sent. Raises Gone."""
        self._credit -= 1
        while self._credit == 0 or self._link.has_data():
            self._link.read_meanwhile(self._take)
            if self.request_id in self.gone:
                raise Gone

    def is_gone(self, request_id: int) -> bool:
        """Tell whether the client has disconnected. This reads frames, but at most every 5 ms."""
        if request_id == self.request_id and request_id not in self.gone:
            now = time.monotonic()
            # Another process or thread of the script must not read frames.
            if now >= self._next_look and self._reader == (os.getpid(), threading.get_ident()):
                self._next_look = now + LOOK_EVERY
                try:
                    while self._link.has_data():
                        self._link.read_meanwhile(self._take)
                except (frames.Closed, frames.ProtocolError):
                    # The supervisor is gone. The next read raises the same; the script needs to know only this.
                    self.gone.add(request_id)
        return request_id in self.gone

    def leave(self, request_id: int) -> None:
        """Record that a client has disconnected. Requests before the current one are already answered."""
        # Ids wrap around after 2^32 - 1: less than half of that ahead means younger.
        if (request_id - self.request_id) & 0xFFFFFFFF < 0x80000000:
            self.gone.add(request_id)

    def _take(self, frame: Frame) -> bool:
        """Handle a frame that is about a client, or about this answer. Return False for any other."""
        kind, request_id, metadata, _ = frame
        if kind == frames.CANCEL:
            self.leave(request_id)
        elif request_id == self.request_id:
            self._credit += parts_of(metadata)
        else:
            return False
        return True


class ThreadSender(Sender):
    """Sends the parts of one answer from a thread; the main thread reads frames."""

    def __init__(self, link: Link, request_id: int, lock: threading.Lock) -> None:
        """``lock`` is held by the thread that writes to the connection."""
        super().__init__(link, request_id)
        self._lock = lock
        self._changed = threading.Condition()
        self._gone = False

    def transmit(self, answer: Answer) -> None:
        """Send an answer as a part."""
        with self._lock:
            super().transmit(answer)

    def wait(self) -> None:
        """Wait until another part may be sent. Raises Gone."""
        with self._changed:
            self._credit -= 1
            self._changed.wait_for(lambda: self._credit > 0 or self._gone)
            if self._gone:
                raise Gone

    def is_gone(self, request_id: int) -> bool:
        """Tell whether the client has disconnected."""
        return self._gone and request_id == self.request_id

    def add_credit(self, parts: int) -> None:
        """Allow so many more parts."""
        with self._changed:
            self._credit += parts
            self._changed.notify()

    def leave(self) -> None:
        """Note that the client has disconnected."""
        with self._changed:
            self._gone = True
            self._changed.notify()


def without_events(accepted: str) -> str:
    """Remove text/event-stream from an Accept header: it is about the stream, and not about the format of an item."""
    types = [part.strip() for part in accepted.split(",") if part.split(";")[0].strip().lower() != "text/event-stream"]
    return ", ".join(types) or "*/*"


def transmit(link: Link, request_id: int, answer: Answer) -> None:
    """Send an answer as a part, after the gathered answers."""
    _, metadata, body = answer
    link.ledger.part(request_id, metadata, body)


def end_of_parts(sent: int) -> Answer:
    """Return the answer that follows the last part."""
    return frames.RESULT, json.dumps({"parts": sent}).encode(), b""


def parts_of(metadata: bytes) -> int:
    """Return how many more parts a CREDIT frame with this metadata allows."""
    return int(frames.parse_object(metadata, "metadata").get("parts", 0))
