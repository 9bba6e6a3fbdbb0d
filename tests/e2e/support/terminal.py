"""Runs a command at a terminal: ``terminal.py '[["what is shown", "what is typed then"], ...]' COMMAND...``."""

import json
import os
import pty
import select
import sys
import time

dialogue, *command = sys.argv[1:]

child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)

shown = b""
to_type = [(seen.encode(), typed.encode()) for seen, typed in json.loads(dialogue)]
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
