"""Texts to embed, and their vectors."""

from __future__ import annotations

import base64
import sys
from array import array
from typing import Any, Mapping

from ._errors import ApiError, invalid

#: The most texts of a request.
MAX_TEXTS = 2048


def read_texts(given: Mapping[str, Any]) -> list[str]:
    """Return the texts of a request. Raises ApiError."""
    texts = given.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts:
        raise invalid("input", "a text, or a list of texts")
    if len(texts) > MAX_TEXTS:
        raise invalid("input", f"a list of at most {MAX_TEXTS} texts, not {len(texts)}")
    if not all(isinstance(text, str) for text in texts):
        # Some clients count tokens themselves, with the vocabulary of OpenAI's models.
        message = "'input' must be a text, or a list of texts: this model does not take tokens"
        raise ApiError(message, param="input", code="invalid_value")
    if "encoding_format" in given and given["encoding_format"] not in ("float", "base64"):
        raise invalid("encoding_format", "'float' or 'base64'")
    return texts


def write_vectors(vectors: Any, given: Mapping[str, Any], tokens: int) -> dict[str, Any]:
    """Return the answer with vectors: rows of a two-dimensional array, or sequences of numbers.

    Raises ValueError if there is not one for each text.
    """
    rows = [array("d", _plain(row)) for row in _plain(vectors)]
    count = 1 if isinstance(given["input"], str) else len(given["input"])
    if len(rows) != count:
        raise ValueError(f"embed() returned {len(rows)} vectors for {count} texts")
    encode = _base64 if given.get("encoding_format") == "base64" else list
    data = [{"object": "embedding", "index": index, "embedding": encode(row)} for index, row in enumerate(rows)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": given.get("model", ""), "usage": usage}


def _plain(values: Any) -> Any:
    """Turn an array or a tensor into lists."""
    return values.tolist() if hasattr(values, "tolist") and not isinstance(values, array) else values


def _base64(row: Any) -> str:
    """Encode numbers as floats of 32 bits, little-endian."""
    floats = array("f", row)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
