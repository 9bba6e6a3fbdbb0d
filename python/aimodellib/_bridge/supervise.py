"""Runs a program that does not outlive the one that started it.

The program that starts this one holds the other end of our standard input. When that end is closed, by its owner or by
its owner's death (``kill -9`` included), this process group ends: the caller starts this program as the leader of one.
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
    # Threads that are daemons need not be waited for, and nothing is buffered.
    os._exit(code & 0xFF)


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
