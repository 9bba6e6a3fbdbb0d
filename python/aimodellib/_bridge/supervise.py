"""Runs a program that must not outlive the process that started it.

That process holds the other end of our standard input. When the end is closed, on purpose or by the death of the
process (``kill -9`` included), we kill our process group, whose leader we are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> None:
    """Run ``command`` and exit as it does; 127 if it can't be started."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(127)
    threading.Thread(target=_end_with_input, daemon=True).start()
    code = child.wait()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    # Daemon threads need no waiting, and nothing is buffered.
    os._exit(code & 0xFF)


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
