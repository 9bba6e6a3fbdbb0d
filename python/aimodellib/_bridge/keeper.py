"""The keeper: a process that ends everything a worker leaves behind.

Invariants:

1. When the supervisor closes the keeper's connection, or dies (``kill -9`` included), the worker and every process that
   it started end, even if the worker holds the GIL, has closed its file descriptors, or is stopped.
2. The connection is the keeper's alone: nothing that the worker or its children do with theirs concerns it.
3. A process that left the worker's group (``setsid``, a daemon) is found by the mark in its environment.
4. No other process is killed. The number of the worker's group stays taken as long as the keeper lives: a child of the
   keeper was forked in that group, has ended, and is not waited for.
5. The keeper is no child of the worker: a script that waits for all its children does not wait for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import Callable, Iterator

#: Names the variable that marks all processes of one worker.
MARK = "AIMODELLIB_WORKER"
#: The name of the keeper in lists of processes, at most 15 characters.
COMMAND = "aimodellib-keep"
#: The other side has closed its end: poll(2). PyPy has no name for it.
POLLRDHUP: int = getattr(select, "POLLRDHUP", 0x2000)
#: How often the processes are looked for again while some are still there, and how long, in seconds.
SWEEP_PAUSE, SWEEP_LIMIT = 0.01, 5.0
#: Descriptors that are closed where nothing says which are open.
MOST_DESCRIPTORS = 4096


def start(path: str) -> None:
    """Fork the keeper of this process, with a connection to ``path``. To be called before there are threads.

    Raises OSError if it can't connect, or no process can be made.
    """
    worker = os.getpid()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        ready, done = os.pipe()
        try:
            child = os.fork()
            if child == 0:
                _fork_keeper(connection.fileno(), worker, ready, done)
        finally:
            os.close(done)
        try:
            # Until it has left the group: a signal for that is not for the keeper.
            started = os.read(ready, 1)
        finally:
            os.close(ready)
            # There is nobody to wait for where SIGCHLD is ignored.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
        if not started:
            raise OSError("The keeper of this process could not be started")


def _fork_keeper(connection: int, worker: int, ready: int, done: int) -> None:
    """Become the parent of the keeper, and end. Never returns."""
    try:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            pin = os.fork()
            if pin == 0:
                os._exit(0)
            os.setsid()
            os.write(done, b"1")
            _keep(connection, worker, pin)
    finally:
        os._exit(0)


def _keep(connection: int, worker: int, pin: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _close_all_but(connection)
    # The supervisor knows the keeper by this name when it stops all others, which Ctrl+Z does.
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write(COMMAND)
    poll = select.poll()
    poll.register(connection, POLLRDHUP)
    poll.poll()
    sweep(worker, os.environ.get(MARK, ""))
    os.waitpid(pin, 0)


def _close_all_but(connection: int) -> None:
    """Close what was inherited: the other ends would wait for this process. Raises nothing."""
    # The first three at first: where no descriptor is free, they make room for what follows.
    for fd in (0, 1, 2):
        with contextlib.suppress(OSError):
            os.close(fd)
    try:
        found = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        found = list(range(3, MOST_DESCRIPTORS))
    for fd in found:
        if fd > 2 and fd != connection:
            with contextlib.suppress(OSError):
                os.close(fd)
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (1, 2):
            os.dup2(null, fd)


def sweep(worker: int, mark: str) -> None:
    """Kill the process group of ``worker`` and all processes that carry ``mark``, until none is left.

    The number of the group must not be free to be taken by others.
    """
    with contextlib.suppress(OSError):
        os.killpg(worker, signal.SIGKILL)
    text = f"{MARK}={mark}".encode()
    deadline = time.monotonic() + SWEEP_LIMIT
    while time.monotonic() < deadline:
        try:
            found = list(_living(worker, text))
        except OSError:
            found = []  # It may be readable again in a moment.
        else:
            if not found:
                return
        for pid in found:
            with contextlib.suppress(OSError):
                _kill(pid, lambda pid: _is_ours(pid, worker, text))
        time.sleep(SWEEP_PAUSE)


def _living(group: int, mark: bytes) -> Iterator[int]:
    """Yield the ids of the other processes, but for zombies, that are in ``group`` or carry ``mark``."""
    own = os.getpid()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != own and _is_ours(int(name), group, mark):
            yield int(name)


def _is_ours(pid: int, group: int, mark: bytes) -> bool:
    with contextlib.suppress(OSError, IndexError, ValueError):
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name of the program, in brackets, may hold anything; state, parent and group follow it (proc(5)).
            state, _parent, member_of = file.read().rpartition(b")")[2].split()[:3]
        if state in (b"Z", b"X"):
            return False
        if int(member_of) == group:
            return True
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    return False


def _kill(pid: int, is_ours: Callable[[int], bool]) -> None:
    """Kill a process, unless its number has become another's. Raises OSError if it is gone, or another user's."""
    # From Python 3.9 on.
    pidfd_open = getattr(os, "pidfd_open", None)
    try:
        handle = pidfd_open(pid) if pidfd_open else None
    except ProcessLookupError:
        return
    except OSError:
        handle = None  # The kernel has none.
    if handle is None:
        os.kill(pid, signal.SIGKILL)
        return
    try:
        if is_ours(pid):
            getattr(signal, "pidfd_send_signal")(handle, signal.SIGKILL)  # noqa: B009 - it is not there in Python 3.8
    finally:
        os.close(handle)
