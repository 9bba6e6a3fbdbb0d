"""Caches the bytecode of this package beside its files, even if PYTHONDONTWRITEBYTECODE is set, as in many images.

The variable keeps Python from writing into a script's folder. This package lies in a folder of the supervisor, and
compiling it takes longer than all else that a worker does before it imports the script.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Write the bytecode of what is imported meanwhile. Where PYTHONPYCACHEPREFIX is set, the user's choice holds."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = before and sys.pycache_prefix is not None
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
