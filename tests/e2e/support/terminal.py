"""Runs ``aimodellib train MODULE train.py model`` at a terminal, types a name, and presses Ctrl+C."""

import os
import pty
import select
import sys
import time

EXECUTABLE, MODULE = sys.argv[1:]

child, terminal = pty.fork()
if child == 0:
    os.execv(EXECUTABLE, [EXECUTABLE, "train", MODULE, "train.py", "model"])

shown = b""
to_type = [(b"name? ", b"bob\n"), (b"name was bob", b"\x03")]
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        shown += data
    if to_type and to_type[0][0] in shown:
        time.sleep(0.1)
        os.write(terminal, to_type.pop(0)[1])
print(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
