"""The names of the standard library's modules, and which of them a module directory has as well."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from typing import NamedTuple


@functools.lru_cache(maxsize=None)
def standard_names() -> frozenset[str]:
    """Return the top-level names of the standard library."""
    known: frozenset[str] | None = getattr(sys, "stdlib_module_names", None)
    if known is not None:
        return known
    # Python 3.8 and 3.9 have no such list.
    names = set(sys.builtin_module_names)
    for folder in standard_folders():
        with contextlib.suppress(OSError):
            names.update(entry.split(".")[0] for entry in os.listdir(folder))
    return frozenset(name for name in names - {"test"} if name.isidentifier())


def standard_folders() -> list[str]:
    """Return the folders in which the standard library lies."""
    folder = os.path.dirname(os.path.abspath(os.__file__))
    return [folder, os.path.join(folder, "lib-dynload")]


class Clashes(NamedTuple):
    """What a module directory has under names of the standard library."""

    #: Names of files ``NAME.py``.
    files: frozenset[str]
    #: Names of folders with ``__init__.py``.
    packages: frozenset[str]
    #: Names of folders without it, in which a Python file lies.
    folders: frozenset[str]


def clashes(module_dir: str) -> Clashes:
    """Find out which names of the standard library ``module_dir`` has as well."""
    files: set[str] = set()
    packages: set[str] = set()
    folders: set[str] = set()
    with contextlib.suppress(OSError):
        for entry in os.listdir(module_dir):
            stem, dot, suffix = entry.partition(".")
            # The package of Python's own tests is in no list. It hides nothing but a folder without `__init__.py`.
            listed = stem in standard_names()
            if not listed and stem != "test":
                continue
            if dot:
                if suffix == "py" and listed:
                    files.add(stem)
                continue
            with contextlib.suppress(OSError):
                inside = os.listdir(os.path.join(module_dir, entry))
                if "__init__.py" in inside:
                    if listed:
                        packages.add(stem)
                elif any(name.endswith(".py") for name in inside):
                    folders.add(stem)
    return Clashes(frozenset(files), frozenset(packages), frozenset(folders))
