"""The signature of a function, read from its source."""

from __future__ import annotations

import ast
import inspect

from .outline import Function


def signature_of(node: Function, *, is_method: bool) -> inspect.Signature:
    """Return a function's signature; of a method, without its first parameter."""
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    required = len(positional) - len(args.defaults)
    # Messages show the source of a default value.
    parameters = [
        inspect.Parameter(
            arg.arg,
            inspect.Parameter.POSITIONAL_ONLY
            if index < len(args.posonlyargs)
            else inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty if index < required else _Default(args.defaults[index - required]),
        )
        for index, arg in enumerate(positional)
    ][1 if is_method else 0 :]
    if args.vararg:
        parameters.append(inspect.Parameter(args.vararg.arg, inspect.Parameter.VAR_POSITIONAL))
    for arg, default in zip(args.kwonlyargs, args.kw_defaults):
        value = inspect.Parameter.empty if default is None else _Default(default)
        parameters.append(inspect.Parameter(arg.arg, inspect.Parameter.KEYWORD_ONLY, default=value))
    if args.kwarg:
        parameters.append(inspect.Parameter(args.kwarg.arg, inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


class _Default:
    """A default value that was not evaluated."""

    def __init__(self, node: ast.expr) -> None:
        self._node = node

    def __repr__(self) -> str:
        return repr(self._node.value) if isinstance(self._node, ast.Constant) else "..."
