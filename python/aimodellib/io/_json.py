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
    """Read a document; UTF-16 and UTF-32 are recognized."""
    try:
        return _decode(data.decode(json.detect_encoding(data)))
    except RecursionError as error:
        raise InputError("The body is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The body is not JSON: it is not {error.encoding} text at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InputError(f"The body is not JSON: {error}") from error


def read_lines(data: bytes, parameters: dict[str, str]) -> list[Any]:
    """Read a list with the document of each line; empty lines are skipped."""
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
        raise UnwritableError("predict() returned what is nested too deeply to be written as JSON") from error
    except (Unknown, TypeError, ValueError):
        # A number that JSON lacks, a key of another type, or a value that can't be written: what, and where, is
        # found in a second pass.
        text = _slow(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair can be written as an escape only.
        return _ascii(json.loads(text)).encode()


def _slow(value: object) -> str:
    try:
        return _fast(plain(value))
    except Unknown as error:
        raise UnwritableError(error.explain()) from error
    except RecursionError as error:
        message = "predict() returned what contains itself, or is nested too deeply to be written as JSON"
        raise UnwritableError(message) from error


def write_lines(items: Iterable[object]) -> bytes:
    """Write a document a line."""
    return b"".join([write_json(item) + b"\n" for item in items])
