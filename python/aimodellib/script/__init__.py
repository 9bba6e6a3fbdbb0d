"""Makes scripts importable whose own names ``import`` can't find, such as ``json.py`` or ``train.v2.py``.

``json.py`` is ``aimodellib.script.json``. Pickles and child processes know the script by that name, so every
process that finds this package finds the script as well. A dot within a name is written ``%2E``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from typing import Any, Sequence

from .._bridge.edited import EditedLoader
from .._bridge.shared import share

#: The folder that holds the scripts. The executable sets it; elsewhere it is the working directory.
ROOT = "AIMODELLIB_SCRIPT_ROOT"

__path__ = [os.path.abspath(os.environ.get(ROOT) or os.curdir)]


class _Dotted:
    """Finds files and folders of this package whose names have dots."""

    @staticmethod
    def find_spec(fullname: str, path: Sequence[str] | None, _target: Any = None) -> ModuleSpec | None:
        if not fullname.startswith(f"{__name__}.") or path is None:
            return None
        encoded = fullname.rpartition(".")[2]
        name = encoded.replace("%2E", ".")
        if name == encoded:
            return None
        for folder in path:
            found = os.path.join(folder, name)
            if os.path.isdir(found):
                initial = os.path.join(found, "__init__.py")
                if os.path.isfile(initial):
                    return _spec(fullname, initial)
                spec = ModuleSpec(fullname, None, is_package=True)
                spec.submodule_search_locations = [found]
                return spec
            if os.path.isfile(f"{found}.py"):
                return _spec(fullname, f"{found}.py")
        return None


def _spec(fullname: str, path: str) -> ModuleSpec | None:
    return importlib.util.spec_from_file_location(fullname, path, loader=EditedLoader(fullname, path))


sys.meta_path.append(_Dotted)
share(__path__[0])
