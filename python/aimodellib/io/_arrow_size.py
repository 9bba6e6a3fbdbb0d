"""Finds from headers alone how much memory Arrow's IPC data takes once its buffers are decompressed.

PyArrow reads a batch at once, without a limit. The headers are flatbuffers: a table begins with the distance back to
a list of its fields' offsets.
"""

from __future__ import annotations

import struct

from ._errors import InputError, TooLargeError
from ._limits import limits

#: Begins a message since Arrow 0.15; in older data, a message begins with its length.
_CONTINUATION = 0xFFFFFFFF
_DICTIONARY_BATCH = 2
_RECORD_BATCH = 3


def check_stream(data: bytes, start: int) -> None:
    """Check the size of a stream that begins at ``start``.

    Raises TooLargeError, and InputError if it ends in the middle of a message or its headers can't be read.
    """
    try:
        size = _unpacked_size(data, start)
    except (struct.error, IndexError, OverflowError) as error:
        raise InputError("The body is not Arrow data, or it is damaged or ends early") from error
    if size > limits.unpacked:
        raise TooLargeError(f"The Arrow data has {size} bytes unpacked, more than {limits.unpacked}")


def _unpacked_size(data: bytes, position: int) -> int:
    size = 0
    while position < len(data):
        (length,) = struct.unpack_from("<I", data, position)
        position += 4
        if length == _CONTINUATION:
            (length,) = struct.unpack_from("<I", data, position)
            position += 4
        if length == 0:
            break
        body = position + length
        if body > len(data):
            raise IndexError
        message = _Table(data[position:body], *struct.unpack_from("<I", data, position))
        kind = message.number(1, "<B")
        body_length = message.number(3, "<q")
        if not 0 <= body_length <= len(data) - body:
            raise IndexError
        if kind in (_DICTIONARY_BATCH, _RECORD_BATCH):
            batch = message.table(2)
            if batch is not None and kind == _DICTIONARY_BATCH:
                batch = batch.table(1)
            if batch is not None:
                size += _batch_size(batch, data[body : body + body_length])
        position = body + body_length
    return size


def _batch_size(batch: _Table, body: bytes) -> int:
    """Return the size of a batch's buffers in bytes; a compressed buffer begins with its decompressed length."""
    if batch.at(3) is None:
        return len(body)
    size = 0
    for offset, length in batch.pairs(2):
        if length >= 8:
            (unpacked,) = struct.unpack_from("<q", body, offset)
            # A buffer that compression did not shorten is stored uncompressed.
            size += length if unpacked == -1 else unpacked
            if unpacked < -1:
                raise IndexError
    return size


class _Table:
    """A table of a flatbuffer."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        (back,) = struct.unpack_from("<i", data, position)
        self._fields = position - back
        (self._length,) = struct.unpack_from("<H", data, self._fields)

    def at(self, field: int) -> int | None:
        """Return the offset of a field, or None if it is absent."""
        slot = 4 + 2 * field
        if slot >= self._length:
            return None
        (offset,) = struct.unpack_from("<H", self._data, self._fields + slot)
        return self._position + offset if offset else None

    def number(self, field: int, form: str) -> int:
        """Return the value of a number field, or 0 if it is absent."""
        place = self.at(field)
        return 0 if place is None else int(struct.unpack_from(form, self._data, place)[0])

    def table(self, field: int) -> _Table | None:
        """Return a field that is a table."""
        place = self.at(field)
        return None if place is None else _Table(self._data, place + self.number(field, "<I"))

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """Return a field that is a list of two numbers each."""
        place = self.at(field)
        if place is None:
            return []
        place += self.number(field, "<I")
        (count,) = struct.unpack_from("<I", self._data, place)
        if place + 4 + 16 * count > len(self._data):
            raise IndexError
        return list(struct.iter_unpack("<qq", self._data[place + 4 : place + 4 + 16 * count]))
