"""The ledger: a small memory-mapped file that outlives its worker, so that the supervisor knows what a dead worker did.

Layout, little-endian (docs/protocol.md):

    0   u32  started: id of the request whose execution began last
    4   u16  pending: bytes of answers, from offset 20, that may not have been sent yet
    6   u16  flushes: how often that was reset, modulo 2^16; stored together with pending, as one word
    8   u32  bodies of answers that the supervisor has read from the exchange
    12  u32  bodies of requests that this worker has read from the exchange
    16  u32  recalled: requests up to this id that were not begun no longer belong to this worker; 0 if none are
    20  answers: complete frames

The worker gathers answers here and sends them with one write. If it is killed, the supervisor reads the finished
answers from here. The request after them was being executed; later ones never began, and go to another worker.
"""

from __future__ import annotations

import mmap
import os
import time

from .exchange import MIN_BODY, SLOT_SIZE, SLOTS, Exchange
from .frames import HEADER, HEADER_SIZE, PART, FrameWriter, encode
from .memory import SHARED, Memory
from .payload import Payload

ANSWERS = 20
_header = HEADER.pack
#: The indexes of the u32 words before the answers.
_STARTED, _PENDING, _ANSWERS_READ, _REQUESTS_READ, _RECALLED = range(5)

#: Longer bodies of answers, in bytes, are not copied into the ledger: they go into the shared memory or the exchange,
#: or are sent at once. Longer parts are sent at once.
SMALL_ANSWER = 16 * 1024
#: Longer bodies, in bytes, are sent with a write of their own; copying a shorter one costs less than a second write.
MAX_JOINED = 64 * 1024
#: When another request begins, gathered answers are sent if the oldest has waited longer than this, in seconds.
FLUSH_AFTER = 0.0002


class Ledger:
    """Marks requests as begun, and gathers their answers until ``flush`` sends them."""

    def __init__(self, path: str, writer: FrameWriter, exchange: Exchange) -> None:
        """Map the file at ``path``, which the supervisor has created.

        Raises OSError if it can't be opened or mapped.
        """
        self._write = writer.write
        self._exchange = exchange
        #: The memory that is shared with the supervisor, if there is any.
        self.memory: Memory | None = None
        self._bodies_read = 0
        #: The slots with answers that the supervisor may not have read yet, the oldest first.
        self._unread: list[int] = []
        self._answers_read = 0
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(fd, 0)
        finally:
            os.close(fd)
        self._view = memoryview(self._map)
        # This stores a word at once. struct would first write zeros, then byte by byte: a reader in between, or after a
        # kill in between, would find that nothing was begun. x86-64 and arm64 are little-endian, as the layout is.
        self._words = self._view[:ANSWERS].cast("I")
        self._capacity = len(self._map)
        self._end = ANSWERS
        self._oldest = 0.0
        #: The number of flushes, in the upper half of a word. Without it, the first two words could return to earlier
        #: values, and the supervisor would conclude that the worker has stored nothing in between.
        self._flushes = 0
        #: The requests whose answers were sent in part.
        self._in_parts: set[int] = set()
        #: The frames of gathered parts, and their total length.
        self._parts: list[bytes] = []
        self._parts_size = 0
        #: The recall id read last, and whether requests up to it may still arrive.
        self._recalled = 0
        self._recalling = False
        #: Whether no further request may begin.
        self.refusing = False

    def begin(self, request_id: int) -> bool:
        """Record that a request is being executed from now on; send answers that have waited long enough.

        Return False if it was recalled, or after :meth:`refuse`. The supervisor writes ``recalled``, then reads
        ``started``; this writes ``started``, then reads ``recalled``. One of the two sees the other's write, and no
        request is executed twice.
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
        if self.refusing:
            return False
        # Ids wrap around after 2^32 - 1: less than half of that behind means older.
        self._recalling = (recalled - request_id) & 0xFFFFFFFF < 0x80000000
        return not self._recalling

    def refuse(self) -> None:
        """Have :meth:`begin` return False from now on: this process can't execute requests any more, and others can."""
        self.refusing = self._recalling = True

    def answer(self, kind: int, request_id: int, metadata: bytes, body: Payload) -> None:
        """Add an answer. ``body`` is flat: its ``len()`` is its number of bytes.

        The end of an answer in parts, and an answer that does not fit here, are sent at once, after the gathered ones.
        """
        length, head = len(body), len(metadata) + HEADER_SIZE
        if self._in_parts and request_id in self._in_parts:
            # Read from the ledger, it would overtake the parts that are still in the socket.
            self._in_parts.discard(request_id)
            self.send(kind, request_id, metadata, body)
            return
        flags = 0
        if length > SMALL_ANSWER:
            flags = self._write_body(body)
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
        # One assignment is faster than three. The value is bytes, since mmap on PyPy takes nothing else.
        self._map[start:end] = b"".join((_header(length, request_id, kind, flags, len(metadata)), metadata, body))
        self._end = end
        self._words[_PENDING] = self._flushes | (end - ANSWERS)

    def part(self, request_id: int, metadata: bytes, body: Payload, *, gather: bool = False) -> None:
        """Send a part of an answer at once; if ``gather``, keep a small one until the next frame, or :meth:`flush`."""
        self._in_parts.add(request_id)
        if not gather or len(body) > SMALL_ANSWER:
            self.send(PART, request_id, metadata, body)
            return
        frame = _header(len(body), request_id, PART, 0, len(metadata)) + metadata + body
        self._parts.append(frame)
        self._parts_size += len(frame)
        if self._parts_size > SMALL_ANSWER:
            self.flush()

    def send(self, kind: int, request_id: int, metadata: bytes, body: Payload) -> None:
        """Send a frame at once, after the gathered answers."""
        self.flush()
        head = encode(kind, request_id, metadata, len(body))
        if len(body) <= MAX_JOINED:
            self._write(head + body)
        else:
            self._write(head)
            self._write(body)

    def flush(self) -> None:
        """Send the gathered answers with one write, and the gathered parts with another."""
        if self._parts:
            parts, self._parts = self._parts, []
            self._parts_size = 0
            self._write(b"".join(parts))
        if self._end > ANSWERS:
            self._write(self._view[ANSWERS : self._end])
            self._end = ANSWERS
            self._flushes = (self._flushes + 0x10000) & 0xFFFFFFFF
            self._words[_PENDING] = self._flushes

    def read_body(self, flags: int, length: int) -> bytes | None:
        """Return a request's body from the memory or the exchange; None if there is no such slot, or it holds less."""
        if flags & SHARED:
            return self.memory.read(flags, length) if self.memory is not None else None
        body = self._exchange.read(flags - 1, length) if flags <= SLOTS else b""
        if flags > SLOTS or len(body) != length:
            return None
        self._bodies_read = (self._bodies_read + 1) & 0xFFFFFFFF
        self._words[_REQUESTS_READ] = self._bodies_read
        return body

    def _write_body(self, body: Payload) -> int:
        """Write an answer's body to the memory or the exchange; return the frame's flags, or 0 if no slot is free."""
        flags = self.memory.write(body) if self.memory is not None else 0
        if flags or not MIN_BODY <= len(body) <= SLOT_SIZE:
            return flags
        slot = self._free_slot()
        if slot is None or not self._exchange.write(slot, body):
            return 0
        self._unread.append(slot)
        return slot + 1

    def _free_slot(self) -> int | None:
        """Return the lowest free slot, whose memory is most likely in a processor's cache; None if all are in use."""
        read: int = self._words[_ANSWERS_READ]
        del self._unread[: (read - self._answers_read) & 0xFFFFFFFF]
        self._answers_read = read
        return next((slot for slot in range(SLOTS) if slot not in self._unread), None)
