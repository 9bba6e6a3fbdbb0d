"""Recordings in WAV files: PCM of 8 to 32 bits, and floats. Python's ``wave`` reads no floats."""

from __future__ import annotations

import array
import struct
import sys
from typing import Any

from ._errors import InputError, UnwritableError
from ._packages import has, is_instance, load
from ._values import Audio

_PCM = 1
_FLOAT = 3
#: The actual format is at the beginning of an id after the other fields.
_EXTENSIBLE = 0xFFFE
#: Lengths in files of programs that did not know the length of their output in advance.
_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF)


def read_wav(data: bytes, parameters: dict[str, str]) -> Audio:
    """Read a recording, as numbers from -1 to 1. Raises InputError."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InputError("The body is not a WAV file: it does not begin with RIFF and WAVE")
    kind = channels = rate = bits = 0
    position = 12
    while position + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        position += 8
        if name == b"fmt ":
            if length < 16 or position + length > len(data):
                break
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, position)
            if kind == _EXTENSIBLE and length >= 26:
                (kind,) = struct.unpack_from("<H", data, position + 24)
        elif name == b"data":
            if not kind:
                break
            if position + length > len(data) or (length == 0 and position < len(data)):
                if length not in _UNKNOWN_LENGTHS:
                    raise InputError(f"The WAV file ends early: {len(data) - position} of {length} bytes of sound")
                length = len(data) - position
            return _audio(memoryview(data)[position : position + length], kind, channels, rate, bits)
        position += length + length % 2
    raise InputError("The WAV file is damaged or ends early: it has no sound, or does not say of which format")


def _audio(data: memoryview, kind: int, channels: int, rate: int, bits: int) -> Audio:
    if not channels or not rate:
        raise InputError(f"The WAV file has {channels} channels and {rate} frames per second")
    if (kind, bits) not in ((_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)):
        message = "send PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64"
        raise InputError(f"The WAV file has samples of format {kind} with {bits} bits: {message}")
    width = bits // 8
    whole = data[: len(data) // (width * channels) * (width * channels)]
    if not has("numpy"):
        return Audio(_without_numpy(whole, kind, width), rate, channels)
    samples = _with_numpy(whole, kind, width)
    return Audio(samples.reshape(-1, channels) if channels > 1 else samples, rate, channels)


def _with_numpy(data: memoryview, kind: int, width: int) -> Any:
    numpy = load("numpy")
    if kind == _FLOAT:
        return numpy.frombuffer(data, f"<f{width}").astype(numpy.float32)
    if width == 1:
        return (numpy.frombuffer(data, numpy.uint8).astype(numpy.float32) - 128) / 128
    if width == 3:
        wide = numpy.zeros((len(data) // 3, 4), numpy.uint8)
        wide[:, 1:] = numpy.frombuffer(data, numpy.uint8).reshape(-1, 3)
        data, width = memoryview(wide.reshape(-1)), 4
    scale = numpy.float32(1 / (1 << (8 * width - 1)))
    return numpy.frombuffer(data, f"<i{width}").astype(numpy.float32) * scale


def _without_numpy(data: memoryview, kind: int, width: int) -> array.array[float]:
    if kind == _FLOAT:
        found: Any = array.array("f" if width == 4 else "d", bytes(data))
        if sys.byteorder == "big":
            found.byteswap()
        return array.array("f", found)
    if width == 1:
        return array.array("f", ((value - 128) / 128 for value in data))
    scale = 1 << (8 * width - 1)
    raw = bytes(data)
    values = (int.from_bytes(raw[at : at + width], "little", signed=True) for at in range(0, len(raw), width))
    return array.array("f", (value / scale for value in values))


def write_wav(audio: Audio) -> bytes:
    """Write a recording as PCM of 16 bits; numbers beyond -1 and 1 are clipped. Raises UnwritableError."""
    samples = audio.samples
    channels = audio.channels
    if is_instance(samples, "torch", "Tensor"):
        samples = samples.detach().cpu().float().numpy()
    if is_instance(samples, "numpy", "ndarray"):
        numpy = load("numpy")
        if samples.ndim not in (1, 2) or samples.dtype.kind != "f":
            message = f"of {samples.dtype} of shape {samples.shape}: return floats of shape (frames, channels)"
            raise UnwritableError(f"predict() returned Audio with samples {message}")
        channels = samples.shape[1] if samples.ndim == 2 else channels
        cut = numpy.clip(numpy.nan_to_num(samples), -1, 1)
        content: bytes = numpy.rint(cut * 32767).astype("<i2").tobytes()
    else:
        values = array.array("h", (_sample(value) for value in samples))
        if sys.byteorder == "big":
            values.byteswap()
        content = values.tobytes()
    if not 0 < channels < 0x8000 or not 0 < audio.rate < 1 << 32 or len(content) > 0xFFFFFF00:
        message = f"{channels} channels, {audio.rate} frames per second and {len(content)} bytes"
        raise UnwritableError(f"predict() returned Audio that a WAV file can't hold: {message}")
    form = struct.pack(
        "<HHIIHH", _PCM, channels, audio.rate, (audio.rate * channels * 2) & 0xFFFFFFFF, channels * 2, 16
    )
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(content))
    return b"RIFF" + struct.pack("<I", len(head) + len(content)) + head + content


def _sample(value: float) -> int:
    return 0 if value != value else round(max(-1.0, min(1.0, value)) * 32767)
