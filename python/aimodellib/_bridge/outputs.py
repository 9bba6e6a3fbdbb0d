"""Splits the result of ``predict_batch`` into one output for each input, or says why it can't be split.

The right length does not mean the right items: iterating over a table yields its columns, over a mapping its keys, over
a string its characters. Such an item would become the answer to a request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set, ValuesView
from itertools import islice
from typing import Any

from .failures import type_name


class NotOutputs(Exception):
    """The result of ``predict_batch`` can't be split into outputs; the message is for the user."""


def outputs_of(returned: Any, count: int) -> list[Any]:
    """Return the ``count`` outputs in ``returned``.

    Raises NotOutputs if their number is wrong, or they have no order; and whatever iterating raises.
    """
    what = f"predict_batch() must return a list of {count} output{'s' if count > 1 else ''}, one for each input"
    if type(returned) is not list:
        problem = _not_in_order(returned)
        if problem is not None:
            raise NotOutputs(f"{what}; it returned {problem}")
    try:
        length = len(returned)
    except TypeError:  # an array with zero dimensions
        raise NotOutputs(f"{what}; it returned {type_name(returned)}") from None
    if length != count:
        raise NotOutputs(f"{what}; it returned {length}")
    if type(returned) is not list and not _iterates_over_outputs(type(returned)):
        return [returned[position] for position in range(count)]
    # One more than allowed is enough to know that there are too many.
    outputs = list(islice(returned, count + 1))
    if len(outputs) != count:
        found = f"more than {count}" if len(outputs) > count else str(len(outputs))
        raise NotOutputs(
            f"{what}; it returned {type_name(returned)}, whose len() is {count} and whose items are {found}"
        )
    return outputs


def _not_in_order(returned: Any) -> str | None:
    """Describe ``returned`` if iterating does not yield outputs in order; return None if it does."""
    kind = type(returned)
    name = type_name(returned)
    if issubclass(kind, (Mapping, Set)):
        return f"{name}, which has no order of outputs"
    if issubclass(kind, (str, bytes, bytearray, memoryview)):
        return name
    # pandas, Polars, PyArrow: iterating over a table yields its columns, or their names.
    if hasattr(kind, "__dataframe__") or (hasattr(kind, "columns") and not issubclass(kind, (list, tuple))):
        return f"{name}, whose items are its columns; return a list of its rows"
    # Items with an index have an order, such as those of a data set.
    in_order = _iterates_over_outputs(kind) or (hasattr(kind, "__getitem__") and hasattr(kind, "__len__"))
    return None if in_order else name


def _iterates_over_outputs(kind: type) -> bool:
    """Tell whether iterating over a ``kind`` is known to yield items in order: sequences, arrays, tensors."""
    return issubclass(kind, (Sequence, ValuesView)) or hasattr(kind, "__array__") or hasattr(kind, "__dlpack__")
