"""Tell malignant from benign tumours: measurements as JSON or as a NumPy array (.npy) in, JSON out."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np

if TYPE_CHECKING:
    from aimodellib.utils import Logger

MEASUREMENTS = 30
"""Of each sample, in the order of scikit-learn's ``load_breast_cancer().feature_names``."""


def load(model_dir: str, logger: Logger | None = None) -> dict[str, Any]:
    """Load ``model.joblib``. Loading it runs code that it holds: load only models that you trust."""
    model: dict[str, Any] = joblib.load(os.path.join(model_dir, "model.joblib"))
    if logger is not None:
        logger.log("Loaded", model["pipeline"])
    return model


def deserialize(
    data: bytes, content_type: str = "application/octet-stream", logger: Logger | None = None
) -> np.ndarray[Any, Any]:
    """Return the samples in a request's body, a row each."""
    media_type = content_type.split(";")[0].strip().lower()
    if media_type == "application/json":
        document = json.loads(data)
        if not isinstance(document, dict) or "inputs" not in document:
            raise ValueError(f'Expected {{"inputs": [[{MEASUREMENTS} numbers], ...]}}')
        samples = np.asarray(document["inputs"], dtype=np.float64)
    elif media_type == "application/x-npy":
        # Reads .npy alone, and no pickled objects: those could run code.
        samples = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    else:
        raise ValueError(f"Cannot read {content_type!r}: send application/json or application/x-npy")

    if samples.ndim != 2 or samples.shape[1] != MEASUREMENTS or not len(samples):
        raise ValueError(f"Expected an array of shape (samples, {MEASUREMENTS}), got {samples.shape}")
    if samples.dtype.kind not in "iuf":
        raise ValueError(f"Expected whole or floating-point numbers, got an array of {samples.dtype}")
    if not np.isfinite(samples).all():
        row, column = np.argwhere(~np.isfinite(samples))[0]
        raise ValueError(f"inputs[{row}][{column}]: expected a finite number, got {samples[row, column]}")
    return samples


def predict(data: np.ndarray[Any, Any], model: dict[str, Any], logger: Logger | None = None) -> list[dict[str, object]]:
    """Return the most probable class of each sample, and the probability of each class."""
    classes = model["classes"]
    return [
        {"label": classes[row.argmax()], "probabilities": dict(zip(classes, row.tolist()))}
        for row in model["pipeline"].predict_proba(data)
    ]


def serialize(
    data: list[dict[str, object]], accepted: str = "*/*", logger: Logger | None = None
) -> tuple[bytes, str] | None:
    """Return the response as JSON, or None if the client does not accept that."""
    ranges = {part.split(";")[0].strip().lower() for part in accepted.split(",")}
    if ranges.isdisjoint({"application/json", "application/*", "*/*"}):
        return None
    return json.dumps({"outputs": data}).encode(), "application/json"
