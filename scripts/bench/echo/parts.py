"""Answer each request in 10 parts."""

from __future__ import annotations

from typing import Any, Iterator

PARTS = 10


def load(model_dir: str) -> None:
    return None


def deserialize(data: bytes, content_type: str = "application/octet-stream") -> bytes:
    return data


def predict(data: bytes, model: Any) -> Iterator[bytes]:
    for _ in range(PARTS):
        yield data


def serialize(data: bytes, accepted: str = "*/*") -> tuple[bytes, str]:
    return data, "text/event-stream"
