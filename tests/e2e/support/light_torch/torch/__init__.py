"""A PyTorch with torchrun and little more, for tests of what torchrun does: put this folder's parent on PYTHONPATH.

torchrun, its agent, its rendezvous and the stores are the real ones, from the PyTorch that is installed. This module takes the place of
the modules that import tensors, operators and neural networks, which torchrun does not use: importing them takes three times as
much processor time as all else. Ranks do not even need PyTorch's library, so it is loaded when somebody wants a part of it.
"""

import importlib
import importlib.machinery
import multiprocessing
import os
import sys
import types


def _installed():
    """The folder of the PyTorch that is installed."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.machinery.PathFinder.find_spec("torch", [path for path in sys.path if os.path.abspath(path) != own])
    if spec is None:
        raise ImportError("PyTorch is not installed")
    return os.path.dirname(spec.origin)


__path__ = [_installed()]

from torch.version import __version__  # noqa: E402, F401


class _Light(types.ModuleType):
    """A package without its own code, whose submodules are the real ones."""

    def __init__(self, name, load, **attributes):
        super().__init__(f"torch.{name}")
        self.__path__ = [os.path.join(__path__[0], name)]
        self._load = load
        vars(self).update(attributes)
        sys.modules[self.__name__] = self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        vars(self).update(self._load())
        try:
            return vars(self)[name]
        except KeyError:
            raise AttributeError(f"The {self.__name__} of these tests has no {name!r}") from None


def _public(module):
    return {name: value for name, value in vars(module).items() if not name.startswith("__")}


def _no(*_args, **_options):
    return False


_is_loading = False


def _library():
    """PyTorch's library, whose import takes longer than all else."""
    global _is_loading
    _is_loading = True
    # It imports NumPy, if that can be imported, for its tensors.
    sys.modules.setdefault("numpy", None)
    try:
        return importlib.import_module("torch._C")
    finally:
        _is_loading = False
        if sys.modules["numpy"] is None:
            del sys.modules["numpy"]


def _load_distributed():
    library = _library()
    library._c10d_init()
    found = {name[1:]: value for name, value in _public(library).items() if name.startswith("_Dist")}
    return {**_public(library._distributed_c10d), **found}


def _load_multiprocessing():
    return {"_set_thread_name": _library()._set_thread_name}


distributed = _Light("distributed", _load_distributed, is_available=lambda: True, is_initialized=_no)
utils = _Light("utils", dict)
multiprocessing = _Light("multiprocessing", _load_multiprocessing, **_public(multiprocessing))
cuda = types.SimpleNamespace(is_available=_no, device_count=lambda: 0)
accelerator = types.SimpleNamespace(is_available=_no, current_accelerator=lambda *_args, **_options: None)


def __getattr__(name):
    # While the library is loaded, it asks for attributes that this module does not have.
    if not _is_loading and not name.startswith("__") and hasattr(_library(), name):
        return getattr(_library(), name)
    raise AttributeError(f"The torch of these tests has no {name!r}")
