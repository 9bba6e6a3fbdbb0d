"""Runs the bridge with one system call that fails, does only a part of its work, or is the last of its process.

FAULT is JSON: ``package`` (the folder that goes on ``sys.path``), ``record`` (a file to which each call is appended, as
DEPTH, NAME and its place in the code), and for a fault ``depth``, ``name``, ``place`` and ``what``. DEPTH is how many forks a process is away from
the worker: its keeper is 2. Each process counts its calls of each NAME from 1 on, if the bridge's own code makes them.
"""

import builtins
import errno
import json
import mmap
import os
import select
import signal
import socket
import sys

PLAN = json.loads(os.environ.pop("FAULT"))
sys.path[0] = PLAN["package"]

_write, _kill, _getpid, _pread, _pwrite = os.write, os.kill, os.getpid, os.pread, os.pwrite
_Socket = socket.socket
_open, _close = os.open, os.close


class Counter:
    """The state of this process."""

    depth = 0
    counts: "dict[str, int]" = {}

    @classmethod
    def restart(cls):
        """Reset the counts after a fork."""
        cls.depth += 1
        cls.counts = {}

    @classmethod
    def is_due(cls, name):
        """Count a call; tell whether it is the one that fails."""
        caller = sys._getframe(2)
        if os.sep + "_bridge" + os.sep not in caller.f_code.co_filename:
            return False
        cls.counts[name] = cls.counts.get(name, 0) + 1
        if "record" in PLAN:
            # Open the file each time: the keeper closes all descriptors that it finds.
            record = _open(PLAN["record"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            _write(record, f"{cls.depth} {name} {place_of(caller)}\n".encode())
            _close(record)
        return (cls.depth, name, cls.counts[name]) == (PLAN.get("depth"), PLAN.get("name"), PLAN.get("place"))


def place_of(frame):
    """Return the line of a call, and the lines on the stack that led to it."""
    lines = []
    while frame is not None and len(lines) < 5:
        if os.sep + "_bridge" + os.sep in frame.f_code.co_filename:
            lines.append(f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}")
        frame = frame.f_back
    return "<".join(lines)


def faulty(name, function, shorten=None):
    """Wrap a function; ``shorten`` does a part of its work."""

    def call(*args, **options):
        if not Counter.is_due(name):
            return function(*args, **options)
        what = PLAN["what"]
        if what == "death":
            die()
        if what == "death after":
            function(*args, **options)
            die()
        if what.startswith("half"):
            result = shorten(*args, **options)
            if what == "half":
                return result
            die()
        raise OSError(getattr(errno, what), os.strerror(getattr(errno, what)))

    return call


def die():
    """Kill this process, as the kernel does when memory runs out."""
    _kill(_getpid(), signal.SIGKILL)


def send_half(sock, data):
    """Send half of the data, and then fail or die."""
    _Socket.sendall(sock, memoryview(data)[: len(data) // 2])
    if PLAN["what"] == "half":
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))


class FaultySocket(_Socket):
    """A socket whose calls are counted."""

    connect = faulty("connect", _Socket.connect)
    setsockopt = faulty("setsockopt", _Socket.setsockopt)
    recv = faulty("recv", _Socket.recv, lambda sock, size, *flags: _Socket.recv(sock, 1, *flags))
    sendall = faulty("sendall", _Socket.sendall, send_half)


os.register_at_fork(after_in_child=Counter.restart)
socket.socket = FaultySocket
mmap.mmap = faulty("mmap", mmap.mmap)
select.select = faulty("select", select.select)
builtins.open = faulty("open()", builtins.open)
os.pread = faulty("pread", os.pread, lambda fd, length, offset: _pread(fd, length // 2, offset))
os.pwrite = faulty("pwrite", os.pwrite, lambda fd, data, offset: _pwrite(fd, data[: len(data) // 2], offset))
for each in ("open", "read", "write", "fork", "pipe", "setsid", "dup2", "waitpid", "listdir", "killpg", "kill", "close"):
    setattr(os, each, faulty(each, getattr(os, each)))

from aimodellib._bridge.worker import main

main()
