"""Keeps PyTorch's optimizers from importing its compiler, for tests of scripts that compile nothing.

An optimizer only marks its functions as not to be compiled, but for that, it imports the compiler with SymPy: 2.4 s of
processor time. Put this folder on PYTHONPATH.
"""

import importlib
import sys
import types

_NAME = "torch._dynamo"


class _NoCompiler(types.ModuleType):
    """The functions that mark others. All else comes from the compiler, which takes this module's place then."""

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
            del sys.modules[_NAME]
        return importlib.import_module(_NAME)


sys.modules[_NAME] = _NoCompiler(_NAME)
