"""The outputs of ``predict_batch``: one for each input, or words about what is wrong with them.

What has the right length need not have the right items: iterating over a table gives its columns, over a mapping its
keys, over a text its characters. Such an item would be the answer to somebody's request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set, ValuesView
from itertools import islice
from typing import Any

from .failures import type_name


class NotOutputs(Exception):
    """What ``predict_batch`` returned can't be handed out; the message is for the user."""


def outputs_of(returned: Any, count: int) -> list[Any]:
    """Return the ``count`` outputs in ``returned``.

    Raises NotOutputs if they are not as many, or not in an order; and whatever iterating raises.
    """
    what = f"predict_batch() must return a list of {count} output{'s' if count > 1 else ''}, one for each input"
    if type(returned) is not list:
        problem = _not_in_order(returned)
        if problem is not None:
            raise NotOutputs(f"{what}; it returned {problem}")
    try:
        length = len(returned)
    except TypeError:  # an array without dimensions
        raise NotOutputs(f"{what}; it returned {type_name(returned)}") from None
    if length != count:
        raise NotOutputs(f"{what}; it returned {length}")
    if type(returned) is not list and not _iterates_over_outputs(type(returned)):
        return [returned[position] for position in range(count)]
    # Not more of them than are known to be too many.
    outputs = list(islice(returned, count + 1))
    if len(outputs) != count:
        found = f"more than {count}" if len(outputs) > count else str(len(outputs))
        raise NotOutputs(
            f"{what}; it returned {type_name(returned)}, whose len() is {count} and whose items are {found}"
        )
    return outputs


def _not_in_order(returned: Any) -> str | None:
    """Say what ``returned`` is if its items are not one after the other what it is made of; None if they are."""
    kind = type(returned)
    name = type_name(returned)
    if issubclass(kind, (Mapping, Set)):
        return f"{name}, which has no order of outputs"
    if issubclass(kind, (str, bytes, bytearray, memoryview)):
        return name
    # pandas, Polars, PyArrow: iterating over a table gives its columns, or their names.
    if hasattr(kind, "__dataframe__") or (hasattr(kind, "columns") and not issubclass(kind, (list, tuple))):
        return f"{name}, whose items are its columns; return a list of its rows"
    # Items that can be asked for by their position are in an order, as those of a data set.
    in_order = _iterates_over_outputs(kind) or (hasattr(kind, "__getitem__") and hasattr(kind, "__len__"))
    return None if in_order else name


def _iterates_over_outputs(kind: type) -> bool:
    """Tell whether iterating over a ``kind`` is known to give its items in their order: sequences, arrays, tensors."""
    return issubclass(kind, (Sequence, ValuesView)) or hasattr(kind, "__array__") or hasattr(kind, "__dlpack__")
