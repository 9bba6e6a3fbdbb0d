"""Standard streams of a worker: prints are seen as they happen, in order, and never break the protocol."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback

#: Bytes of a traceback that travel with a frame.
MAX_TRACEBACK = 32 * 1024

#: Where this package lies: its frames are of no interest in a script's traceback.
_OURS = os.path.dirname(os.path.abspath(__file__))


def prepare(merge: bool) -> None:
    """Set up standard output and error before any user code is loaded.

    With ``merge``, descriptor 2 is made the same pipe as 1, so that the lines of both stay in the order in which they
    were written, whoever writes them: Python, a C library or a child process.
    """
    if merge:
        os.dup2(1, 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def flush() -> None:
    """Flush both streams; a reader that is gone is not an error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def give_up_unwritten() -> None:
    """Drop what can't be written, such as to a pipe whose reader is gone: Python would end with 120 for it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
        except (ValueError, AttributeError):
            pass  # closed, or replaced by the script


def print_traceback(error: BaseException) -> None:
    """Print the traceback of ``error``, from the script's first frame on."""
    print_text(traceback_of(error))


def traceback_of(error: BaseException) -> str:
    """Return the traceback of ``error``, from the script's first frame on."""
    frames = error.__traceback__
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if not file.startswith((_OURS, "<frozen importlib")):
            break
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def traceback_bytes(error: BaseException) -> bytes:
    """Return the traceback of ``error`` as a frame carries it: UTF-8, with its middle left out if it is too long."""
    text = traceback_of(error).rstrip("\n").encode("utf-8", "backslashreplace")
    if len(text) <= MAX_TRACEBACK:
        return text
    half = MAX_TRACEBACK // 2
    # The ends say most: where it began, and what was raised in the end. A character that is cut is left out.
    first, last = (part.decode("utf-8", "ignore") for part in (text[:half], text[-half:]))
    return f"{first}\n… {len(text) - 2 * half} bytes are left out here …\n{last}".encode()


def print_line(line: str) -> None:
    """Print a line of our own to standard error."""
    print_text(line + "\n")


def print_text(text: str) -> None:
    """Write to standard error, even if the script closed or replaced it."""
    flush()
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        with contextlib.suppress(OSError):
            os.write(2, text.encode("utf-8", "backslashreplace"))
