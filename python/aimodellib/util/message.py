"""Formats the messages of a logger in the same way as Python's ``logging``."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Tuple, Type, Union

_Info = Union[
    Tuple[Type[BaseException], BaseException, Union[TracebackType, None]],
    Tuple[None, None, None],
]
#: A value of ``exc_info``: an exception, the result of ``sys.exc_info()``, or whether to call that.
ExcInfo = Union[bool, BaseException, _Info, None]


def message(msg: object, args: tuple[object, ...], exc_info: ExcInfo = None, stack_info: bool = False) -> str:
    """Return ``msg % args``, followed by an exception's traceback and the stack if they are asked for.

    Arguments that do not fit the format follow it as ``print`` shows them: a wrong log call must not stop the script.
    """
    text = _formatted(msg, args)
    if exc_info:
        text += _traceback(exc_info)
    if stack_info:
        text += "\nStack (most recent call last):\n" + "".join(traceback.format_stack(sys._getframe(2))).rstrip("\n")
    return text


def _formatted(msg: object, args: tuple[object, ...]) -> str:
    text = _text(msg)
    if not args:
        return text
    # `"%(loss)s", {"loss": 0.25}`: a single mapping holds the named values.
    named = args[0] if len(args) == 1 and isinstance(args[0], Mapping) and args[0] else args
    try:
        return text % named
    except Exception:
        return " ".join([text, *map(_text, args)])


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}: str() failed>"


def _traceback(exc_info: ExcInfo) -> str:
    if isinstance(exc_info, BaseException):
        info: _Info = (type(exc_info), exc_info, exc_info.__traceback__)
    else:
        info = exc_info if isinstance(exc_info, tuple) else sys.exc_info()
    if info[1] is None:
        return ""
    try:
        return "\n" + "".join(traceback.format_exception(*info)).rstrip("\n")
    except Exception:
        return f"\n{info[0].__name__}: {_text(info[1])}"
