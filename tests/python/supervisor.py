"""A worker process with a test as its supervisor, on a real Unix socket."""

import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"
sys.path.insert(0, str(PACKAGE))

from aimodellib._bridge import frames
from aimodellib._bridge.exchange import SLOT_SIZE, SLOTS
from aimodellib._bridge.frames import FrameReader


class Supervisor:
    """Starts a worker, and exchanges frames with it."""

    def __init__(self, folder, python=sys.executable, package=PACKAGE):
        self.folder = folder
        (folder / "bridge").mkdir()
        (folder / "bridge/ledger").write_bytes(bytes(64 * 1024))
        (folder / "bridge/exchange").touch()
        listener, keeper_listener = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        with listener, keeper_listener:
            keeper_listener.bind(str(folder / "bridge/keeper.sock"))
            keeper_listener.listen(1)
            keeper_listener.settimeout(10)
            listener.bind(str(folder / "bridge/bridge.sock"))
            listener.listen(1)
            listener.settimeout(10)
            env = {
                **os.environ,
                "AIMODELLIB_BRIDGE": str(folder / "bridge"),
                "AIMODELLIB_STREAMS": "merged",
            }
            env["AIMODELLIB_WORKER"] = f"test-{os.getpid()}-{random.random()}"
            self.process = subprocess.Popen(
                [python, str(package / "aimodellib/_bridge/__main__.py")],
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            self.socket, _ = listener.accept()
            self.keeper, _ = keeper_listener.accept()
        self.socket.settimeout(20)
        self.exchange = open(folder / "bridge/exchange", "rb")  # noqa: SIM115 - closed by close()
        self.ledger = open(folder / "bridge/ledger", "r+b")  # noqa: SIM115 - closed by close()
        self.reader = FrameReader(self.socket, 1 << 30, self._read_slot)
        self.waiting = []
        self._output = []
        # The worker would block on a pipe that nobody reads.
        self._drain = threading.Thread(target=self._read_output, daemon=True)
        self._drain.start()

    def close(self):
        """Close both connections, and the files."""
        for each in (self.socket, self.keeper, self.exchange, self.ledger):
            each.close()

    def _read_slot(self, flags, length):
        self.exchange.seek((SLOTS + flags - 1) * SLOT_SIZE)
        body = self.exchange.read(length)
        self._count(8)
        return body

    def _count(self, offset):
        """Add one to a word of the ledger that the supervisor writes."""
        self.ledger.seek(offset)
        value = int.from_bytes(self.ledger.read(4), "little") + 1
        self.ledger.seek(offset)
        self.ledger.write(value.to_bytes(4, "little"))
        self.ledger.flush()

    def send(self, kind, request_id=0, metadata=b"", body=b""):
        self.socket.sendall(frames.encode(kind, request_id, metadata, len(body)) + body)

    def start(self, source, mode="serve", protocol=4, **more):
        script = self.folder / "script.py"
        script.write_text(source)
        config = {
            "mode": mode,
            "module": str(self.folder),
            "script": str(script),
            "model_dir": str(self.folder),
        }
        config.update(
            {
                "max_body": 1000,
                "args": [],
                "tensor_board_enabled": False,
                "tensor_board_dir": "tb",
            },
            **more,
        )
        self.send(
            frames.START,
            0,
            json.dumps({"protocol": protocol}).encode(),
            json.dumps(config).encode(),
        )

    def receive(self):
        """Return the next frame's kind, id, parsed metadata and body; skip STATS frames, which may come at any time."""
        kind = frames.STATS
        while kind == frames.STATS:
            if not self.waiting:
                self.waiting = self.reader.read()
            kind, request_id, metadata, body = self.waiting.pop(0)
        return kind, request_id, frames.parse_object(metadata, "metadata"), body

    def end(self):
        """Wait for the worker's end; return its exit code and its output."""
        self.process.wait(timeout=20)
        self._drain.join(timeout=20)
        return self.process.returncode, self.printed()

    def printed(self):
        """Return the output of the worker until now."""
        return b"".join(self._output).decode()

    def _read_output(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            self._output.append(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)
        self._drain.join(timeout=20)
        self.process.stdout.close()
        self.close()
