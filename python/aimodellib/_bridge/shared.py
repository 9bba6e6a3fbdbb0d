"""Makes folders of a module importable whose names the standard library has as well, such as ``code``.

``import code`` must find the standard library's module, which other libraries need. The files in the folder are found
beside it: ``from code import prep`` imports the module's ``code/prep.py``. Each of them exists once, as a module of
``aimodellib.script``.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, Sequence

from .standard import clashes

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    # The base class adds nothing that is needed, and until Python 3.11 its module imports twenty others.
    Loader = object

SCRIPT = "aimodellib.script"


def share(module_dir: str) -> None:
    """Make the files importable in folders of ``module_dir`` that have the name of a standard module."""
    found = clashes(module_dir)
    # If the standard module was not imported yet, a package of the same name shadows it, as in any Python program.
    taken = {name for name in found.packages if not _is_in(sys.modules.get(name), module_dir)} & sys.modules.keys()
    names = found.folders | taken
    if not names:
        return
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            finder.folders.update({name: os.path.join(module_dir, name) for name in names})
            break
    else:
        finder = _Finder({name: os.path.join(module_dir, name) for name in names})
        sys.meta_path.insert(0, finder)
    for name in names & sys.modules.keys():
        module = sys.modules[name]
        folder = os.path.join(module_dir, name)
        path = list(getattr(module, "__path__", []))
        if folder not in path:
            module.__path__ = [*path, folder]
        if name in taken and "__getattr__" not in vars(module):
            module.__getattr__ = _names_of(name)  # type: ignore[method-assign]


class _Finder:
    """Finds modules in folders that have the names of standard modules."""

    def __init__(self, folders: dict[str, str]) -> None:
        self.folders = folders

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        folder = self.folders.get(top)
        if folder is None:
            return None
        if not rest:
            spec = self._of_others(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.submodule_search_locations = [*(spec.submodule_search_locations or []), folder]
            return spec
        parent = sys.modules.get(fullname.rpartition(".")[0])
        if not getattr(parent, "__name__", "").startswith(f"{SCRIPT}."):
            spec = self._of_others(fullname, [entry for entry in path or () if entry != folder], target)
            if spec is not None:
                return spec
        own = f"{SCRIPT}.{fullname}"
        return ModuleSpec(fullname, _Alias(own)) if importlib.util.find_spec(own) is not None else None

    def _of_others(self, fullname: str, path: Sequence[str] | None, target: Any) -> ModuleSpec | None:
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


class _Alias(Loader):
    """Loads a module by returning the one that exists under another name."""

    def __init__(self, own: str) -> None:
        self._own = own

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._own)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import has replaced the spec by that of the other name.
        module.__spec__ = self._spec


def _names_of(name: str) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for a standard module, which also finds the names of the module's own package."""

    def get(attribute: str) -> Any:
        if not attribute.startswith("__"):
            own = importlib.import_module(f"{SCRIPT}.{name}")
            if attribute in vars(own):
                return vars(own)[attribute]
        raise AttributeError(f"module {name!r} has no attribute {attribute!r}")

    return get


def _is_in(module: ModuleType | None, folder: str) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(os.path.join(folder, ""))
