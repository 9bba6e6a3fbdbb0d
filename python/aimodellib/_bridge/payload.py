"""What a script returns as bytes, made flat: behind this point, the length of a body is the number of its bytes.

``len()`` of a buffer counts the elements of its first dimension: a quarter of the bytes of a float32 array, 480 of an
image's 921,600. A frame whose header says less than what follows would have the rest be read as frames.
"""

from __future__ import annotations

import re
from typing import Union

#: Bytes, or a view of bytes in one piece, of one dimension.
Payload = Union[bytes, memoryview]

#: Names of the fields of a record, in the format of a buffer (PEP 3118).
_NAMES = re.compile(":[^:]*:")


class TooLarge(Exception):
    """A payload is over the limit; the message is for the user."""


def flat(value: object, limit: int) -> Payload | None:
    """Return the bytes of anything that has a buffer, in the order of its elements as ``bytes()`` has them.

    None if it has no buffer, or one of references to Python objects, which mean nothing to anybody else. What lies in
    memory in one piece is not copied.
    Raises TooLarge if there are more than ``limit`` bytes, before it copies any, and what the buffer's owner raises.
    """
    if type(value) is bytes:
        if len(value) > limit:
            raise _too_large(len(value), limit)
        return value
    try:
        view = memoryview(value)  # type: ignore[arg-type]
    except TypeError:
        return None
    if "O" in view.format and "O" in _NAMES.sub("", view.format):
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
            pass  # A format that is none of Python's own, such as a record's or one of another byte order.
    return view.tobytes()


def _too_large(size: int, limit: int) -> TooLarge:
    return TooLarge(f"The answer of {size} bytes is over the limit of {limit}")
