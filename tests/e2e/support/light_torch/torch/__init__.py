"""A PyTorch with torchrun and little more, for tests of what torchrun does: put this folder's parent on PYTHONPATH.

torchrun, its agent, its rendezvous and the stores are the real ones, from the PyTorch that is installed. This module takes the place of
the modules that import tensors, operators and neural networks, which torchrun does not use: importing them takes three times as
much processor time as all else, in each rank and in the launcher.
"""

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

import torch._C  # noqa: E402
from torch.version import __version__  # noqa: E402, F401


def _light(name, **attributes):
    """Make a package without its own code, whose submodules are the real ones."""
    module = types.ModuleType(f"torch.{name}")
    module.__path__ = [os.path.join(__path__[0], name)]
    vars(module).update(attributes)
    sys.modules[f"torch.{name}"] = module
    globals()[name] = module
    return module


def _public(module):
    return {name: value for name, value in vars(module).items() if not name.startswith("__")}


def _no(*_args, **_options):
    return False


distributed = _light("distributed", is_available=lambda: True, is_initialized=_no)
torch._C._c10d_init()
vars(distributed).update(_public(torch._C._distributed_c10d))
vars(distributed).update({name[1:]: value for name, value in _public(torch._C).items() if name.startswith("_Dist")})
utils = _light("utils")
multiprocessing = _light("multiprocessing", **_public(multiprocessing), _set_thread_name=torch._C._set_thread_name)
cuda = types.SimpleNamespace(is_available=_no, device_count=lambda: 0)
accelerator = types.SimpleNamespace(is_available=_no, current_accelerator=lambda *_args, **_options: None)


def __getattr__(name):
    try:
        return getattr(torch._C, name)
    except AttributeError:
        raise AttributeError(f"The torch of these tests has no {name!r}") from None
