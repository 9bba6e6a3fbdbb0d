"""The scalars of a training, which its console shows: ``logger.scalar`` gathers them, and a thread sends them.

The thread alone writes to the connection while the script runs: a signal to stop interrupts the main thread anywhere,
and a frame that is sent in part would end the connection.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Callable, SupportsFloat, Tuple

from ..util.logging import PrintLogger

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

#: A name, a step, a value and its time, in seconds since 1970.
Point = Tuple[str, int, float, float]

#: How often points are sent, in seconds.
INTERVAL = 0.2
#: The most points that wait; further ones replace the oldest.
MAX_WAITING = 50_000
#: The most names, and the longest one, in characters. Longer names are cut.
MAX_NAMES, MAX_NAME = 200, 200
#: The most points of one name in one interval: of more, every second, fourth and so on is sent, and the last one.
MAX_AT_ONCE = 100
#: The FIFO between rank 0 and the worker, the longest line in it, in bytes, and how long its rest is read, in seconds.
FIFO, MAX_LINE, REST = "scalars", 1024 * 1024, 1.0
#: The most points in one frame: 200 characters take up to 2,400 bytes of JSON, and a frame may have 1 MiB.
MAX_IN_FRAME = 256


class ScalarLogger(PrintLogger):
    """Prints messages, and passes scalars on."""

    def __init__(self, scalars: Scalars) -> None:
        self._scalars = scalars

    def scalar(self, name: str, value: SupportsFloat, step: int | None = None) -> None:
        """Add a point to the curve ``name`` in the console."""
        self._scalars.add(name, value, step)


class Scalars:
    """Points that wait to be sent."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        """``send`` gets a JSON array of points, in a thread or in ``close``."""
        self._send = send
        self._waiting: deque[Point] = deque(maxlen=MAX_WAITING)
        #: The number of points of each name, which is the step of a point without one.
        self._counts: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._starting = threading.Lock()

    def add(self, name: str, value: SupportsFloat, step: int | None = None) -> None:
        """Add a point. Raises what ``float(value)`` and ``int(step)`` raise, and ``TypeError`` for another name."""
        if not isinstance(name, str):
            raise TypeError(f"The name of a scalar must be a string, not {type(name).__name__}")
        name = name[:MAX_NAME]
        count = self._counts.get(name, 0)
        if count == 0 and len(self._counts) >= MAX_NAMES:
            return
        point = (name, count if step is None else int(step), float(value), time.time())
        self._counts[name] = count + 1
        self._waiting.append(point)
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Send what waits. Call it when the script has ended, and before the outcome is sent."""
        self._ended.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()
        with contextlib.suppress(Exception):  # whoever reports the outcome notices that the connection is gone
            self._flush()

    def _start(self) -> None:
        # Two threads would mix their frames.
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="aimodellib-scalars", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(Exception):  # the connection is gone
            while not self._ended.wait(INTERVAL):
                self._flush()

    def _flush(self) -> None:
        by_name: dict[str, list[Point]] = {}
        for _ in range(len(self._waiting)):
            point = self._waiting.popleft()
            by_name.setdefault(point[0], []).append(point)
        points = [point for series in by_name.values() for point in thinned(series)]
        for at in range(0, len(points), MAX_IN_FRAME):
            self._send(encode(points[at : at + MAX_IN_FRAME]))


def of_rank(folder: str) -> Scalars | None:
    """Return the scalars of this process, a rank, which go to ``RankScalars``; None unless it is rank 0."""
    if os.environ.get("RANK") != "0":
        return None
    fifo = os.open(os.path.join(folder, FIFO), os.O_WRONLY)

    def send(body: bytes) -> None:
        rest = body + b"\n"
        while rest:
            rest = rest[os.write(fifo, rest) :]

    return Scalars(send)


class RankScalars:
    """Passes on the scalars of rank 0 during a ``with`` block."""

    def __init__(self, folder: str, send: Callable[[bytes], None]) -> None:
        """Create the FIFO for the rank in ``folder``; ``send`` is called in a thread. Raises OSError."""
        self._send = send
        path = os.path.join(folder, FIFO)
        os.mkfifo(path, 0o600)
        # Opened for writing as well: a FIFO without a writer reports its end.
        self._fifo = os.open(path, os.O_RDWR)
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> RankScalars:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended = True
        # The end of a line that was cut, and an empty line.
        os.write(self._fifo, b"\n\n")
        self._thread.join(REST)

    def _run(self) -> None:
        rest = b""
        with contextlib.suppress(Exception):  # the connection is gone
            while True:
                *lines, rest = (rest + os.read(self._fifo, 64 * 1024)).split(b"\n")
                for line in lines:
                    if line:
                        self._send(line)
                    elif self._ended:
                        return
                if len(rest) > MAX_LINE:
                    rest = b""


def thinned(points: list[Point]) -> list[Point]:
    """Return at most ``MAX_AT_ONCE`` points: evenly spaced ones, and the last."""
    stride = 1
    while len(points) > stride * (MAX_AT_ONCE - 1):
        stride *= 2
    kept = points[::stride]
    return kept if kept[-1] is points[-1] else [*kept, points[-1]]


def encode(points: Iterable[Point]) -> bytes:
    """Return a JSON array of arrays; JSON has no NaN and no infinity, which are strings here."""
    return json.dumps([[name, step, _number(value), round(at, 3)] for name, step, value, at in points]).encode()


def _number(value: float) -> Any:
    if value - value == 0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
