"""Runs the executable ``aimodellib`` that pip installed with this package: ``python -m aimodellib``."""

import os
import sys
import sysconfig
from typing import Iterator


def candidates() -> Iterator[str]:
    """Yields the folders to which installers copy programs: of this environment, of the user, of ``pip --target``."""
    yield sysconfig.get_path("scripts")
    yield sysconfig.get_path("scripts", scheme="posix_user")
    yield os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin")


def main() -> None:
    """Takes the place of this process by the executable."""
    for folder in candidates():
        path = os.path.join(folder, "aimodellib")
        if os.access(path, os.X_OK):
            os.execv(path, [path, *sys.argv[1:]])
    sys.exit(
        "The executable 'aimodellib' is not installed with this Python: the package was installed without it. "
        "Install a wheel of a release, or download the executable."
    )


if __name__ == "__main__":
    main()
