"""A Python that has imported the bridge, and forks for each script that a test runs.

To start Python and import the bridge takes 0.1 s of processor time, and some tests do it for each of hundreds of scripts.
"""

import json
import os
import pathlib
import select
import subprocess
import tempfile

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"

#: What the program does before it forks, and what each of its children does. BODY defines `main`, which gets the arguments of a run.
PROGRAM = """
BODY
if __name__ == "__main__":
    import json, os, sys
    sys.path[0] = PACKAGE
    from aimodellib._bridge import serve, worker
    for line in sys.stdin:
        arguments, *streams = json.loads(line)
        child = os.fork()
        if child == 0:
            # From here on, this is a program that was started for one script.
            for descriptor, path in enumerate(streams):
                os.dup2(os.open(path, os.O_RDWR), descriptor)
            break
        print(os.waitpid(child, 0)[1], flush=True)
    else:
        sys.exit()
    main(*arguments)
"""


class Driver:
    """A program that runs the same code for different scripts, each in a process of its own.

    ``body`` is the source of a function ``main``, whose arguments are texts.
    """

    def __init__(self, folder, body, python):
        """Start the program; its file is put into the folder."""
        self.folder = pathlib.Path(folder)
        file = self.folder / "driver.py"
        file.write_text(PROGRAM.replace("BODY", body).replace("PACKAGE", repr(str(PACKAGE))))
        self._program = subprocess.Popen([python, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        """Return the program, which ends with the block."""
        return self

    def __exit__(self, *exception):
        """End the program."""
        self._program.stdin.close()
        self._program.wait()
        self._program.stdout.close()

    def run(self, *arguments, timeout=120):
        """Call ``main`` in a new process, and return its exit code (or minus the signal), its output and its errors."""
        paths = [os.devnull]
        for name in ("stdout", "stderr"):
            descriptor, path = tempfile.mkstemp(prefix=name, dir=self.folder)
            os.close(descriptor)
            paths.append(path)
        self._program.stdin.write(json.dumps([[str(each) for each in arguments], *paths]) + "\n")
        self._program.stdin.flush()
        if not select.select([self._program.stdout], [], [], timeout)[0]:
            self._program.kill()
            raise AssertionError(f"{arguments} is not done after {timeout} s")
        status = int(self._program.stdout.readline())
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return code, *(pathlib.Path(path).read_text(encoding="utf-8") for path in paths[1:])


class Drivers:
    """A driver for each Python, which is started when it is first used."""

    def __init__(self, folder, body):
        """Remember where the programs are put, and what they do."""
        self._folder = pathlib.Path(folder)
        self._body = body
        self._started = {}

    def __enter__(self):
        """Return the drivers, which end with the block."""
        return self

    def __exit__(self, *exception):
        """End all drivers."""
        for driver in self._started.values():
            driver.__exit__(*exception)

    def of(self, python):
        """Return the driver that runs on a Python."""
        if python not in self._started:
            folder = self._folder / str(len(self._started))
            folder.mkdir()
            self._started[python] = Driver(folder, self._body, python)
        return self._started[python]
