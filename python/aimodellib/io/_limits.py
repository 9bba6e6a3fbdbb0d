"""Limits on the memory that a small body may take when it is decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Limits:
    """Limits on the content of one body; a script may change them in ``load``.

    The length of a body itself is limited by ``serve --max-body``.
    """

    unpacked: int = 512 * 1024 * 1024
    """Bytes of an ``.npz``, a Parquet file or Arrow data after decompression."""
    pixels: int = 64 * 1024 * 1024
    """Pixels of an image: its width times its height."""
    parts: int = 1000
    """Fields of a form, or arrays of an ``.npz``."""
    rows: int = 1_000_000
    """Lines of a CSV body that become Python objects; pandas has no such limit."""


limits = Limits()
