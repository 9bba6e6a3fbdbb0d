"""Sends back what it gets, after BENCH_PREDICT_MICROSECONDS of processor time."""

from __future__ import annotations

import os
import time

NANOSECONDS = int(os.environ.get("BENCH_PREDICT_MICROSECONDS", "0")) * 1000


def load(model_dir: str) -> None:
    return None


def deserialize(data: bytes, content_type: str = "application/octet-stream") -> bytes:
    return data


def predict(data: bytes, model: None) -> bytes:
    if NANOSECONDS:
        end = time.thread_time_ns() + NANOSECONDS
        while time.thread_time_ns() < end:
            pass
    return data


def serialize(data: bytes, accepted: str = "*/*") -> tuple[bytes, str]:
    return data, "application/octet-stream"
