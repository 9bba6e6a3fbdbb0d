"""Text, and plain bytes."""

from __future__ import annotations

from ._media import decode


def read_text(data: bytes, parameters: dict[str, str]) -> str:
    """Read text in the charset of the content type, by default UTF-8. Raises InputError."""
    return decode(data, parameters.get("charset"))


def read_bytes(data: bytes, parameters: dict[str, str]) -> bytes:
    """Return the body unchanged."""
    return data
