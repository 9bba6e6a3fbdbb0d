"""Flattens what a script returns as bytes: from here on, ``len()`` of a body is its number of bytes.

``len()`` of a buffer counts the elements of its first dimension: a quarter of the bytes of a float32 array, 480 of an
image's 921,600. If a frame's header announced less than its body has, the rest would be read as other frames.
"""

from __future__ import annotations

import re
from typing import Union

#: Bytes, or a contiguous view of bytes with one dimension.
Payload = Union[bytes, memoryview]

#: Matches the names of the fields in the format string of a record (PEP 3118).
_NAMES = ":[^:]*:"


class TooLarge(Exception):
    """A payload exceeds the limit; the message is for the user."""


def flat(value: object, limit: int) -> Payload | None:
    """Return the bytes of any object with a buffer, in the order in which ``bytes()`` returns them.

    Returns None if it has no buffer, or one of references to Python objects, which mean nothing outside the process.
    A contiguous buffer is not copied.
    Raises TooLarge if there are more than ``limit`` bytes, before it copies any, and what the buffer interface raises.
    """
    if type(value) is bytes:
        if len(value) > limit:
            raise _too_large(len(value), limit)
        return value
    try:
        view = memoryview(value)  # type: ignore[arg-type]
    except TypeError:
        return None
    if "O" in view.format and "O" in re.sub(_NAMES, "", view.format):
        return None
    size = view.nbytes
    if size > limit:
        raise _too_large(size, limit)
    if size == 0:
        return b""
    if view.c_contiguous:
        try:
            return view.cast("B")
        except TypeError:
            pass  # Python does not support this format, such as that of a record or of another byte order.
    return view.tobytes()


def _too_large(size: int, limit: int) -> TooLarge:
    return TooLarge(f"The answer of {size} bytes is over the limit of {limit}")
