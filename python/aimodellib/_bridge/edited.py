"""Runs a module's files as they are now, even if they have bytecode that is older.

Python takes cached bytecode for that of a file if the file's length and its time of change, in whole seconds, are those
that the bytecode names. A file that is edited within a second of its last import, to the same length, would run as it
was before: a reload would answer with the old code, again and again.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from typing import Any

#: Folders of installed packages, which nobody edits. They may be within a module, in an environment.
INSTALLED = {"site-packages", "dist-packages"}


class EditedLoader(SourceFileLoader):
    """Loads a Python file; compiles it again if its bytecode may be that of an earlier content."""

    def get_data(self, path: str) -> bytes:
        if path.endswith(tuple(BYTECODE_SUFFIXES)) and _may_be_older(path, self.path):
            # Without bytecode, Python compiles the file, and writes the bytecode anew.
            raise FileNotFoundError(path)
        return super().get_data(path)


def watch_edits(*folders: str) -> None:
    """Load the Python files in ``folders``, and in all folders below them, by ``EditedLoader``."""
    tops = tuple({os.path.join(path, "") for folder in folders for path in (folder, os.path.realpath(folder))})
    found = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (EditedLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

    def is_inside(path: str) -> bool:
        folder = os.path.join(path, "")
        return folder.startswith(tops) and INSTALLED.isdisjoint(folder.split(os.sep))

    def find_in(path: str) -> Any:
        if not is_inside(path):
            raise ImportError("this folder is not one of the script's", path=path)
        return found(path)

    sys.path_hooks.insert(0, find_in)
    # Finders of the folders may exist already: a folder may be the working directory.
    for path in [path for path in sys.path_importer_cache if is_inside(path)]:
        del sys.path_importer_cache[path]


def _may_be_older(bytecode: str, source: str) -> bool:
    """Tell whether ``source`` may have changed since ``bytecode`` was made, though it still names the same second."""
    try:
        made, changed = os.stat(bytecode).st_mtime_ns, os.stat(source).st_mtime_ns
    except OSError:
        return False
    if made == changed and made % 10**9 == 0:
        # A tool has set both times, such as one that builds images which do not depend on when they are built.
        return False
    # Two seconds: the bytecode is written some time after the file is read. The times may be equal, since the system's
    # clock for them advances in steps of some milliseconds.
    return made < (changed // 10**9 + 2) * 10**9
