"""A process that a script forks is not the worker: when it returns from the script's code, it exits like a program.

It has no connection with the supervisor, and answers nothing. A ``return`` ends it with exit code 0, ``sys.exit()``
with its own code, and any other exception with a traceback and 1. It runs the exit handlers that it has registered,
but not those from before the fork, which belong to the worker.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import traceback
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from . import streams

if TYPE_CHECKING:
    import socket

#: Whether this process was forked from the worker. Checked after each call of a function of the script.
is_child = False


def watch(connection: socket.socket | None = None) -> None:
    """From now on, set ``is_child`` in forked processes, and close ``connection`` there."""

    def in_child() -> None:
        global is_child
        is_child = True
        atexit._clear()
        if connection is not None:
            connection.close()

    os.register_at_fork(after_in_child=in_child)


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the script and return its result. In a process that it forked, this never returns."""
    try:
        result = function(*args)
    except BaseException as error:
        if is_child:
            leave(error)
        raise
    if is_child:
        leave()
    return result


def leave(error: BaseException | None = None) -> NoReturn:
    """End this child process: a function of the script has returned in it, or raised ``error``."""
    code = 1
    try:
        code = _report(error)
        if error is not None:
            # Close files that only the frames of the traceback refer to: that flushes them.
            traceback.clear_frames(error.__traceback__)
        atexit._run_exitfuncs()
        streams.flush()
    finally:
        # The callers on the stack belong to the worker: their cleanup must not run here.
        os._exit(code)


def _report(error: BaseException | None) -> int:
    """Print what Python prints for an unhandled exception, and return the exit code."""
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        streams.print_line(str(error.code))
        return 1
    streams.print_traceback(error)
    if isinstance(error, KeyboardInterrupt):
        with contextlib.suppress(ValueError):  # not possible from a thread
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    return 1
