"""Shows what the ranks of a run print, line by line, each with the name of its rank in front.

A rank creates a FIFO for each of its streams in a folder of the worker, and writes its process id into the worker's
FIFO. The worker reads them all in one thread. A rank that prints faster than it is read blocks, as it would at a
terminal.

Only a newline ends a line. A carriage return starts it again, as progress bars do: the line is then updated in place
as long as no other rank prints. If there are several progress bars, one is shown, and another when that one pauses;
each is shown when it ends.
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

#: The name of the FIFO in which ranks report that their FIFOs exist.
CONTROL = "control"
#: The environment variable, defined by torchrun, with the text in front of each line.
PREFIX = "TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE"
#: An unfinished line is shown after this time, in seconds.
_PAUSE = 0.2
#: After this time without a change, an unfinished line gives way to another one, in seconds.
_TURN = 1.0
#: How long the rest of the output is read after all ranks have ended, in seconds: a child process may hold a FIFO.
_REST = 1.0
#: The longest line, in bytes; a longer one is shown as several lines.
_LONGEST = 64 * 1024


def send_output(folder: str) -> None:
    """Redirect the output of this process, a rank, to the worker that created ``folder``."""
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
    """Shows the output of the ranks during a ``with`` block, and the rest at its end."""

    def __init__(self, folder: str) -> None:
        """Create the worker's FIFO in ``folder``. Raises OSError."""
        self._folder = folder
        path = os.path.join(folder, CONTROL)
        os.mkfifo(path, 0o600)
        # Opened for writing as well: a FIFO without a writer reports its end.
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
        """Open the FIFOs that ranks report; return whether all ranks have ended, which an empty line reports."""
        # Each line is written at once, and therefore arrives whole.
        pids = os.read(self._control, 4096).decode().split("\n")[:-1]
        for pid in filter(None, pids):
            base = os.path.join(self._folder, pid)
            # The rank has ended meanwhile, or could not create its FIFOs.
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
    """Shows lines on one of our standard streams, or on both if they are the same file."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        #: The stream whose unfinished line is shown last, the text of it that is shown, and the time of that.
        self._owner: Stream | None = None
        self._shown = b""
        self._since = 0.0

    def line(self, stream: Stream, text: bytes) -> None:
        """Show a complete line."""
        self._write(self._change(stream, text) + b"\n")
        self._owner = None

    def state(self, stream: Stream, text: bytes) -> bool:
        """Show an unfinished line. Return False if another one is shown now."""
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
        """Return the bytes that turn the last line into ``text``."""
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
        """Handle more output of the rank."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._output.line(self, _last_state(line))
        state = _last_state(rest)
        if len(state) > _LONGEST:
            self._output.line(self, state)
            rest = state = b""
        if b"\r" in rest:
            # Earlier states of the line are no longer needed.
            self._rest = b"\r" + state + (b"\r" if rest.endswith(b"\r") else b"")
            self.is_waiting = not self._output.state(self, state)
        else:
            self._rest = rest
            self.is_waiting = bool(rest)
        self._since = now

    def look(self, now: float) -> None:
        """Show an unfinished line that has waited long enough."""
        if self.is_waiting and now - self._since >= _PAUSE:
            self.is_waiting = not self._output.state(self, _last_state(self._rest))

    def close(self) -> None:
        """Show the rest of the output."""
        if self.is_waiting:
            self._output.line(self, _last_state(self._rest))
        else:
            self._output.end(self)


def _last_state(line: bytes) -> bytes:
    """Return the visible state of a line: the text after its last carriage return, ignoring those at its end."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]
