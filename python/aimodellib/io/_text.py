"""Text, and bytes as they are."""

from __future__ import annotations

from ._media import decode


def read_text(data: bytes, parameters: dict[str, str]) -> str:
    """Read text in the charset that the content type names, else UTF-8."""
    return decode(data, parameters.get("charset"))


def read_bytes(data: bytes, parameters: dict[str, str]) -> bytes:
    """Return the body as it is."""
    return data
