"""The life of a worker process: connect, say hello, be told what to do, do it."""

from __future__ import annotations

import faulthandler
import json
import os
import platform
import signal
import socket
import sys
from typing import Any, NoReturn

from . import forks, frames, keeper, streams
from .exchange import Exchange
from .frames import Frame, FrameReader, ProtocolError
from .ledger import Ledger

#: The supervisor sets these for the worker alone; they are taken out of the environment that a script sees.
BRIDGE, STREAMS, IGNORED = "AIMODELLIB_BRIDGE", "AIMODELLIB_STREAMS", "AIMODELLIB_IGNORED"

#: Until START says otherwise: it is a small frame.
MAX_START = 16 * 1024 * 1024


class Link:
    """The connection with the supervisor: its socket, and the two files beside it."""

    def __init__(self, directory: str) -> None:
        """Connect, and open the files: after HELLO the supervisor removes the directory. Raises OSError."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(os.path.join(directory, "bridge.sock"))
        # Room for a large answer: fewer turns between the two processes for each MiB.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 1024 * 1024)
        exchange = Exchange(os.path.join(directory, "exchange"))
        self.ledger = Ledger(os.path.join(directory, "ledger"), self.socket, exchange)
        self.reader = FrameReader(self.socket, MAX_START, self.ledger.read_body)
        #: Frames that came while a request was executed that looked for frames of its own.
        self.waiting: list[Frame] = []

    def read(self) -> list[Frame]:
        """Return the frames that came next. Raises Closed and ProtocolError."""
        if self.waiting:
            waiting, self.waiting = self.waiting, []
            return waiting
        return self.reader.read()

    def send(self, kind: int, body: bytes = b"", **metadata: Any) -> None:
        """Send a frame that belongs to no request."""
        text = json.dumps(metadata).encode() if metadata else b""
        if len(text) > frames.MAX_METADATA:
            metadata["message"] = str(metadata.get("message", ""))[:4096] + "…"
            text = json.dumps(metadata).encode()
        self.socket.sendall(frames.encode(kind, 0, text, len(body)) + body)


def main() -> NoReturn:
    """Run this worker to its end."""
    directory = os.environ.pop(BRIDGE)
    streams.prepare(merge=os.environ.pop(STREAMS, "") == "merged")
    # The supervisor was started to ignore these, by nohup for one, and Deno does not hand that on.
    for name in os.environ.pop(IGNORED, "").split():
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    faulthandler.enable()
    mode = ""
    try:
        link = Link(directory)
        keeper.start(os.path.join(directory, "keeper.sock"))
        forks.watch(link.socket)
        link.send(
            frames.HELLO,
            protocol=frames.PROTOCOL_VERSION,
            pid=os.getpid(),
            python=platform.python_version(),
            executable=sys.executable,
        )
        config = _receive_start(link)
        mode = config["mode"]
        if config.get("launcher") is not None:
            from .launch import run
        elif mode == "train":
            from .train import run
        else:
            from .serve import run
        code = run(link, config)
    except (frames.Closed, BrokenPipeError, ConnectionResetError):
        # The supervisor has closed the connection, or is gone.
        code = 0
    except (ProtocolError, OSError) as error:
        streams.print_line(f"The worker lost its connection with the supervisor: {error}")
        code = 1
    streams.flush()
    if code or mode == "serve":
        streams.give_up_unwritten()
    sys.exit(code)


def _receive_start(link: Link) -> dict[str, Any]:
    received: list[Frame] = link.reader.read()
    kind, _, metadata, body = received[0]
    if kind != frames.START or len(received) > 1:
        raise ProtocolError(f"Expected one START frame, got the kinds {[frame[0] for frame in received]}")
    version = frames.parse_object(metadata, "metadata").get("protocol")
    if version != frames.PROTOCOL_VERSION:
        raise ProtocolError(
            f"The supervisor speaks protocol version {version!r}, this worker {frames.PROTOCOL_VERSION}"
        )
    config = frames.parse_object(body, "body")
    missing = {"mode", "module", "script", "model_dir", "max_body"} - config.keys()
    if missing or config["mode"] not in ("train", "serve"):
        raise ProtocolError(f"START lacks {sorted(missing)} or has the unknown mode {config.get('mode')!r}")
    link.reader.max_body = int(config["max_body"])
    return config
