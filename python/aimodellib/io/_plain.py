"""Turns the results of models into values that JSON has."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import math
import os
import uuid
from collections import abc
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from ._packages import is_instance


class Unknown(Exception):
    """A value of a type that has no form in JSON."""

    def __init__(self, value: object, what: str = "a value") -> None:
        """Take the value; callers add the keys that lead to it while the error passes through them."""
        super().__init__()
        kind = type(value)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        self._type = f"{module}{kind.__qualname__}"
        self._what = what
        self._advice = (
            ". For an answer in parts, predict() itself must be the generator"
            if isinstance(value, (GeneratorType, AsyncGeneratorType))
            else ". It has to be awaited"
            if isinstance(value, CoroutineType)
            else ": return dicts, lists, text, numbers, None, bytes, dataclasses, arrays, tensors or data frames"
        )
        self.path: list[object] = []

    def explain(self) -> str:
        """Return a message that names the value's type and its place."""
        place = "".join(f"[{key!r:.60}]" for key in reversed(self.path[-8:]))
        where = f" at result{'[…]' if len(self.path) > 8 else ''}{place}" if self.path else ""
        return (
            f"predict() returned {self._what} of the type '{self._type}'{where}, which can't be written{self._advice}"
        )


def simple(value: object) -> object:
    """Take one step from a value that ``json`` does not know towards one that it does. Raises Unknown."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.timedelta):
        return value.total_seconds() if value == value else None
    if isinstance(value, (datetime.date, datetime.time)):
        # pandas.NaT is an instance as well, but not equal to itself.
        return value.isoformat() if value == value else None
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (uuid.UUID, os.PathLike)):
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    if isinstance(value, abc.Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return _in_order(value)
    if isinstance(value, (abc.Sequence, abc.KeysView, abc.ValuesView, abc.ItemsView)) or _is_deque(value):
        return list(value)  # type: ignore[call-overload]
    return _of_packages(value)


def _of_packages(value: object) -> object:
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind == "M" and is_instance(value, "numpy", "ndarray", "generic"):
        return _times(value)
    if kind == "m" and is_instance(value, "numpy", "ndarray", "generic"):
        return _seconds(value)
    if is_instance(value, "pandas", "DataFrame"):
        from ._tables import records

        return records(value)
    if is_instance(value, "pyarrow", "Table", "RecordBatch", "Array", "ChunkedArray"):
        return value.to_pylist()  # type: ignore[attr-defined]
    if is_instance(value, "pyarrow", "Scalar"):
        return value.as_py()  # type: ignore[attr-defined]
    if is_missing(value):
        return None
    if is_instance(value, "torch", "Tensor") and getattr(value, "is_sparse", False):
        raise Unknown(value, "a sparse tensor")
    # Arrays and scalars of NumPy, tensors of PyTorch and JAX, columns of pandas.
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and not isinstance(value, type):
        return to_list()
    # Models of pydantic.
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump()
    raise Unknown(value)


def is_missing(value: object) -> bool:
    """Tell whether a value is the ``NA`` of pandas."""
    return is_instance(value, "pandas._libs.missing", "NAType")


def _in_order(values: Any) -> list[Any]:
    """Return the items of a set, sorted if possible, since the order of a set differs between processes."""
    try:
        return sorted(values)
    except TypeError:
        return list(values)


def _is_deque(value: object) -> bool:
    return is_instance(value, "collections", "deque")


def _times(value: Any) -> object:
    import numpy

    texts: object = numpy.datetime_as_string(value).tolist()
    return _without_nat(texts)


def _without_nat(texts: object) -> object:
    if isinstance(texts, list):
        return [_without_nat(text) for text in texts]
    return None if texts == "NaT" else texts


def _seconds(value: Any) -> object:
    import numpy

    return (value / numpy.timedelta64(1, "s")).tolist()


def plain(value: object) -> object:
    """Return what JSON has for ``value``: NaN and infinities are None. Raises Unknown, and RecursionError."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        made = {}
        for key, item in value.items():
            try:
                made[_key(key)] = plain(item)
            except Unknown as error:
                error.path.append(key)
                raise
        return made
    if isinstance(value, (list, tuple)):
        items = []
        for index, item in enumerate(value):
            try:
                items.append(plain(item))
            except Unknown as error:
                error.path.append(index)
                raise
        return items
    return plain(simple(value))


def _key(key: object) -> object:
    if isinstance(key, float) and not math.isfinite(key):
        return "NaN" if key != key else "Infinity" if key > 0 else "-Infinity"
    if key is None or isinstance(key, (str, int, float)):
        return key
    if isinstance(key, (enum.Enum, datetime.date, uuid.UUID)) or is_instance(key, "numpy", "generic"):
        return _key(simple(key))
    raise Unknown(key, "a key")
