"""Describes exceptions of scripts. Nothing here raises, whatever code an exception runs when it is inspected."""

from __future__ import annotations

import contextlib
import os
import traceback
from types import TracebackType
from typing import Callable

#: The longest text of an exception, in characters. The beginning and the end are kept: they say the most.
MAX_TEXT = 64 * 1024
#: The longest traceback in a frame, in bytes.
MAX_TRACEBACK = 32 * 1024
#: How many exceptions of a chain of causes are shown.
MAX_CHAIN = 50

#: The folder of this package, whose frames are left out of a script's traceback.
_OURS = os.path.dirname(os.path.abspath(__file__))
_traceback_of: Callable[[BaseException], TracebackType | None] = BaseException.__dict__["__traceback__"].__get__
_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__


def type_name(value: object) -> str:
    """Return the name of the class of ``value``, at most 256 characters."""
    return _name_of(type(value))[:256]


def message_of(error: BaseException) -> str:
    """Return ``str(error)``, shortened in the middle if it is long; if it raises, what Python's traceback shows."""
    try:
        # A subclass of str may override slicing and joining.
        return _cut(str.__str__(str(error)))
    except BaseException:
        return "<exception str() failed>"


def traceback_of(error: BaseException) -> str:
    """Return the traceback of ``error`` from the script's first frame on, as complete as possible."""
    frames = _script_frames(error)
    kind = type(error)
    # Each way asks less of the exception than the one before.
    ways: tuple[Callable[[], list[str]], ...] = (
        lambda: traceback.format_exception(kind, error, frames, chain=not _has_long_chain(error)),
        lambda: traceback.format_exception(kind, error, frames, chain=False),
        lambda: ["Traceback (most recent call last):\n", *traceback.format_tb(frames), _last_line(error)],
    )
    for way in ways:
        with contextlib.suppress(BaseException):
            text = _cut("".join(way()))
            return text if text.endswith("\n") else text + "\n"
    return _cut(_last_line(error))


def traceback_bytes(error: BaseException) -> bytes:
    """Return the traceback of ``error`` for a frame: UTF-8, shortened in the middle if it is too long."""
    text = traceback_of(error).rstrip("\n").encode("utf-8", "backslashreplace")
    if len(text) <= MAX_TRACEBACK:
        return text
    half = MAX_TRACEBACK // 2
    # Both ends matter: where it began, and what was raised. A character that is cut in two is dropped.
    first, last = (part.decode("utf-8", "ignore") for part in (text[:half], text[-half:]))
    return f"{first}\n… {len(text) - 2 * half} bytes are left out here …\n{last}".encode()


def _script_frames(error: BaseException) -> TracebackType | None:
    frames = _traceback_of(error)
    while frames is not None:
        if not frames.tb_frame.f_code.co_filename.startswith((_OURS, "<frozen importlib")):
            break
        frames = frames.tb_next
    return frames


def _has_long_chain(error: BaseException) -> bool:
    for _ in range(MAX_CHAIN):
        led_to = error.__context__ if error.__cause__ is None else error.__cause__
        if led_to is None:
            return False
        error = led_to
    return True


def _last_line(error: BaseException) -> str:
    return f"{type_name(error)}: {message_of(error)}\n"


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters are left out here …\n{text[-half:]}"
