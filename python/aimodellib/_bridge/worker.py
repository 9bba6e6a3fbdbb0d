"""The life of a worker process: it connects, sends HELLO, receives START, then trains or serves."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from typing import Any, NoReturn

from . import forks, frames, keeper, streams
from .bytecode import starting
from .frames import Frame, ProtocolError
from .link import Link, remove_directory

#: Environment variables for the worker alone, which removes them before the script runs.
BRIDGE, STREAMS, IGNORED = "AIMODELLIB_BRIDGE", "AIMODELLIB_STREAMS", "AIMODELLIB_IGNORED"


def main() -> NoReturn:
    """Run this worker until it ends, and exit."""
    directory = os.environ.pop(BRIDGE)
    streams.prepare(os.environ.pop(STREAMS, ""))
    # The supervisor was started with these signals ignored, such as by nohup; Deno does not pass that on.
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
            python=sys.version.split()[0],
            executable=sys.executable,
        )
        with starting():
            # Most of what a run needs is imported while the supervisor answers.
            from . import advice, names  # noqa: F401
        config = _receive_start(link)
        mode = config["mode"]
        with starting():
            if config.get("launcher") is not None:
                from .launch import run
            elif mode == "train":
                from .train import run
            else:
                from .serve import run
        code = run(link, config)
    except frames.Closed:
        # The supervisor has closed the connection, or is gone.
        code = 0
    except (ProtocolError, OSError) as error:
        streams.print_line(f"The worker lost its connection with the supervisor: {error}")
        code = 1
    if not mode:
        # There was no START: a supervisor that was killed meanwhile has left the directory.
        remove_directory(directory)
    streams.flush()
    if code or mode == "serve":
        streams.give_up_unwritten()
    sys.exit(code)


def _receive_start(link: Link) -> dict[str, Any]:
    received: list[Frame] = link.read()
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
    link.limit_bodies(int(config["max_body"]))
    return config
