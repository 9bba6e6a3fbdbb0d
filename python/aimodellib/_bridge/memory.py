"""Memory that this worker shares with the supervisor, for large bodies.

The memory for requests belongs to the supervisor: a body stays there until its request is answered. The memory for
answers has a few slots. This worker writes a body into a free one; the supervisor sends it to the client, and counts it
in the first bytes of the memory (docs/protocol.md).
"""

from __future__ import annotations

import contextlib
import mmap
import os
from typing import Any

from .payload import Payload

#: Flags with this bit refer to this memory; the other bits are the number of the slot.
SHARED = 0x80
#: The number of slots, and their size in bytes: the longest body that fits.
REQUEST_SLOTS = 32
ANSWER_SLOTS = 16
SLOT_SIZE = 16 * 1024 * 1024
#: Where the slots of answers begin, in bytes; before them is a u8 for each: how many bodies were sent from it.
SLOTS_START = 64 * 1024
#: Free bytes before each body of an answer, into which the supervisor writes what it sends before that body.
ANSWER_ROOM = 4096
#: Memory is given back in multiples of this, in bytes: no supported machine has larger pages.
GIVE_BACK_STEP = 64 * 1024
#: How much longer the last body of a slot may have been than the next one; if it was longer, the rest is given back.
MAX_EXCESS = 1024 * 1024
#: Shorter bodies, in bytes, are not worth a slot.
MIN_BODY = 16 * 1024
#: The size of the block that :func:`keep_freed_memory` frees, in bytes.
_FREED_BLOCK = 4 * 1024 * 1024


def keep_freed_memory() -> None:
    """Make glibc keep up to 8 MiB of freed memory for the next bodies, instead of 128 KiB.

    Otherwise it returns the memory of each large body to the system, and the next body faults in every page again.
    glibc adapts when a block that it has mapped on its own is freed (mallopt(3), M_MMAP_THRESHOLD): from then on it
    keeps twice the size of that block. Nothing writes to this block, so it takes no memory.
    """
    bytes(_FREED_BLOCK)


class Memory:
    """Reads the bodies of requests, and writes those of answers."""

    def __init__(self, requests: tuple[str, int], answers: tuple[str, int]) -> None:
        """Map these files, each a path and an inode. Raises OSError and ValueError if they can't be mapped."""
        self._requests = _map(*requests, mmap.PROT_READ, REQUEST_SLOTS * SLOT_SIZE)
        self._answers = _map(*answers, mmap.PROT_READ | mmap.PROT_WRITE, SLOTS_START + ANSWER_SLOTS * SLOT_SIZE)
        self._view = memoryview(self._answers)
        #: How many bodies were written to each slot of answers, modulo 256.
        self._written = [0] * ANSWER_SLOTS
        #: The bytes at the beginning of each slot of answers that may take memory.
        self._kept = [0] * ANSWER_SLOTS

    def read(self, flags: int, length: int) -> bytes | None:
        """Return a copy of a request's body; None if there is no such slot."""
        slot = flags & ~SHARED
        if slot >= REQUEST_SLOTS or length > SLOT_SIZE:
            return None
        # A body ends where its slot ends.
        end = (slot + 1) * SLOT_SIZE
        body: bytes = self._requests[end - length : end]
        return body

    def write(self, body: Payload) -> int:
        """Write an answer's body into a free slot; return the flags of its frame, or 0 if it does not go there."""
        length = len(body)
        if not MIN_BODY <= length <= SLOT_SIZE - ANSWER_ROOM:
            return 0
        slot = next((slot for slot in range(ANSWER_SLOTS) if self._is_free(slot)), None)
        if slot is None:
            return 0
        needed = -(-(ANSWER_ROOM + length) // GIVE_BACK_STEP) * GIVE_BACK_STEP
        if self._kept[slot] > needed + MAX_EXCESS:
            # A slow client may keep this body for long.
            self._give_back(slot, needed)
        self._kept[slot] = max(self._kept[slot], needed)
        start = SLOTS_START + slot * SLOT_SIZE + ANSWER_ROOM
        self._view[start : start + length] = body
        self._written[slot] = (self._written[slot] + 1) & 0xFF
        return SHARED | slot

    def trim(self) -> None:
        """Give the memory of free slots back to the system."""
        for slot, kept in enumerate(self._kept):
            if kept and self._is_free(slot):
                self._give_back(slot, 0)

    def forget(self) -> None:
        """Leave the bodies in place, but no longer count them as memory of this process."""
        with contextlib.suppress(OSError, AttributeError):
            self._requests.madvise(mmap.MADV_DONTNEED)
            self._answers.madvise(mmap.MADV_DONTNEED)

    def _give_back(self, slot: int, kept: int) -> None:
        """Give back the memory of a slot but for its first ``kept`` bytes."""
        with contextlib.suppress(OSError, AttributeError):
            self._answers.madvise(mmap.MADV_REMOVE, SLOTS_START + slot * SLOT_SIZE + kept, self._kept[slot] - kept)
        self._kept[slot] = kept

    def _is_free(self, slot: int) -> bool:
        return self._view[slot] == self._written[slot]


def _map(path: str, inode: int, access: int, length: int) -> Any:
    fd = os.open(path, (os.O_RDWR if access & mmap.PROT_WRITE else os.O_RDONLY) | os.O_CLOEXEC)
    try:
        # The path names a descriptor of the supervisor: it leads elsewhere if this process has another /proc.
        if os.fstat(fd).st_ino != inode:
            raise OSError(f"'{path}' is another file")
        return mmap.mmap(fd, length, mmap.MAP_SHARED, access)
    finally:
        os.close(fd)
