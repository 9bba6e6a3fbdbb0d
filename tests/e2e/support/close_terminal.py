"""Types a command to an interactive shell, and closes its terminal once a file is there: ``close_terminal.py COMMAND FILE``."""

import os
import pty
import select
import sys
import time

command, file = sys.argv[1:]

shell, terminal = pty.fork()
if shell == 0:
    os.execv("/bin/bash", ["bash", "--norc", "-i"])

deadline = time.monotonic() + 60


def read():
    assert time.monotonic() < deadline, "it takes too long"
    return os.read(terminal, 4096) if select.select([terminal], [], [], 0.05)[0] else b""


shown = b""
while b"$ " not in shown and b"# " not in shown:
    shown += read()
os.write(terminal, f"{command}\n".encode())
while not os.path.exists(file):
    read()
os.close(terminal)
os.waitpid(shell, 0)
