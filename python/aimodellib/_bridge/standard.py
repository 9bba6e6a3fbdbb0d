"""The names of the standard modules, and which of them a module directory uses as well."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from typing import NamedTuple


@functools.lru_cache(maxsize=None)
def standard_names() -> frozenset[str]:
    """Return the top-level names of the standard modules."""
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
    """Return the folders of the standard library."""
    folder = os.path.dirname(os.path.abspath(os.__file__))
    return [folder, os.path.join(folder, "lib-dynload")]


class Clashes(NamedTuple):
    """The files and folders of a module directory that have the names of standard modules."""

    #: Names of files ``NAME.py``.
    files: frozenset[str]
    #: Names of folders with ``__init__.py``.
    packages: frozenset[str]
    #: Names of folders without ``__init__.py`` that contain a Python file.
    folders: frozenset[str]


def clashes(module_dir: str) -> Clashes:
    """Find the files and folders of ``module_dir`` that have the names of standard modules."""
    files: set[str] = set()
    packages: set[str] = set()
    folders: set[str] = set()
    with contextlib.suppress(OSError):
        for entry in os.listdir(module_dir):
            stem, dot, suffix = entry.partition(".")
            # Python's own package `test` is not in the list. It shadows only a folder without `__init__.py`.
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
