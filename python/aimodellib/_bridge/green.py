"""Detects green threads: gevent and eventlet replace Python's threads by coroutines that take turns in one thread.

Such a thread runs only while another one waits in a function that was replaced as well. The worker waits in the socket
that it created before, which was not replaced, so its threads would never run.
"""

from __future__ import annotations

import os
import queue
import sys
import threading

from .loader import ScriptError


def refuse_green_threads(threads: int) -> None:
    """Raise ScriptError if several ``threads`` are requested, but the script has replaced threads, or their queues.

    A queue of gevent's can't be shared by threads: it blocks the thread that calls it.
    """
    if threads <= 1 or (_starts_threads() and queue.SimpleQueue.__module__ in ("_queue", "queue")):
        return
    found = [name for name in ("gevent", "eventlet") if name in sys.modules]
    who = f"{found[0]} has" if found else "The script has"
    raise ScriptError(
        f"{who} replaced Python's threads, so that requests can't be executed in threads (--threads {threads})."
        f" Leave out --threads and start more processes (--workers {threads}), or leave threads as they are:"
        " gevent.monkey.patch_all(thread=False, queue=False), eventlet.monkey_patch(thread=False)"
    )


def _starts_threads() -> bool:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(os.readlink("/proc/thread-self")), daemon=True)
    thread.start()
    thread.join()
    return found != [os.readlink("/proc/thread-self")]
