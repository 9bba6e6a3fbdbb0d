"""JSON, and JSON Lines."""

from __future__ import annotations

import json
from typing import Any, Iterable, NoReturn

from ._errors import InputError, UnwritableError
from ._plain import Unknown, plain, simple


def _refuse(constant: str) -> NoReturn:
    raise InputError(f"The body is not JSON: {constant} is no number there. Send null, or another format such as CSV")


_decode = json.JSONDecoder(parse_constant=_refuse).decode


def read_json(data: bytes, parameters: dict[str, str]) -> Any:
    """Read a document in UTF-8, UTF-16 or UTF-32. Raises InputError."""
    try:
        return _decode(data.decode(json.detect_encoding(data)))
    except RecursionError as error:
        raise InputError("The body is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The body is not JSON: it is not {error.encoding} text at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InputError(f"The body is not JSON: {error}") from error


def read_lines(data: bytes, parameters: dict[str, str]) -> list[Any]:
    """Read the documents of all lines as a list; empty lines are skipped. Raises InputError."""
    found = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                found.append(read_json(line, parameters))
            except InputError as error:
                raise InputError(f"Line {number}: {error}") from error
    return found


def _default(value: object) -> object:
    return simple(value)


_fast = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default).encode
_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def write_json(value: object) -> bytes:
    """Write a document: NaN and infinities as null, bytes in base64. Raises UnwritableError, which names the place."""
    try:
        text = _fast(value)
    except RecursionError as error:
        raise UnwritableError("predict() returned a value that is nested too deeply for JSON") from error
    except (Unknown, TypeError, ValueError):
        # A number that JSON lacks, a key of another type, or a value without a form in JSON. A second pass replaces
        # it, or finds where it is.
        text = _slow(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair can be written only as an escape.
        return _ascii(json.loads(text)).encode()


def _slow(value: object) -> str:
    try:
        return _fast(plain(value))
    except Unknown as error:
        raise UnwritableError(error.explain()) from error
    except RecursionError as error:
        message = "predict() returned a value that contains itself, or is nested too deeply for JSON"
        raise UnwritableError(message) from error


def write_lines(items: Iterable[object]) -> bytes:
    """Write one document per line."""
    return b"".join([write_json(item) + b"\n" for item in items])
