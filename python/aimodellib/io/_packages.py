"""Packages that the script's Python may have, imported when a request first needs one."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from typing import Any

#: Names on PyPI of packages that are imported by another name.
DISTRIBUTIONS = {"PIL": "pillow"}


@functools.lru_cache(maxsize=None)
def has(name: str) -> bool:
    """Tell whether a package can be imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def load(name: str) -> Any:
    """Import a package or module. Raises ImportError."""
    return importlib.import_module(name)


def is_instance(value: object, module: str, *names: str) -> bool:
    """Tell whether ``value`` is an instance of a class of a module, without importing the module.

    A value of such a class can exist only if the module has been imported.
    """
    imported = sys.modules.get(module)
    classes = tuple(found for found in (getattr(imported, name, None) for name in names) if isinstance(found, type))
    return isinstance(value, classes)
