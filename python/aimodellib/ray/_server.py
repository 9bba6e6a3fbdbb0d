"""The executable as a child process that serves an archive on a Unix socket."""

from __future__ import annotations

import collections
import http.client
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Sequence

from ..__main__ import candidates

#: How often a starting executable is asked whether it is ready, in seconds.
_PERIOD = 0.05
#: How long it may take to stop before it is killed, in seconds. After 20, Ray kills a replica that is not done.
_STOP_TIMEOUT = 15
#: How much of its last output an error quotes.
_TAIL_LINES, _LINE_BYTES = 20, 65_536


class UnixConnection(http.client.HTTPConnection):
    """A connection to the executable."""

    def __init__(self, path: str, timeout: float | None = None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket. Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Server:
    """Starts the executable and waits until it is ready; then this process ends when the executable does.

    That way Ray replaces an actor at once whose executable has died. A process that is no actor goes on.
    """

    def __init__(self, archive: str, model_dir: str | None, options: Sequence[str], executable: str | None) -> None:
        """Raise FileNotFoundError if there is no executable, and RuntimeError with its output if it ends."""
        command = [find_executable(executable), "serve"]
        self._folder = tempfile.mkdtemp(prefix="aimodellib-")
        #: The path of the socket.
        self.path = os.path.join(self._folder, "http")
        self._stopping = False
        self._tail: collections.deque[bytes] = collections.deque(maxlen=_TAIL_LINES)
        command += ["--unix", self.path, "--exit-with-parent", *options, archive, *([model_dir] if model_dir else [])]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        except OSError:
            self._remove()
            raise
        reader = threading.Thread(target=self._copy, daemon=True)
        reader.start()
        while not self._is_ready(self.path):
            if self._process.poll() is not None:
                reader.join(1)
                self._remove()
                where = f"'{shlex.join(command)}' in {os.getcwd()} on {socket.gethostname()}"
                text = "\n".join(map(_text, self._tail))
                raise RuntimeError(f"{where} ended with {self._process.returncode} and said:\n{text}")
            time.sleep(_PERIOD)
        # No name is left in the file system if this process is killed: the descriptor refers to the socket without one.
        alias = f"/proc/self/fd/{os.open(self.path, os.O_PATH)}"
        if self._is_ready(alias):
            self.path = alias
            self._remove()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """Stop the executable as SIGTERM does: requests in flight are finished."""
        self._stopping = True
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._remove()

    def _is_ready(self, path: str) -> bool:
        connection = UnixConnection(path, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _copy(self) -> None:
        """Pass on what the executable prints."""
        output: Any = self._process.stderr
        for line in iter(lambda: output.readline(_LINE_BYTES), b""):
            self._tail.append(line)
            sys.stderr.write(line.decode(errors="replace"))
            sys.stderr.flush()

    def _watch(self) -> None:
        code = self._process.wait()
        if self._stopping:
            return
        self._remove()
        if _is_actor():
            print(f"The executable ended with {code}: this actor ends as well", file=sys.stderr, flush=True)
            os._exit(1)

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def find_executable(path: str | None) -> str:
    """Return the executable's path: ``path``, ``AIMODELLIB_BIN``, on ``PATH``, or where pip has installed it.

    Raises FileNotFoundError.
    """
    named = path or os.environ.get("AIMODELLIB_BIN")
    found = shutil.which(named or "aimodellib")
    if found is None and named is None:
        found = next(filter(None, map(shutil.which, candidates())), None)
    if found is None:
        what = f"'{named}' is no executable" if named else "The executable 'aimodellib' was not found"
        raise FileNotFoundError(f"{what} on {socket.gethostname()}: pass executable=PATH, or set AIMODELLIB_BIN")
    return found


def words_of(options: str | Sequence[str] | None) -> list[str]:
    """Return options as words. Raises ValueError if they are neither a string nor strings, or a quote is missing."""
    try:
        words = shlex.split(options) if isinstance(options, str) else list(options or [])
    except ValueError as error:
        raise ValueError(f"options {options!r} can't be split: {error}") from None
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"options must be a string, or a list of strings, not {options!r}")
    return words


def _text(line: bytes) -> str:
    """Return a line of output without its form, which is JSON if the output is no terminal."""
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError, TypeError):
        return line.decode(errors="replace").rstrip("\n")


def _is_actor() -> bool:
    ray: Any = sys.modules.get("ray")
    return ray is not None and ray.is_initialized() and ray.get_runtime_context().get_actor_id() is not None
