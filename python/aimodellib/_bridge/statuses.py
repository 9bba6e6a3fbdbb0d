"""Reads the HTTP status and the headers that an exception of a script chooses for its answer.

Any exception may have ``status`` or ``status_code``, like those of Starlette, FastAPI and aiohttp; Werkzeug's have
``code``. The supervisor decides which headers an answer may have.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Iterable

#: The statuses that an exception may choose.
STATUSES = range(400, 600)
#: The most headers, and their most bytes as JSON: they must fit in metadata beside a message.
MAX_HEADERS = 16
MAX_HEADER_BYTES = 8192
#: The most characters of ``param`` and ``code``.
MAX_TAG = 128


def status_of(error: BaseException) -> dict[str, Any]:
    """Return ``status``, ``headers``, ``param`` and ``code`` for the metadata of an ERROR frame.

    It is empty if ``error`` has no valid status.

    Raises nothing, whatever the attributes are.
    """
    try:
        status = _status(error)
        return {} if status is None else {"status": status, "headers": _headers(error), **_tags(error)}
    except BaseException:
        return {}


def _tags(error: BaseException) -> dict[str, str]:
    """Return the attributes that OpenAI's clients get with an error: the parameter at fault, and a code."""
    found = {name: getattr(error, name, None) for name in ("param", "code")}
    return {name: value[:MAX_TAG] for name, value in found.items() if isinstance(value, str)}


def _status(error: BaseException) -> int | None:
    names = ("status", "status_code", "code") if _is_werkzeug(error) else ("status", "status_code")
    for name in names:
        value = getattr(error, name, None)
        # True is an integer in Python.
        if isinstance(value, Integral) and not isinstance(value, bool) and value in STATUSES:
            return int(value)
    return None


def _headers(error: BaseException) -> list[tuple[str, str | None]]:
    try:
        given = error.get_headers() if _is_werkzeug(error) else getattr(error, "headers", None)  # type: ignore[attr-defined]
        found: list[tuple[str, str | None]] = []
        size = 0
        for name, value in itertools.islice(_pairs(given), MAX_HEADERS):
            if not isinstance(name, str):
                continue
            header = (name, _text(value))
            size += len(json.dumps(header))
            if size > MAX_HEADER_BYTES:
                break
            found.append(header)
        return found
    except BaseException:
        return []


def _pairs(given: object) -> Iterable[Any]:
    if isinstance(given, Mapping):
        return given.items()
    return given if isinstance(given, (list, tuple)) else ()


def _text(value: object) -> str | None:
    """Return the name or value of a header as text; it may be a number, as in Retry-After. None: leave it out."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else None


def _is_werkzeug(error: BaseException) -> bool:
    """Tell whether ``error`` is from ``werkzeug.exceptions``: elsewhere, ``code`` is not an HTTP status."""
    return any(
        kind.__name__ == "HTTPException" and kind.__module__ == "werkzeug.exceptions" for kind in type(error).__mro__
    )
