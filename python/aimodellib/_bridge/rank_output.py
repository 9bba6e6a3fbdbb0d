"""What the ranks of a run print, line by line, with the name of the rank in front.

A rank makes a FIFO for each of its streams in a folder of the worker, and writes their names into the worker's own
FIFO. The worker reads them all in one thread: a rank that prints faster than it is read waits, as it would at a
terminal.

Only a newline ends a line. A carriage return begins it anew, as a progress bar does: such a line is shown in its place
as long as no other rank prints. Of several bars one is shown, and another once that one pauses; each is shown when it
ends.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import string
import threading
import time
from typing import TYPE_CHECKING

from . import streams

if TYPE_CHECKING:
    from types import TracebackType

#: Where a rank says which FIFOs it has made.
CONTROL = "control"
#: Names the variable with the text in front of a line. It is torchrun's own.
PREFIX = "TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE"
#: A line that has no end is shown after this time, in seconds.
_PAUSE = 0.2
#: A line that stays unfinished for this time gives way to another unfinished one, in seconds.
_TURN = 1.0
#: For the rest of what was printed, once all ranks have ended, in seconds: a process that a rank left may hold a FIFO.
_REST = 1.0
#: What is longer is shown as several lines, in bytes.
_LONGEST = 64 * 1024


def send_output(folder: str) -> None:
    """Have what this process, a rank, prints go to the worker that made ``folder``."""
    streams.flush()
    template = string.Template(os.environ.get(PREFIX, "[rank ${rank}] "))
    names = {"role_name": "ROLE_NAME", "rank": "RANK", "local_rank": "LOCAL_RANK"}
    prefix = template.safe_substitute({key: os.environ.get(name, "") for key, name in names.items()})
    base = os.path.join(folder, str(os.getpid()))
    with open(base, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(prefix)
    for fd in (1, 2):
        os.mkfifo(f"{base}.{fd}", 0o600)
    control = os.open(os.path.join(folder, CONTROL), os.O_WRONLY)
    os.write(control, f"{os.getpid()}\n".encode())
    os.close(control)
    for fd in (1, 2):
        stream = os.open(f"{base}.{fd}", os.O_WRONLY)
        os.dup2(stream, fd)
        os.close(stream)


class Collector:
    """Shows the output of the ranks while a ``with`` block runs, and the rest of it at the end."""

    def __init__(self, folder: str) -> None:
        """Raises OSError if no FIFO can be made in ``folder``."""
        self._folder = folder
        path = os.path.join(folder, CONTROL)
        os.mkfifo(path, 0o600)
        # Open for writing as well: a FIFO without a writer is at its end.
        self._control = os.open(path, os.O_RDWR)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._control, selectors.EVENT_READ)
        self._streams: dict[int, Stream] = {}
        one, two = os.fstat(1), os.fstat(2)
        out = Output(1)
        is_same = (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)
        self._outputs = {1: out, 2: out if is_same else Output(2)}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        os.write(self._control, b"\n")
        self._thread.join()
        os.close(self._control)

    def _run(self) -> None:
        deadline = None
        while deadline is None or (self._streams and time.monotonic() < deadline):
            is_waiting = deadline is not None or any(stream.is_waiting for stream in self._streams.values())
            ready = self._selector.select(_PAUSE if is_waiting else None)
            for key, _ in ready:
                if key.fd != self._control:
                    self._read(key.fd)
                elif self._greet():
                    deadline = time.monotonic() + _REST
            now = time.monotonic()
            for stream in self._streams.values():
                stream.look(now)
        for fd in list(self._streams):
            self._close(fd)
        self._selector.close()

    def _greet(self) -> bool:
        """Open what ranks have made; returns whether all ranks have ended, which an empty line says."""
        # Lines are written at once, and are not torn.
        pids = os.read(self._control, 4096).decode().split("\n")[:-1]
        for pid in filter(None, pids):
            base = os.path.join(self._folder, pid)
            # A rank that has ended since made none, or has nothing to say.
            with contextlib.suppress(OSError):
                with open(base, "rb") as file:
                    prefix = file.read()
                for number, output in self._outputs.items():
                    fd = os.open(f"{base}.{number}", os.O_RDONLY | os.O_NONBLOCK)
                    self._streams[fd] = Stream(prefix, output)
                    self._selector.register(fd, selectors.EVENT_READ)
        return "" in pids

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, _LONGEST)
        except BlockingIOError:
            return
        if data:
            self._streams[fd].feed(data, time.monotonic())
        else:
            self._close(fd)

    def _close(self, fd: int) -> None:
        self._selector.unregister(fd)
        os.close(fd)
        self._streams.pop(fd).close()


class Output:
    """Where lines are shown: one of our own streams, or both if they are the same."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        #: Whose unfinished line is the last one, what of it is shown, and when that was.
        self._owner: Stream | None = None
        self._shown = b""
        self._since = 0.0

    def line(self, stream: Stream, text: bytes) -> None:
        """Show a whole line."""
        self._write(self._change(stream, text) + b"\n")
        self._owner = None

    def state(self, stream: Stream, text: bytes) -> bool:
        """Show an unfinished line, and return True; False if another one is shown now."""
        now = time.monotonic()
        if self._owner not in (None, stream) and now - self._since <= _TURN:
            return False
        if text.strip():
            self._write(self._change(stream, text))
            self._owner, self._shown, self._since = stream, text, now
        elif self._owner is stream:
            self._write(self._change(stream, text) + b"\r" + b" " * len(stream.prefix) + b"\r")
            self._owner = None
        return True

    def end(self, stream: Stream) -> None:
        """End an unfinished line of ``stream``."""
        if self._owner is stream:
            self._write(b"\n")
            self._owner = None

    def _change(self, stream: Stream, text: bytes) -> bytes:
        """What makes the last line be ``text``."""
        if self._owner is not stream:
            return (b"\n" if self._owner is not None else b"") + stream.prefix + text
        if text.startswith(self._shown):
            return text[len(self._shown) :]
        return b"\r" + stream.prefix + text + b" " * (len(self._shown) - len(text))

    def _write(self, data: bytes) -> None:
        streams.write_all(self._fd, data)


class Stream:
    """One stream of a rank."""

    def __init__(self, prefix: bytes, output: Output) -> None:
        self.prefix = prefix
        #: Whether there is an unfinished line that is not shown.
        self.is_waiting = False
        self._since = 0.0
        self._output = output
        self._rest = b""

    def feed(self, data: bytes, now: float) -> None:
        """Take what the rank printed."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._output.line(self, _last_state(line))
        state = _last_state(rest)
        if len(state) > _LONGEST:
            self._output.line(self, state)
            rest = state = b""
        if b"\r" in rest:
            # What the line was before is not needed any more.
            self._rest = b"\r" + state + (b"\r" if rest.endswith(b"\r") else b"")
            self.is_waiting = not self._output.state(self, state)
        else:
            self._rest = rest
            self.is_waiting = bool(rest)
        self._since = now

    def look(self, now: float) -> None:
        """Show an unfinished line that has been waiting."""
        if self.is_waiting and now - self._since >= _PAUSE:
            self.is_waiting = not self._output.state(self, _last_state(self._rest))

    def close(self) -> None:
        """Show the output that was not shown yet."""
        if self.is_waiting:
            self._output.line(self, _last_state(self._rest))
        else:
            self._output.end(self)


def _last_state(line: bytes) -> bytes:
    """What is seen of a line: what follows its last carriage return, but for those at its end."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]
