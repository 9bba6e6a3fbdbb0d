"""Run a command at a terminal of 200 columns, and copy what it prints there to standard output, or to the stream with a number.

``at_terminal.py STREAM COMMAND...``; SIGTERM is passed on to the command, and its exit code is this one's.
"""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios

stream, command = int(sys.argv[1]), sys.argv[2:]
main, terminal = pty.openpty()
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
child = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal)
signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(number))
os.close(terminal)
while True:
    try:
        data = os.read(main, 65536)
    except OSError:  # all processes at the terminal have ended
        break
    if not data:
        break
    os.write(stream, data.replace(b"\r\n", b"\n"))
sys.exit(child.wait())
