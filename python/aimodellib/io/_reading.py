"""Finds the reader for a content type."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any, Callable, Dict, NamedTuple

from ._errors import InputError, TooLargeError, UnsupportedTypeError
from ._media import parse_media_type
from ._packages import DISTRIBUTIONS, has

if TYPE_CHECKING:
    from ..util.types import Logger

#: A reader: it takes a body and the parameters of its content type.
Reader = Callable[[bytes, Dict[str, str]], Any]


class Format(NamedTuple):
    """Content types that share a reader; messages name the first one."""

    types: tuple[str, ...]
    #: The reader: a module of this package, and its function.
    reader: tuple[str, str]
    #: The package that the reader needs, if any.
    needs: str = ""


FORMATS = (
    Format(("application/json", "text/json"), ("_json", "read_json")),
    Format(
        ("application/x-ndjson", "application/jsonl", "application/jsonlines", "application/x-jsonlines"),
        ("_json", "read_lines"),
    ),
    Format(("text/csv", "application/csv"), ("_csv", "read_csv")),
    Format(("text/plain",), ("_text", "read_text")),
    Format(("application/x-www-form-urlencoded",), ("_forms", "read_urlencoded")),
    Format(("multipart/form-data",), ("_forms", "read_multipart")),
    Format(("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"), ("_wav", "read_wav")),
    Format(("application/octet-stream",), ("_text", "read_bytes")),
    Format(("application/x-npy",), ("_numpy", "read_npy"), "numpy"),
    Format(("application/x-npz",), ("_numpy", "read_npz"), "numpy"),
    Format(
        ("application/vnd.apache.parquet", "application/x-parquet", "application/parquet"),
        ("_tables", "read_parquet"),
        "pyarrow",
    ),
    Format(("application/vnd.apache.arrow.stream",), ("_tables", "read_arrow_stream"), "pyarrow"),
    Format(("application/vnd.apache.arrow.file",), ("_tables", "read_arrow_file"), "pyarrow"),
    Format(("image/png",), ("_images", "read_image"), "PIL"),
    Format(("image/jpeg", "image/jpg"), ("_images", "read_image"), "PIL"),
    Format(("image/webp",), ("_images", "read_image"), "PIL"),
    Format(("image/gif",), ("_images", "read_image"), "PIL"),
    Format(("image/bmp",), ("_images", "read_image"), "PIL"),
    Format(("image/tiff",), ("_images", "read_image"), "PIL"),
)
_BY_TYPE = {name: form for form in FORMATS for name in form.types}


def deserialize(data: bytes, content_type: str = "application/octet-stream", logger: Logger | None = None) -> Any:
    """Return the content of a body, read by its content type.

    Raises InputError (400), TooLargeError (413) and UnsupportedTypeError (415), whose messages list what is accepted.
    """
    read, name, parameters = _reader_of(content_type)
    try:
        return read(data, parameters)
    except InputError:
        raise
    except MemoryError as error:
        raise TooLargeError(f"The body needs more memory as {name} than there is") from error
    except Exception as error:
        raise InputError(f"The body can't be read as {name}: {error!s:.500}") from error


def readable_types() -> tuple[str, ...]:
    """Return the content types whose packages this Python has."""
    return tuple(form.types[0] for form in FORMATS if not form.needs or has(form.needs))


@functools.lru_cache(maxsize=256)
def _reader_of(content_type: str) -> tuple[Reader, str, dict[str, str]]:
    media = parse_media_type(content_type)
    form = None if media is None else _BY_TYPE.get(media.name) or _family(media.name)
    if media is None or form is None:
        raise _unsupported(content_type)
    if form.needs and not has(form.needs):
        package = DISTRIBUTIONS.get(form.needs, form.needs)
        raise _unsupported(content_type, f" without {package}, which this model's Python does not have")
    module, function = form.reader
    return getattr(importlib.import_module(f".{module}", __package__), function), media.name, media.parameters


def _family(name: str) -> Format | None:
    """Return the format of types such as ``application/problem+json`` and ``text/html``."""
    if name.endswith("+json"):
        return _BY_TYPE["application/json"]
    return _BY_TYPE["text/plain"] if name.startswith("text/") else None


def _unsupported(content_type: str, why: str = "") -> UnsupportedTypeError:
    types = readable_types()
    return UnsupportedTypeError(f"Cannot read {content_type!r:.100}{why}: send {', '.join(types)}", types)
