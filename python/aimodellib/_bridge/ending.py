"""Explains why a worker does not end: before it exits, Python waits for the script's threads and processes."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback

from . import streams

#: How long a worker may take to end before it says what it waits for, in seconds.
PATIENCE = 1.0

#: Path prefixes of code that does not belong to the script: this package, and Python's own library.
_NOT_THE_SCRIPT = (os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.__file__) + os.sep, "<")

_watched = False


def watch() -> None:
    """Print what this process waits for, if it has not ended within a second from now."""
    global _watched
    if _watched:
        return
    _watched = True
    watcher = threading.Timer(PATIENCE, _say)
    watcher.daemon = True
    # No thread can be started, so nothing is printed.
    with contextlib.suppress(RuntimeError):
        watcher.start()


def _say() -> None:
    with contextlib.suppress(Exception):
        streams.print_line(f"The worker has executed its last request, but can't exit yet: it waits for {_holders()}")


def _holders() -> str:
    main = threading.main_thread()
    pools = sys.modules.get("concurrent.futures.thread")
    # Up to Python 3.8, the threads of pools are daemons, but Python waits for them anyway.
    pooled = getattr(pools, "_threads_queues", ())
    threads = [each for each in threading.enumerate() if each is not main and (not each.daemon or each in pooled)]
    if threads:
        names = ", ".join(f"the thread {each.name}{_place(each)}" for each in threads)
        return f"{names} of the script; it would not wait for one with daemon=True"
    multiprocessing = sys.modules.get("multiprocessing")
    children = multiprocessing.active_children() if multiprocessing is not None else []
    names = ", ".join(f"the process {each.name} ({each.pid})" for each in children if not each.daemon)
    return f"{names or 'exit handlers (atexit) or tasks (asyncio)'}{_place(main)} of the script"


def _place(thread: threading.Thread) -> str:
    """Return the line of the script that a thread executes, in brackets, or "" outside the script."""
    frame = sys._current_frames().get(thread.ident or 0)
    for called in reversed(traceback.extract_stack(frame)) if frame is not None else ():
        if not called.filename.startswith(_NOT_THE_SCRIPT):
            return f" ('{called.filename}', line {called.lineno})"
    return ""
