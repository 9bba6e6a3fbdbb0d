"""A process that a script forks is not the worker: when it comes back from the script, it ends as a program would.

It has no connection with the supervisor, and answers nothing. What it was forked for is done by then, or has failed:
``return`` ends it with 0, ``sys.exit()`` as it says, and any other exception with its traceback and 1. Exit handlers
that it registered are run; those from before the fork are the worker's.
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

#: Whether this process was forked from the one that this package runs in. Looked at after each call of the script.
is_child = False


def watch(connection: socket.socket | None = None) -> None:
    """Have ``is_child`` be true in processes that are forked from now on, and ``connection`` be closed there."""

    def in_child() -> None:
        global is_child
        is_child = True
        atexit._clear()
        if connection is not None:
            connection.close()

    os.register_at_fork(after_in_child=in_child)


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the script, and return what it returns, in the process that called it alone."""
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
    """End this process, a child, after a function of the script returned in it, or raised ``error``."""
    code = 1
    try:
        code = _report(error)
        if error is not None:
            # Files that only the frames of the traceback know are closed, and so written.
            traceback.clear_frames(error.__traceback__)
        atexit._run_exitfuncs()
        streams.flush()
    finally:
        # What is around us in the stack is the worker's.
        os._exit(code)


def _report(error: BaseException | None) -> int:
    """Print what Python prints of an exception that nobody handles, and return the exit code."""
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        streams.print_line(str(error.code))
        return 1
    streams.print_traceback(error)
    if isinstance(error, KeyboardInterrupt):
        with contextlib.suppress(ValueError):  # not from a thread
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    return 1
