"""Tell the species of irises. A request has four measurements in cm of each: sepal and petal, length and width.

They may be JSON such as [[5.1, 3.5, 1.4, 0.2]], CSV, or an array of NumPy (.npy).
"""

from __future__ import annotations

import os
from typing import Any

import joblib
import numpy
from aimodellib.io import InputError, deserialize, serialize

__all__ = ["deserialize", "load", "predict", "serialize"]


def load(model_dir: str) -> dict[str, Any]:
    """Return what `train` saved. Loading runs code that the file holds: load only models that you trust."""
    model: dict[str, Any] = joblib.load(os.path.join(model_dir, "model.joblib"))
    return model


def predict(data: Any, model: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the most probable species of each iris, and its probability."""
    try:
        irises = numpy.asarray(data, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"Expected a table of numbers: {error}") from error
    if irises.ndim != 2 or irises.shape[1] != 4 or len(irises) == 0 or not numpy.isfinite(irises).all():
        raise InputError(f"Expected four measurements of each iris, got numbers of shape {irises.shape}")
    species = model["species"]
    return [
        {"species": species[row.argmax()], "probability": round(float(row.max()), 4)}
        for row in model["pipeline"].predict_proba(irises)
    ]
