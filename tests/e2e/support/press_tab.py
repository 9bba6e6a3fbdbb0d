"""
Presses Tab in a shell: `press_tab.py SHELL SCRIPT LINE...` prints, as JSON, what becomes of each line.

The shell runs at a pseudo-terminal of its own, in the working directory, with SCRIPT (a completion script) loaded. A completed line
is read by turning it into the arguments of printf.
"""

import json
import os
import pty
import re
import select
import signal
import sys
import time

#: For a shell that has hung.
LIMIT_S = 30
BEGIN_OF_LINE = b"\x01"
END_OF_LINE = b"\x05"

START = {
    "bash": (["--noprofile", "--norc", "-i"], ["PS1='READY> '", "bind 'set bell-style none'", "source {script}"]),
    "zsh": (["-f", "-i"], ["PS1='READY> '", "autoload -Uz compinit", "compinit -u -D", "source {script}"]),
    "fish": (["--no-config", "-i"], ["set -g fish_autosuggestion_enabled 0", "source {script}"]),
}


class Terminal:
    """A program at a pseudo-terminal."""

    def __init__(self, args):
        self.shown = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb" if "fish" not in args[0] else "xterm"
            os.execvp(args[0], args)

    def type(self, data):
        """Types it."""
        os.write(self.fd, data)

    def wait_for(self, pattern):
        """Reads until the text that was not taken yet matches, takes it, and returns the match."""
        until = time.monotonic() + LIMIT_S
        while True:
            found = re.search(pattern, self.shown)
            if found:
                self.shown = self.shown[found.end():]
                return found
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise SystemExit("The shell did not show {!r}; it showed {!r}".format(pattern, self.shown[-2000:]))
            self.shown += os.read(self.fd, 65536)
            # A shell asks what terminal this is, and waits for an answer.
            if b"\x1b[c" in self.shown or b"\x1b[0c" in self.shown:
                self.shown = self.shown.replace(b"\x1b[c", b"").replace(b"\x1b[0c", b"")
                self.type(b"\x1b[?62;c")


def main():
    shell, script, *lines = sys.argv[1:]
    args, setup = START[shell]
    terminal = Terminal([shell, *args])
    try:
        for command in setup:
            terminal.type(command.format(script=script).encode() + b"\n")
        terminal.type(b"echo SET''UP\n")
        terminal.wait_for(rb"SETUP")
        done = []
        for line in lines:
            # What is typed behind Tab waits until the completion is there.
            terminal.type(line.encode() + b"\t" + BEGIN_OF_LINE + b"printf '<%s>' " + END_OF_LINE + b" END\n")
            shown = terminal.wait_for(rb"((?:<[^<>%]*>)+)<END>").group(1).decode()
            done.append(re.findall("<(.*?)>", shown))
        print(json.dumps(done))
    finally:
        os.kill(terminal.pid, signal.SIGKILL)
        os.waitpid(terminal.pid, 0)


if __name__ == "__main__":
    main()
