"""Runs a command at a terminal of 33 lines and 111 columns, which becomes one of 22 and 66 when ``resize`` is shown.

``logged_terminal.py WHICH COMMAND...``: ``WHICH`` are the streams that are the terminal, such as ``12``; any other is the
file ``1.txt`` or ``2.txt``. What the terminal shows is printed.
"""

import fcntl
import os
import pty
import struct
import sys
import termios

which, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    for stream in {"1", "2"} - set(which):
        os.dup2(os.open(f"{stream}.txt", os.O_WRONLY | os.O_CREAT, 0o600), int(stream))
    # The size is set before anything looks.
    sys.stdin.readline()
    os.execv(command[0], command)


def resize(lines: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


resize(33, 111)
os.write(terminal, b"\n")
shown = b""
resized = False
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    shown += data
    if b"resize" in shown and not resized:
        resized = True
        resize(22, 66)
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
