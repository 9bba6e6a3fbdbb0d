"""Finds the supported Pythons on this machine, one of each minor version."""

import glob
import os
import shutil
import subprocess
import sys


def pythons():
    """Return a path for each minor version from 3.8 on; the running one is among them."""
    found = {sys.version_info[:2]: sys.executable}
    places = glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python"))
    places += [path for path in (shutil.which(f"python3.{minor}") for minor in range(8, 16)) if path]
    for path in places:
        command = [path, "-c", "import sys; print(*sys.version_info[:2])"]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode == 0:
            found.setdefault(tuple(map(int, result.stdout.split())), path)
    return [found[version] for version in sorted(found) if version >= (3, 8)]
