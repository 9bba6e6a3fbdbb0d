"""The ledger: a small memory-mapped file that outlives its worker, so that the supervisor knows what a dead worker did.

Layout, little-endian (docs/protocol.md):

    0   u32  started: id of the request whose execution began last
    4   u16  pending: bytes of answers, from offset 20, that may not have been sent yet
    6   u16  flushes: how often that was reset, modulo 2^16; stored together with pending, as one word
    8   u32  bodies of answers that the supervisor has read from the exchange
    12  u32  bodies of requests that this worker has read from the exchange
    16  u32  recalled: requests up to this id that were not begun are not this worker's any more; 0 if there are none
    20  answers: complete frames

Answers are put together here and sent with one write. When a worker is killed, the answers that it had finished are
read from here; the request after them was being executed; those behind it never began, and go to another worker.
"""

from __future__ import annotations

import mmap
import os
import time

from .exchange import MIN_BODY, SLOT_SIZE, SLOTS, Exchange
from .frames import HEADER, HEADER_SIZE, PART, FrameWriter, encode
from .payload import Payload

ANSWERS = 20
_header = HEADER.pack
#: Numbers of the words before the answers.
_STARTED, _PENDING, _ANSWERS_READ, _REQUESTS_READ, _RECALLED = range(5)

#: Answers larger than this are sent at once and from their own memory.
SMALL_ANSWER = 16 * 1024
#: A finished answer waits for the others of its batch no longer than this, in seconds, when another request begins.
FLUSH_AFTER = 0.0002


class Ledger:
    """Marks requests as begun, and gathers their answers until ``flush`` sends them."""

    def __init__(self, path: str, writer: FrameWriter, exchange: Exchange) -> None:
        """Map the file at ``path``, made by the supervisor.

        Raises OSError if it can't be opened or mapped.
        """
        self._write = writer.write
        self._exchange = exchange
        self._bodies_read = 0
        #: Slots that hold answers which the supervisor may not have read yet, the oldest first.
        self._unread: list[int] = []
        self._answers_read = 0
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(fd, 0)
        finally:
            os.close(fd)
        self._view = memoryview(self._map)
        # Each word is stored at once. struct would write it byte by byte, behind zeros: whoever looked in between, or
        # after a kill in between, would find that nothing was begun. Both processors are little-endian.
        self._words = self._view[:ANSWERS].cast("I")
        self._capacity = len(self._map)
        self._end = ANSWERS
        self._oldest = 0.0
        #: How often answers were sent, in the upper half of a word. Without it, the first two words could become what
        #: they were before, and the supervisor would take that for a worker that has stored nothing in between.
        self._flushes = 0
        #: Requests of which parts of the answer were sent.
        self._in_parts: set[int] = set()
        #: The recall id read last, and whether requests up to it may still arrive.
        self._recalled = 0
        self._recalling = False

    def begin(self, request_id: int) -> bool:
        """Note that ``request_id`` is being executed from now on; send answers that have waited long enough.

        Return False if it was recalled. The supervisor writes what it recalls and then reads what was begun, and
        here it is the other way round: so one of the two sees the other, and no request is executed twice.
        """
        if self._end > ANSWERS and time.monotonic() - self._oldest > FLUSH_AFTER:
            self.flush()
        self._words[_STARTED] = request_id
        recalled = self._words[_RECALLED]
        if recalled != self._recalled:
            self._recalled = recalled
            self._recalling = True
        if not self._recalling:
            return True
        # Ids begin anew after four billion: what is less than half of that behind is older.
        self._recalling = (recalled - request_id) & 0xFFFFFFFF < 0x80000000
        return not self._recalling

    def answer(self, kind: int, request_id: int, metadata: bytes, body: Payload) -> None:
        """Add an answer; ``body`` is flat: as long as its number of bytes.

        What ends an answer in parts, or has no room here, is sent at once, behind what was gathered.
        """
        length, head = len(body), len(metadata) + HEADER_SIZE
        if self._in_parts and request_id in self._in_parts:
            # Read from the ledger, it would come before the parts that are still on their way.
            self._in_parts.discard(request_id)
            self.send(kind, request_id, metadata, body)
            return
        flags = 0
        if length > SMALL_ANSWER:
            flags = self._write_body(body) if MIN_BODY <= length <= SLOT_SIZE else 0
            if not flags:
                self.send(kind, request_id, metadata, body)
                return
            body = b""
        size = head + len(body)
        if self._end + size > self._capacity:
            self.flush()
            if size > self._capacity - ANSWERS:
                self._write(_header(length, request_id, kind, flags, len(metadata)) + metadata + body)
                return
        start = self._end
        if start == ANSWERS:
            self._oldest = time.monotonic()
        end = start + size
        # In one piece, which is quicker than three; and bytes, since a map of PyPy takes nothing else.
        self._map[start:end] = b"".join((_header(length, request_id, kind, flags, len(metadata)), metadata, body))
        self._end = end
        self._words[_PENDING] = self._flushes | (end - ANSWERS)

    def part(self, request_id: int, metadata: bytes, body: Payload) -> None:
        """Send a part of an answer."""
        self._in_parts.add(request_id)
        self.send(PART, request_id, metadata, body)

    def send(self, kind: int, request_id: int, metadata: bytes, body: Payload) -> None:
        """Send a frame at once, behind what was gathered."""
        self.flush()
        self._write(encode(kind, request_id, metadata, len(body)))
        self._write(body)

    def flush(self) -> None:
        """Send what was gathered, with one write."""
        if self._end > ANSWERS:
            self._write(self._view[ANSWERS : self._end])
            self._end = ANSWERS
            self._flushes = (self._flushes + 0x10000) & 0xFFFFFFFF
            self._words[_PENDING] = self._flushes

    def read_body(self, flags: int, length: int) -> bytes | None:
        """Return a request's body from the exchange, or None if there is no such slot or it holds less."""
        body = self._exchange.read(flags - 1, length) if flags <= SLOTS else b""
        if flags > SLOTS or len(body) != length:
            return None
        self._bodies_read = (self._bodies_read + 1) & 0xFFFFFFFF
        self._words[_REQUESTS_READ] = self._bodies_read
        return body

    def _write_body(self, body: Payload) -> int:
        """Write an answer's body to the exchange; return the frame's flags, or 0 if no slot is free."""
        slot = self._free_slot()
        if slot is None or not self._exchange.write(slot, body):
            return 0
        self._unread.append(slot)
        return slot + 1

    def _free_slot(self) -> int | None:
        """The lowest one, whose memory is the likeliest to be in a processor's cache."""
        read: int = self._words[_ANSWERS_READ]
        del self._unread[: (read - self._answers_read) & 0xFFFFFFFF]
        self._answers_read = read
        return next((slot for slot in range(SLOTS) if slot not in self._unread), None)
