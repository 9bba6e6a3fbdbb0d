"""Keeps packages from importing others that the scripts of a test do not use. Put this folder on PYTHONPATH.

- An optimizer of PyTorch only marks its functions as not to be compiled, but for that, it imports the compiler with SymPy: 2.4 s of
  processor time. So do process groups, DistributedDataParallel and Accelerate, which ask it for settings.
- Accelerate asks whether a model has distributed tensors, or shards, whose modules take 1.1 s to import.
- scikit-learn imports pandas, and with it PyArrow, if they are installed: 0.5 s. A model's own environment would not have them.
"""

import importlib
import importlib.machinery
import sys
import types

_NAME = "torch._dynamo"
_TENSORS = "torch.distributed.tensor"
_SHARDS = "torch.distributed.fsdp.fully_sharded_data_parallel"
_ABSENT = ("pandas", "pyarrow")


def _nothing(name):
    """A class without instances."""
    return type(name, (), {})


class _NoCompiler(types.ModuleType):
    """What is asked of it when nothing is compiled. All else comes from the compiler, which takes this module's place then."""

    trace_rules = types.SimpleNamespace(clear_lru_cache=lambda: None)
    utils = types.SimpleNamespace(get_optimize_ddp_mode=lambda: "no_optimization")
    eval_frame = types.SimpleNamespace(OptimizedModule=_nothing("OptimizedModule"))

    def disable(self, function=None, recursive=True, **_options):
        return function

    def graph_break(self, *_args, **_options):
        return None

    @property
    def __path__(self):
        return self._compiler().__path__

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._compiler(), name)

    def _compiler(self):
        if sys.modules.get(_NAME) is self:
            for name in _STUBS:
                del sys.modules[name]
        return importlib.import_module(_NAME)


def _module(name, **attributes):
    module = types.ModuleType(name)
    vars(module).update(attributes)
    return module


_STUBS = {
    _NAME: _NoCompiler(_NAME),
    _TENSORS: _module(_TENSORS, DTensor=_nothing("DTensor")),
    "torch.distributed.fsdp": _module("torch.distributed.fsdp", __path__=[]),
    _SHARDS: _module(_SHARDS, FullyShardedDataParallel=_nothing("FullyShardedDataParallel")),
}
sys.modules.update(_STUBS)


class _Finder(importlib.machinery.PathFinder):
    """Finds packages on the path, except those that are left out."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in _ABSENT else super().find_spec(name, path, target)


sys.meta_path[:] = [_Finder if finder is importlib.machinery.PathFinder else finder for finder in sys.meta_path]
