"""The exchange: a file that carries large bodies, since a socket would transfer them in many small pieces.

Each direction has a few slots. The sender writes a body into a free slot and sends a frame whose flags name the slot;
the receiver copies the body out and counts it in the ledger, which frees the slot. A sender that finds no free slot, or
no room on the disk, sends the body through the socket: nothing ever waits for a slot.
"""

from __future__ import annotations

import os

from .payload import Payload

#: The number of slots in each direction, and their size in bytes: the largest body that fits.
SLOTS = 4
SLOT_SIZE = 16 * 1024 * 1024
#: Smaller bodies, in bytes, go through the socket, which is faster for them.
MIN_BODY = 64 * 1024


class Exchange:
    """The worker's side: reads the bodies of requests, and writes those of answers."""

    def __init__(self, path: str) -> None:
        """Open the file at ``path``, made by the supervisor. Raises OSError if it can't be opened."""
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def read(self, slot: int, length: int) -> bytes:
        """Return the body in a request's slot, ``length`` bytes; fewer if the file is shorter. Raises OSError."""
        offset = slot * SLOT_SIZE
        body = os.pread(self._fd, length, offset)
        while len(body) < length:
            more = os.pread(self._fd, length - len(body), offset + len(body))
            if not more:
                break
            body += more
        return body

    def write(self, slot: int, body: Payload) -> bool:
        """Write an answer's body into a slot; False if there is no room on the disk."""
        view = memoryview(body)
        offset = (SLOTS + slot) * SLOT_SIZE
        try:
            while view:
                written = os.pwrite(self._fd, view, offset)
                view, offset = view[written:], offset + written
        except OSError:
            return False
        return True
