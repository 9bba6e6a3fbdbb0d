"""Caches the bytecode of this package beside its files, even if PYTHONDONTWRITEBYTECODE is set, as in many images.

The variable keeps Python from writing into a script's folder. This package lies in a folder of the supervisor, and
compiling it takes longer than all else that a worker does before it imports the script.
"""

from __future__ import annotations

import contextlib
import gc
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


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Write bytecode as ``cached`` does, and collect no garbage meanwhile. For imports before there is a script.

    The garbage collector would look at the modules again and again, and they stay to the end. It took a seventh of the
    processor time of their imports.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        with cached():
            yield
    finally:
        # Without this, the first collection would look at all of them. PyPy has no freeze().
        if hasattr(gc, "freeze"):
            gc.freeze()
        if collects:
            gc.enable()
