"""The life of a worker process: connect, say hello, be told what to do, do it."""

from __future__ import annotations

import faulthandler
import json
import os
import platform
import socket
import sys
from typing import Any, NoReturn

from . import frames, keeper, streams
from .frames import Frame, FrameReader, ProtocolError
from .ledger import Ledger

#: The supervisor sets these for the worker alone; they are taken out of the environment that a script sees.
SOCKET, LEDGER, STREAMS = "AIMODELLIB_SOCKET", "AIMODELLIB_LEDGER", "AIMODELLIB_STREAMS"

#: Until START says otherwise: it is a small frame.
MAX_START = 16 * 1024 * 1024


class Link:
    """The connection with the supervisor."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        # Room for a large answer: fewer turns between the two processes for each MiB.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 1024 * 1024)
        self.reader = FrameReader(self.socket, MAX_START)

    def send(self, kind: int, **metadata: object) -> None:
        """Send a frame without a body that belongs to no request."""
        text = json.dumps(metadata).encode() if metadata else b""
        if len(text) > frames.MAX_METADATA:
            metadata["message"] = str(metadata.get("message", ""))[:4096] + "…"
            text = json.dumps(metadata).encode()
        self.socket.sendall(frames.encode(kind, 0, text))


def main() -> NoReturn:
    """Run this worker to its end."""
    path, ledger_path = os.environ.pop(SOCKET), os.environ.pop(LEDGER)
    streams.prepare(merge=os.environ.pop(STREAMS, "") == "merged")
    faulthandler.enable()
    try:
        link = Link(path)
        # Before HELLO: after it the supervisor removes the file.
        ledger = Ledger(ledger_path, link.socket)
        keeper.start(link.socket)
        link.send(
            frames.HELLO,
            protocol=frames.PROTOCOL_VERSION,
            pid=os.getpid(),
            python=platform.python_version(),
            executable=sys.executable,
        )
        config = _receive_start(link)
        if config["mode"] == "train":
            from .train import run
        else:
            from .serve import run
        code = run(link, config, ledger)
    except frames.Closed:
        code = 0
    except (ProtocolError, OSError) as error:
        streams.print_line(f"The worker lost its connection with the supervisor: {error}")
        code = 1
    streams.flush()
    sys.exit(code)


def _receive_start(link: Link) -> dict[str, Any]:
    received: list[Frame] = link.reader.read()
    start = received[0]
    if start.kind != frames.START or len(received) > 1:
        raise ProtocolError(f"Expected one START frame, got {[frame.kind for frame in received]}")
    version = frames.parse_object(start.metadata, "metadata").get("protocol")
    if version != frames.PROTOCOL_VERSION:
        raise ProtocolError(
            f"The supervisor speaks protocol version {version!r}, this worker {frames.PROTOCOL_VERSION}"
        )
    config = frames.parse_object(start.body, "body")
    missing = {"mode", "module", "script", "model_dir", "max_body"} - config.keys()
    if missing or config["mode"] not in ("train", "serve"):
        raise ProtocolError(f"START lacks {sorted(missing)} or has the unknown mode {config.get('mode')!r}")
    link.reader.max_body = int(config["max_body"])
    return config
