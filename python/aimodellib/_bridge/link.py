"""The connection between a worker and its supervisor."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import Any, Callable, Sequence

from . import frames
from .exchange import Exchange
from .frames import Frame, FrameReader, FrameWriter
from .ledger import Ledger
from .memory import Memory

#: The longest body before START, in bytes.
MAX_START = 16 * 1024 * 1024


def remove_directory(directory: str) -> None:
    """Remove ``directory``, with its sockets and files, for a supervisor that has ended before it did so itself."""
    for name in ("bridge.sock", "keeper.sock", "exchange", "ledger"):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(directory, name))
    with contextlib.suppress(OSError):
        os.rmdir(directory)


class Link:
    """The connection with the supervisor: a socket, the ledger and the exchange. All frames are read through it."""

    def __init__(self, directory: str) -> None:
        """Connect, and open the files in ``directory``, which the supervisor removes after HELLO. Raises OSError."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(os.path.join(directory, "bridge.sock"))
        # A large buffer, since a large answer then needs fewer switches between the two processes.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 1024 * 1024)
        self._writer = FrameWriter(self.socket)
        exchange = Exchange(os.path.join(directory, "exchange"))
        self.ledger = Ledger(os.path.join(directory, "ledger"), self._writer, exchange)
        self._reader = FrameReader(self.socket, MAX_START, self.ledger.read_body)
        #: Frames that arrived during a request and belong to others.
        self._waiting: list[Frame] = []

    def share(self, files: Sequence[tuple[str, int]]) -> bool:
        """Use the shared memory in these files, which START names; return False if they can't be mapped."""
        with contextlib.suppress(OSError, ValueError):
            self.ledger.memory = Memory(*files)
            return True
        return False

    def limit_bodies(self, max_body: int) -> None:
        """Accept bodies of up to ``max_body`` bytes. Until then, only START is accepted."""
        self._reader.max_body = max_body

    def read(self) -> list[Frame]:
        """Return the next frames; wait until there is one. Raises Closed and ProtocolError."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            return waiting
        return self._reader.read()

    def read_meanwhile(self, take: Callable[[Frame], bool]) -> None:
        """Wait for new frames while a request is executed, and offer each to ``take``.

        ``read`` returns those for which it returned False. Raises Closed and ProtocolError.
        """
        for frame in self._reader.read():
            if not take(frame):
                self._waiting.append(frame)

    def has_data(self, timeout: float = 0) -> bool:
        """Tell whether new frames, or the end, arrive within ``timeout`` seconds. Raises LinkError."""
        return self._reader.has_data(timeout)

    def check(self) -> None:
        """Raise the error with which reading has failed, if it has."""
        self._reader.check()

    def send(self, kind: int, body: bytes = b"", **metadata: Any) -> None:
        """Send a frame that belongs to no request. Raises Closed and LinkError."""
        text = json.dumps(metadata).encode() if metadata else b""
        if len(text) > frames.MAX_METADATA:
            metadata["message"] = str(metadata.get("message", ""))[:4096] + "…"
            text = json.dumps(metadata).encode()
        self._writer.write(frames.encode(kind, 0, text, len(body)) + body)
