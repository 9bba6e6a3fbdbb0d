"""NumPy's files: one array (``.npy``), or several (``.npz``). Neither may hold Python objects, which could run code."""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

from ._errors import InputError, TooLargeError, Unfit
from ._limits import limits
from ._packages import is_instance, load

#: The longest header of an array, in bytes: NumPy's own limit, which its old versions lack.
MAX_HEADER = 10_000
_MAGIC = b"\x93NUMPY"


def read_npy(data: bytes, parameters: dict[str, str]) -> Any:
    """Read an array, which is writable. Raises InputError."""
    numpy = load("numpy")
    format_ = numpy.lib.format
    if not data.startswith(_MAGIC) or len(data) < 10:
        raise InputError("The body is not an .npy file: it does not begin with \\x93NUMPY")
    length = int.from_bytes(data[8:10] if data[6] == 1 else data[8:12], "little")
    if length > MAX_HEADER:
        raise InputError(f"The header of the .npy file has {length} bytes, more than {MAX_HEADER}")
    file = io.BytesIO(data)
    version = format_.read_magic(file)
    readers = {(1, 0): format_.read_array_header_1_0, (2, 0): format_.read_array_header_2_0}
    if version not in readers:
        raise InputError(f"The .npy file has version {version[0]}.{version[1]}: 1.0 and 2.0 are read")
    shape, in_columns, dtype = readers[version](file)
    if dtype.hasobject:
        raise InputError("The .npy file holds Python objects, which could run code: send an array of numbers or text")
    if any(size < 0 for size in shape):
        raise InputError(f"The .npy file has a negative size in its shape {shape}")
    count = math.prod(shape)
    start = file.tell()
    if dtype.itemsize == 0 or count * dtype.itemsize != len(data) - start:
        message = f"an array of {dtype} of shape {shape} has {count * dtype.itemsize} bytes, got {len(data) - start}"
        raise InputError(f"The .npy file does not fit its header: {message}")
    flat = numpy.frombuffer(data, dtype, count, start)
    return flat.reshape(shape, order="F" if in_columns else "C").copy()


def read_npz(data: bytes, parameters: dict[str, str]) -> dict[str, Any]:
    """Read arrays by name. Raises InputError and TooLargeError."""
    found: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            entries = file.infolist()
            if len(entries) > limits.parts:
                raise TooLargeError(f"The .npz file has {len(entries)} arrays, more than {limits.parts}")
            # zipfile never reads more of an entry than its header announces.
            size = sum(entry.file_size for entry in entries)
            if size > limits.unpacked:
                raise TooLargeError(f"The .npz file has {size} bytes unpacked, more than {limits.unpacked}")
            for entry in entries:
                name = entry.filename[:-4] if entry.filename.endswith(".npy") else entry.filename
                if name in found:
                    raise InputError(f"The .npz file has two arrays of the name {name!r:.60}")
                try:
                    found[name] = read_npy(file.read(entry), {})
                except InputError as error:
                    raise InputError(f"{name!r:.60}: {error}") from error
    except zipfile.BadZipFile as error:
        raise InputError(f"The body is not an .npz file: {error}") from error
    return found


def write_npy(value: Any) -> bytes:
    """Write an array, a tensor, or nested lists of numbers. Raises Unfit."""
    numpy = load("numpy")
    file = io.BytesIO()
    numpy.lib.format.write_array(file, as_array(value), allow_pickle=False)
    return file.getvalue()


def write_npz(value: Any) -> bytes:
    """Write a dict of arrays by name. Raises Unfit."""
    numpy = load("numpy")
    if not isinstance(value, dict) or not value or not all(isinstance(key, str) for key in value):
        raise Unfit
    file = io.BytesIO()
    # savez() can't be used: keys such as 'file' would clash with its own arguments.
    with zipfile.ZipFile(file, "w") as archive:
        for key, item in value.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
                numpy.lib.format.write_array(entry, as_array(item), allow_pickle=False)
    return file.getvalue()


def as_array(value: Any) -> Any:
    """Return an array of numbers, times or text. Raises Unfit."""
    numpy = load("numpy")
    if is_instance(value, "torch", "Tensor"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
    if isinstance(value, (dict, str, bytes)) or value is None:
        raise Unfit
    try:
        array = numpy.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Unfit from error
    if array.dtype.hasobject:
        raise Unfit
    return array
