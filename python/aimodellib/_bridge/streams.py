"""Standard streams of a worker: prints are seen as they happen, in order, and never break the protocol."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import Any

from .failures import traceback_of

#: For a pipe that does not block to take more, in seconds.
WRITE_LIMIT = 5.0

#: Whether both streams are one pipe, in which the supervisor looks for marks.
_merged = False


def prepare(places: str = "") -> None:
    """Set up standard output and error before any user code is loaded.

    ``places`` is what ``docs/protocol.md`` says of AIMODELLIB_STREAMS. With ``merged`` and ``2=1``, descriptor 2 is
    made the same as 1, so that the lines of both stay in the order in which they were written, whoever writes them:
    Python, a C library or a child process.
    """
    global _merged
    _merged = places == "merged"
    for place in ("2=1" if _merged else places).split():
        number, _, target = place.partition("=")
        if target == "1":
            os.dup2(1, int(number))
        else:
            _print_at(target, int(number))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def _print_at(path: str, stream: int) -> None:
    """Make a descriptor a terminal that passes output on unchanged; leave it as it is if no terminal can be opened."""
    with contextlib.suppress(OSError):
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
        _make_raw(terminal)
        os.dup2(terminal, stream)
        os.close(terminal)


def _make_raw(terminal: int) -> None:
    try:
        import termios
    except ImportError:
        return  # a Python without it
    with contextlib.suppress(termios.error):
        attributes = termios.tcgetattr(terminal)
        # The real one makes CR LF of LF.
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def flush() -> None:
    """Flush both streams; a reader that is gone is not an error. Raises nothing."""
    for name in ("stdout", "stderr"):
        # A script may have put anything in their place, or nothing.
        with contextlib.suppress(BaseException):
            getattr(sys, name).flush()


def give_up_unwritten() -> None:
    """Drop what can't be written, such as to a pipe whose reader is gone: Python would end with 120 for it."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name, None)
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(Exception):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
        except BaseException:
            setattr(sys, name, None)  # closed, or replaced by the script


def print_traceback(error: BaseException) -> None:
    """Print the traceback of ``error``, from the script's first frame on."""
    print_text(traceback_of(error))


def print_line(line: str) -> None:
    """Print a line of our own to standard error."""
    print_text(line + "\n")


def print_text(text: str) -> None:
    """Write to standard error, even if the script closed or replaced it. Raises nothing.

    A serving worker writes to the descriptor: what a script puts in the place of ``sys.stderr`` may keep what it gets.
    """
    flush()
    if not _merged:
        with contextlib.suppress(BaseException):
            sys.stderr.write(text)
            sys.stderr.flush()
            return
    write_all(2, text.encode("utf-8", "backslashreplace"))


def write_all(fd: int, data: bytes) -> None:
    """Write to a descriptor; what its reader does not take within seconds is dropped, and so is what nobody can get."""
    with contextlib.suppress(OSError, ValueError):
        while data:
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:  # a child process made it so
                if not select.select([], [fd], [], WRITE_LIMIT)[1]:
                    return
