"""Writes a result in a format that the client accepts."""

from __future__ import annotations

import re
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from ._accept import choose
from ._errors import Unfit, UnwritableError
from ._json import write_json, write_lines
from ._packages import has, is_instance
from ._plain import Unknown
from ._values import Audio

if TYPE_CHECKING:
    from ..util.types import Logger

JSON = "application/json"
LINES = "application/x-ndjson"
CSV = "text/csv"
TEXT = "text/plain"
BYTES = "application/octet-stream"
NPY = "application/x-npy"
NPZ = "application/x-npz"
PARQUET = "application/vnd.apache.parquet"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
WAV = "audio/wav"
IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")

#: Other names of formats; the answer has the name that the client asked for.
ALIASES = {
    "text/json": JSON,
    "application/jsonl": LINES,
    "application/jsonlines": LINES,
    "application/x-jsonlines": LINES,
    "application/csv": CSV,
    "application/x-parquet": PARQUET,
    "application/parquet": PARQUET,
    "audio/x-wav": WAV,
    "audio/wave": WAV,
    "audio/vnd.wave": WAV,
    "image/jpg": "image/jpeg",
}
#: Packages that formats need.
_NEEDS = {
    NPY: "numpy",
    NPZ: "numpy",
    PARQUET: "pyarrow",
    ARROW_STREAM: "pyarrow",
    ARROW_FILE: "pyarrow",
    **dict.fromkeys(IMAGES, "PIL"),
}
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:[ \t]*;[ -~]*)?", re.ASCII)


def serialize(data: Any, accepted: str = "*/*", logger: Logger | None = None) -> tuple[bytes, str] | None:
    """Return a result's bytes and their content type, in the format that the client prefers; without a preference, the
    default format of its type. None if no format of it is acceptable (406).

    A pair of bytes and their content type is returned unchanged.
    Raises UnwritableError if the result's type has no format, or JSON was chosen and a part of it has no JSON.
    """
    if isinstance(data, (GeneratorType, AsyncGeneratorType)):
        raise UnwritableError(Unknown(data).explain())
    if type(data) in (dict, list) and accepted in ("*/*", JSON):
        return write_json(data), JSON
    if _is_pair(data):
        return (bytes(data[0]), data[1]) if choose(accepted, (data[1],)) is not None else None
    offers = [offer for offer in _forms_of(data) if offer not in _NEEDS or has(_NEEDS[offer])]
    offers += [alias for alias, name in ALIASES.items() if name in offers]
    while True:
        chosen = choose(accepted, offers)
        if chosen is None:
            return None
        try:
            return _write(data, ALIASES.get(chosen, chosen), chosen)
        except Unfit:
            format_ = ALIASES.get(chosen, chosen)
            offers = [offer for offer in offers if ALIASES.get(offer, offer) != format_]


def _is_pair(data: Any) -> bool:
    return (
        type(data) is tuple
        and len(data) == 2
        and isinstance(data[0], (bytes, bytearray, memoryview))
        and isinstance(data[1], str)
        and _MEDIA_TYPE.fullmatch(data[1]) is not None
    )


def _forms_of(data: Any) -> tuple[str, ...]:
    """Return the possible formats of a result, the default first; writing it shows whether it fits."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return (BYTES,)
    if isinstance(data, str):
        return (TEXT, JSON, LINES)
    if isinstance(data, (bool, int, float)):
        return (JSON, LINES, TEXT)
    if isinstance(data, Audio):
        return (WAV,)
    if is_instance(data, "PIL.Image", "Image"):
        return (*IMAGES, NPY)
    if is_instance(data, "pandas", "DataFrame") or is_instance(data, "pyarrow", "Table", "RecordBatch"):
        return (JSON, LINES, CSV, PARQUET, ARROW_STREAM, ARROW_FILE)
    if is_instance(data, "numpy", "ndarray") or is_instance(data, "torch", "Tensor"):
        return (JSON, LINES, NPY, CSV, *IMAGES)
    return (JSON, LINES, CSV, NPY, NPZ, PARQUET, ARROW_STREAM, ARROW_FILE)


def _write(data: Any, form: str, name: str) -> tuple[bytes, str]:
    """Write a result in a format, and return the content type by the name that the client used. Raises Unfit."""
    if form == JSON:
        return write_json(data), name
    if form == LINES:
        return write_lines(_items(data)), name
    if form == TEXT:
        # Half of a surrogate pair has no bytes in UTF-8.
        return str(data).encode("utf-8", "replace"), "text/plain; charset=utf-8"
    if form == BYTES:
        return bytes(data), name
    if form == CSV:
        from ._csv import write_csv

        content, content_type = write_csv(data)
        return content, content_type.replace(CSV, name)
    if form in (NPY, NPZ):
        from . import _numpy

        return (_numpy.write_npy if form == NPY else _numpy.write_npz)(data), name
    if form == WAV:
        from ._wav import write_wav

        return write_wav(data), name
    if form in IMAGES:
        from ._images import write_image

        return write_image(data, form), name
    from . import _tables

    writers = {
        PARQUET: _tables.write_parquet,
        ARROW_STREAM: _tables.write_arrow_stream,
        ARROW_FILE: _tables.write_arrow_file,
    }
    return writers[form](data), name


def _items(data: Any) -> Any:
    """Return the values that become a line each: rows of a table or an array, items of a list, or the value itself."""
    if is_instance(data, "pandas", "DataFrame"):
        from ._tables import records

        return records(data)
    if is_instance(data, "pyarrow", "Table", "RecordBatch"):
        return data.to_pylist()
    if is_instance(data, "numpy", "ndarray") or is_instance(data, "torch", "Tensor"):
        return data if data.ndim else [data]
    return data if isinstance(data, (list, tuple)) else [data]
