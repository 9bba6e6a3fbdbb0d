"""The standard streams of a worker: output appears at once, in order, and never breaks the protocol."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import Any

from .failures import traceback_of

#: How long to wait until a non-blocking pipe takes more, in seconds.
WRITE_LIMIT = 5.0

#: Whether both streams are one pipe, in which the supervisor finds marks.
_merged = False


def prepare(places: str = "") -> None:
    """Set up standard output and error before any user code is loaded.

    ``places`` is the value of AIMODELLIB_STREAMS (``docs/protocol.md``). With ``merged`` and ``2=1``, descriptor 2
    becomes a copy of 1: the lines of both then stay in order, whether Python, a C library or a child process writes
    them.
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
    """Connect a descriptor to a terminal that passes on output unchanged; keep it if the terminal can't be opened."""
    with contextlib.suppress(OSError):
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
        _make_raw(terminal)
        os.dup2(terminal, stream)
        os.close(terminal)


def _make_raw(terminal: int) -> None:
    try:
        import termios
    except ImportError:
        return  # a Python without termios
    with contextlib.suppress(termios.error):
        attributes = termios.tcgetattr(terminal)
        # The real terminal turns LF into CR LF.
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def flush() -> None:
    """Flush both streams, and ignore a closed pipe. Raises nothing."""
    for name in ("stdout", "stderr"):
        # A script may have replaced or removed them.
        with contextlib.suppress(BaseException):
            getattr(sys, name).flush()


def give_up_unwritten() -> None:
    """Drop output that can't be written, such as to a closed pipe: Python would exit with 120 because of it."""
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
    """Print the traceback of ``error``, from the first frame of the script on."""
    print_text(traceback_of(error))


def print_line(line: str) -> None:
    """Print a line, which is not the script's, to standard error."""
    print_text(line + "\n")


def print_text(text: str) -> None:
    """Write to standard error, even if the script closed or replaced it. Raises nothing.

    A serving worker writes to the descriptor: an object with which a script has replaced ``sys.stderr`` may keep text.
    """
    flush()
    if not _merged:
        with contextlib.suppress(BaseException):
            sys.stderr.write(text)
            sys.stderr.flush()
            return
    write_all(2, text.encode("utf-8", "backslashreplace"))


def write_all(fd: int, data: bytes) -> None:
    """Write to a descriptor. Data is dropped if the reader does not take it within 5 s, or is gone."""
    with contextlib.suppress(OSError, ValueError):
        while data:
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:  # a child process has made the pipe non-blocking
                if not select.select([], [fd], [], WRITE_LIMIT)[1]:
                    return
