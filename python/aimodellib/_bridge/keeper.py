"""The keeper: a process that ends everything a worker leaves behind.

Invariants:

1. When the supervisor closes the connection, or dies (``kill -9`` included), the worker and every process that it
   started end, even if the worker holds the GIL, has closed its file descriptors, or is stopped.
2. A process that left the worker's group (``setsid``, a daemon) is found by the mark in its environment.
3. The keeper is no child of the worker: a script that waits for all its children does not wait for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import Iterator

#: Names the variable that marks all processes of one worker.
MARK = "AIMODELLIB_WORKER"
#: How often the processes are looked for again while some are still there, and how long, in seconds.
SWEEP_PAUSE, SWEEP_LIMIT = 0.01, 5.0


def start(connection: socket.socket) -> None:
    """Fork the keeper of this process. To be called before there are threads.

    Raises OSError if no process can be made.
    """
    worker = os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            _keep(connection.fileno(), worker)
    finally:
        os._exit(0)


def _keep(connection: int, worker: int) -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, connection)
    os.closerange(connection + 1, 256)
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    poll.poll()
    sweep(worker, os.environ.get(MARK, ""))


def sweep(worker: int, mark: str) -> None:
    """Kill the process group of ``worker`` and all processes that carry ``mark``, until none is left."""
    with contextlib.suppress(OSError):
        os.killpg(worker, signal.SIGKILL)
    deadline = time.monotonic() + SWEEP_LIMIT
    while time.monotonic() < deadline:
        found = list(_living(worker, f"{MARK}={mark}".encode()))
        if not found:
            return
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(SWEEP_PAUSE)


def _living(group: int, mark: bytes) -> Iterator[int]:
    """Yield the ids of the other processes, but for zombies, that are in ``group`` or carry ``mark``."""
    own = os.getpid()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == own:
            continue
        with contextlib.suppress(OSError, IndexError, ValueError):
            with open(f"/proc/{name}/stat", "rb") as file:
                # The name of the program, in brackets, may hold anything; state, parent and group follow it (proc(5)).
                state, _parent, member_of = file.read().rpartition(b")")[2].split()[:3]
            if state in (b"Z", b"X"):
                continue
            with open(f"/proc/{name}/environ", "rb") as file:
                if int(member_of) == group or mark in file.read().split(b"\0"):
                    yield int(name)
