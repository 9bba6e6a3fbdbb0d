"""Tell which of two spirals each point is on. A request is a list of points: [[-0.4, 0.3]], as JSON, CSV or .npy."""

from __future__ import annotations

import os
from typing import Any

import torch
from aimodellib.io import InputError, deserialize, serialize

from network import Network, best_device

__all__ = ["deserialize", "load", "predict", "serialize"]


def load(model_dir: str) -> Network:
    """Return the network with the weights that `train` saved; such a file can't run code."""
    device = best_device()
    network = Network().to(device)
    weights = torch.load(os.path.join(model_dir, "model.pt"), map_location=device, weights_only=True)
    network.load_state_dict(weights)
    return network.eval()


@torch.inference_mode()
def predict(data: Any, model: Network) -> list[dict[str, Any]]:
    """Return the spiral of each point, 0 or 1, and how probable it is."""
    try:
        # A data frame has its numbers in `values`.
        points = torch.as_tensor(getattr(data, "values", data), dtype=torch.float32)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"Expected a table of numbers: {error}") from error
    if points.ndim != 2 or points.shape[1] != 2 or not points.isfinite().all():
        raise InputError(f"Expected points such as [[-0.4, 0.3]], got numbers of shape {tuple(points.shape)}")
    device = next(model.parameters()).device
    second = torch.sigmoid(model(points.to(device)).squeeze(1)).tolist()
    return [{"spiral": round(value), "probability": round(max(value, 1 - value), 4)} for value in second]
