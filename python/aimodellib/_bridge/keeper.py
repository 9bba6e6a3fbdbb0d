"""The keeper: a process that ends everything a worker leaves behind.

Invariants:

1. When the supervisor closes the keeper's connection, or dies (``kill -9`` included), the worker and every process that
   it started end, even if the worker holds the GIL, has closed its file descriptors, or is stopped.
2. The keeper has a connection of its own: nothing that the worker or its children do to theirs affects it.
3. A process that left the worker's group (``setsid``, a daemon) is found by the mark in its environment.
4. No other process is killed. As long as the keeper lives, no other group can get the number of the worker's group: a
   child of the keeper, which was forked in that group, stays there as a zombie.
5. The keeper is not a child of the worker: a script that waits for all its children does not wait for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import Callable

#: The environment variable that marks all processes of one worker.
MARK = "AIMODELLIB_WORKER"
#: The name of the keeper in lists of processes, at most 15 characters.
COMMAND = "aimodellib-keep"
#: The event of poll(2) for a closed other end. PyPy does not define it.
POLLRDHUP: int = getattr(select, "POLLRDHUP", 0x2000)
#: Interval between two searches for remaining processes, and the longest time for all of them, in seconds.
SWEEP_PAUSE, SWEEP_LIMIT = 0.01, 5.0
#: How many descriptors are closed if /proc does not list the open ones.
MOST_DESCRIPTORS = 4096


def start(path: str) -> None:
    """Fork the keeper of this process, with a connection to ``path``. Call it before there are threads.

    Raises OSError if it can't connect or fork.
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
            # Wait until the keeper has left the group: a signal to the group must not reach it.
            started = os.read(ready, 1)
        finally:
            os.close(ready)
            # If SIGCHLD is ignored, the child is already reaped.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
        if not started:
            raise OSError("The keeper of this process could not be started")


def _fork_keeper(connection: int, worker: int, ready: int, done: int) -> None:
    """Fork the keeper from this intermediate process, which then ends. Never returns."""
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
    # When Ctrl+Z suspends a job, the supervisor recognizes the keeper by this name and leaves it running.
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write(COMMAND)
    poll = select.poll()
    poll.register(connection, POLLRDHUP)
    poll.poll()
    sweep(worker, os.environ.get(MARK, ""))
    os.waitpid(pin, 0)


def _close_all_but(connection: int) -> None:
    """Close all inherited descriptors: whoever reads their other ends would wait for this process. Raises nothing."""
    # Begin with the standard streams: if no descriptor is free, this makes room for the listing.
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

    The caller ensures that no other group can get this number.
    """
    with contextlib.suppress(OSError):
        os.killpg(worker, signal.SIGKILL)
    text = f"{MARK}={mark}".encode()
    deadline = time.monotonic() + SWEEP_LIMIT
    while time.monotonic() < deadline:
        try:
            found, saw_all = _living(worker, text)
        except OSError:
            found, saw_all = [], False  # Such as without a free descriptor: try again.
        if saw_all and not found:
            return
        for pid in found:
            with contextlib.suppress(OSError):
                _kill(pid, lambda pid: _is_ours(pid, worker, text))
        time.sleep(SWEEP_PAUSE)


def _living(group: int, mark: bytes) -> tuple[list[int], bool]:
    """Return the ids of other processes in ``group``, or with ``mark`` in their environment; no zombies.

    Also return whether all processes could be examined: if not, there may be more of them.
    """
    own = os.getpid()
    found, saw_all = [], True
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == own:
            continue
        try:
            if _is_ours(int(name), group, mark):
                found.append(int(name))
        except OSError:
            saw_all = False
    return found, saw_all


def _is_ours(pid: int, group: int, mark: bytes) -> bool:
    """Tell whether a process is in ``group`` or has ``mark``. Raises OSError if it can't be examined at the moment."""
    # A process that has ended, or another user's, is not ours.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError, IndexError, ValueError):
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The program's name, in parentheses, may contain anything; state, parent and group follow it (proc(5)).
            state, _parent, member_of = file.read().rpartition(b")")[2].split()[:3]
        if state in (b"Z", b"X"):
            return False
        if int(member_of) == group:
            return True
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    return False


def _kill(pid: int, is_ours: Callable[[int], bool]) -> None:
    """Kill a process, unless another one has got its number. Raises OSError if it has ended, or is another user's."""
    # New in Python 3.9.
    pidfd_open = getattr(os, "pidfd_open", None)
    try:
        handle = pidfd_open(pid) if pidfd_open else None
    except ProcessLookupError:
        return
    except OSError:
        handle = None  # The kernel does not support it.
    if handle is None:
        os.kill(pid, signal.SIGKILL)
        return
    try:
        if is_ours(pid):
            getattr(signal, "pidfd_send_signal")(handle, signal.SIGKILL)  # noqa: B009 - it is not there in Python 3.8
    finally:
        os.close(handle)
