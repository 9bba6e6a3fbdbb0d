"""Imports a script under a name by which ``import`` finds it, in this process and in others.

Pickles refer to the script's classes by this name, and child processes (``spawn``, ``forkserver``) import it to find
the functions that they call. It is the script's name in its module directory, such as ``train-model`` or ``sub.train``.
If that name finds another module, it gets the prefix ``aimodellib.script``, a package that every process finds that
inherits our environment.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType

from .edited import watch_edits
from .late import keep_standard
from .loader import ScriptError
from .shared import SCRIPT, share
from .standard import clashes, standard_folders

#: The environment variable with the folder that ``aimodellib.script`` searches.
ROOT = "AIMODELLIB_SCRIPT_ROOT"

#: The name that earlier versions gave to a script whose name is not an identifier. Their pickles contain it.
EARLIER = "_aimodellib_script"

#: This environment variable makes hydra look for ``config_path`` beside the script, as if ``python`` ran it.
HYDRA = "HYDRA_MAIN_MODULE"


def add_to_path(module_dir: str, script: str) -> None:
    """Put the module directory first on ``sys.path``, also for the Python processes that this one starts."""
    package_root = sys.path[0]
    found = clashes(module_dir)
    keep_standard(found.files | found.packages | found.folders)
    ahead: list[str] = []
    if any(os.path.exists(os.path.join(module_dir, name)) for name in ("aimodellib", "aimodellib.py")):
        ahead.append(package_root)
    parts = _parts(module_dir, script)
    if len(parts) == 1 and parts[0] in found.files:
        # An import of `json` never means a script of that name.
        ahead += standard_folders()
    sys.path[0:0] = [*ahead, module_dir]
    # An interpreter can't start if a file shadows a standard module that it needs.
    hides = ahead or (found.files | found.packages) & sys.modules.keys()
    inherited = os.environ.get("PYTHONPATH")
    paths = [*([] if hides else [module_dir]), package_root, *([inherited] if inherited else [])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    watch_edits(module_dir, os.path.dirname(script))
    share(module_dir)


def load_script(module_dir: str, script: str) -> ModuleType:
    """Import the file at the path ``script``. Raises whatever the script raises."""
    os.environ.setdefault(HYDRA, "__main__")
    parts = _parts(module_dir, script)
    inside = os.pardir not in parts
    os.environ[ROOT] = module_dir if inside else os.path.dirname(script)
    names = [".".join(parts)] if inside and not any("." in part for part in parts) else []
    encoded = [part.replace(".", "%2E") for part in parts if part != os.pardir]
    for name in (*names, ".".join([SCRIPT, *encoded])):
        if _finds(name, script):
            return _import(name)
    # Its package can't be imported, or it is outside the module: have `aimodellib.script` search its own folder.
    os.environ[ROOT] = os.path.dirname(script)
    return _import(f"{SCRIPT}.{encoded[-1]}")


def _import(name: str) -> ModuleType:
    _search_root()
    # Unlike import_module(), this adds no frame of importlib to a traceback.
    __import__(name)
    module = sys.modules[name]
    if not name.isidentifier():
        sys.modules.setdefault(EARLIER, module)
    return module


def _search_root() -> None:
    """Make ``aimodellib.script`` search the current root, in case it was imported with another one."""
    module = sys.modules.get(SCRIPT)
    if module is not None:
        module.__path__ = [os.environ[ROOT]]


def _finds(name: str, script: str) -> bool:
    """Whether ``import`` finds the script by this name. This imports the packages around it."""
    _search_root()
    package = name.rpartition(".")[0]
    try:
        if package:
            __import__(package)
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None and _is_same(spec.origin, script)


def _is_same(path: str, script: str) -> bool:
    try:
        return os.path.samefile(path, script)
    except OSError:
        return False


def _parts(module_dir: str, script: str) -> list[str]:
    """Return the parts of a script's name in its module directory. Raises ScriptError if it can't be imported."""
    relative = os.path.relpath(script, module_dir)
    suffixes = [suffix for suffix in importlib.machinery.all_suffixes() if relative.endswith(suffix)]
    stem = relative[: -max(map(len, suffixes))] if suffixes else ""
    parts = stem.split(os.sep)
    if not parts[-1]:
        raise ScriptError(f"'{script}' can't be imported: its name does not end in .py")
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts
