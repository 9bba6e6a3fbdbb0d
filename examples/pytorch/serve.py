"""Read handwritten digits with the network that ``train.py`` trained: JSON in, JSON out."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import torch

from model import PIXELS, WHITEST, DigitNet, best_device  # a neighbour of this script

if TYPE_CHECKING:
    from aimodellib.utils import Logger


def load(model_dir: str, logger: Logger | None = None) -> DigitNet:
    """Load ``model.pt``, which holds weights alone: unlike a pickled model, it cannot run code."""
    device = best_device()
    model = DigitNet()
    model.load_state_dict(torch.load(os.path.join(model_dir, "model.pt"), map_location=device, weights_only=True))
    if logger is not None:
        logger.log(f"Loaded {sum(weight.numel() for weight in model.parameters())} weights, on {device}")
    return model.to(device).eval()


def deserialize(
    data: bytes, content_type: str = "application/octet-stream", logger: Logger | None = None
) -> torch.Tensor:
    """Return the images in ``{"inputs": [image, ...]}`` as a tensor of shape (images, 64)."""
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise ValueError(f"Cannot read {content_type!r}: send application/json")
    document = json.loads(data)
    if not isinstance(document, dict) or not isinstance(document.get("inputs"), list):
        raise ValueError(f'Expected {{"inputs": [[{PIXELS} numbers], ...]}}')
    images = torch.tensor(document["inputs"], dtype=torch.float32)
    if images.ndim != 2 or images.shape[1] != PIXELS:
        raise ValueError(f"Expected inputs of shape (images, {PIXELS}), got {tuple(images.shape)}")
    wrong = ~((images >= 0) & (images <= WHITEST))  # this way round, NaN is wrong too
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise ValueError(f"inputs[{row}][{column}]: expected a number from 0 to {WHITEST}, got {images[row, column]:g}")
    return images


@torch.inference_mode()
def predict(data: torch.Tensor, model: DigitNet, logger: Logger | None = None) -> torch.Tensor:
    """Return the probability of each digit for each image, of shape (images, 10)."""
    device = next(model.parameters()).device
    probabilities: torch.Tensor = model(data.to(device)).softmax(dim=1).cpu()
    return probabilities


def serialize(data: torch.Tensor, accepted: str = "*/*", logger: Logger | None = None) -> tuple[bytes, str] | None:
    """Return each image's most probable digit as JSON, or None if the client does not accept that."""
    ranges = {part.split(";")[0].strip().lower() for part in accepted.split(",")}
    if ranges.isdisjoint({"application/json", "application/*", "*/*"}):
        return None
    outputs = [
        {"digit": max(range(len(row)), key=row.__getitem__), "probability": max(row), "probabilities": row}
        for row in data.tolist()
    ]
    return json.dumps({"outputs": outputs}).encode(), "application/json"
