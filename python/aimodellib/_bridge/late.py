"""Keeps a script's files from replacing modules of the standard library that a worker imports only when it needs them.

To import them takes a seventh of the processor time of a worker's start, and most workers never need them. If they were
imported at the start, no file of the same name could replace them, and ``_Finder`` makes sure of the same: with another
``inspect`` or ``platform``, this package and many libraries would fail.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, Iterable, Sequence

from .standard import standard_folders

#: ``inspect``, ``platform``, and what only they import. Files of these names can't replace a standard module. Where the
#: Python has no such module yet, as none before 3.14 has ``annotationlib``, they are imported like other files.
LATE = frozenset(
    ("_opcode", "_opcode_metadata", "annotationlib", "ast", "dis", "inspect", "opcode", "platform", "token", "tokenize")
    + (("_posixsubprocess", "fcntl", "grp", "pwd", "subprocess") if sys.version_info < (3, 11) else ())
    + (("weakref",) if sys.version_info >= (3, 13) else ())
)


def keep_standard(taken: Iterable[str]) -> None:
    """Make imports of ``LATE`` find the standard library's modules, whatever a script adds to ``sys.path``.

    ``taken`` has the names of files and folders in the module that are those of standard modules.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    # What handles such files and folders asks which modules are imported.
    for name in LATE.intersection(taken):
        __import__(name)


class _Finder:
    """Finds modules in the folders of the standard library."""

    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: Any = None) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, standard_folders()) if fullname in LATE else None
