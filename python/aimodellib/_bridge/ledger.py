"""The ledger: a small memory-mapped file that outlives its worker, so that the supervisor knows what a dead worker did.

Layout, little-endian (docs/protocol.md):

    0   u32  started: id of the request whose execution began last
    4   u32  pending: bytes of answers, from offset 16, that may not have been sent yet
    16  answers: complete frames

Answers are put together here and sent with one write. When a worker is killed, the answers that it had finished are
read from here; the request after them was being executed; those behind it never began, and go to another worker.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
import time

from .frames import HEADER

ANSWERS = 16
_U32 = struct.Struct("<I")
_STARTED, _PENDING = 0, 4

#: Answers larger than this are sent at once and from their own memory.
SMALL_ANSWER = 16 * 1024
#: A finished answer waits for the others of its batch no longer than this, in seconds, when another request begins.
FLUSH_AFTER = 0.001


class Ledger:
    """Marks requests as begun, and gathers their answers until ``flush`` sends them."""

    def __init__(self, path: str, sock: socket.socket) -> None:
        """Map the file at ``path``, made by the supervisor.

        Raises OSError if it can't be opened or mapped.
        """
        self._sock = sock
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(fd, 0)
        finally:
            os.close(fd)
        self._view = memoryview(self._map)
        self._capacity = len(self._map)
        self._end = ANSWERS
        self._oldest = 0.0

    def begin(self, request_id: int) -> None:
        """Note that ``request_id`` is being executed from now on; send answers that have waited long enough."""
        if self._end > ANSWERS and time.monotonic() - self._oldest > FLUSH_AFTER:
            self.flush()
        _U32.pack_into(self._map, _STARTED, request_id)

    def answer(self, kind: int, request_id: int, metadata: bytes, body: bytes | bytearray | memoryview) -> None:
        """Add an answer; ``body`` may be any contiguous buffer of bytes."""
        length, head = len(body), len(metadata) + HEADER.size
        if length > SMALL_ANSWER:
            self.flush()
            self._sock.sendall(HEADER.pack(length, request_id, kind, 0, len(metadata)) + metadata)
            self._sock.sendall(body)
            return
        if self._end + head + length > self._capacity:
            self.flush()
        start = self._end
        if start == ANSWERS:
            self._oldest = time.monotonic()
        HEADER.pack_into(self._map, start, length, request_id, kind, 0, len(metadata))
        body_start = start + head
        self._map[start + HEADER.size : body_start] = metadata
        self._map[body_start : body_start + length] = body
        self._end = body_start + length
        _U32.pack_into(self._map, _PENDING, self._end - ANSWERS)

    def flush(self) -> None:
        """Send what was gathered, with one write."""
        if self._end > ANSWERS:
            self._sock.sendall(self._view[ANSWERS : self._end])
            self._end = ANSWERS
            _U32.pack_into(self._map, _PENDING, 0)
