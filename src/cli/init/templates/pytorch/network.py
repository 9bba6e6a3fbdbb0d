"""The network, which train.py and serve.py share."""

from __future__ import annotations

import torch
from torch import nn


class Network(nn.Sequential):
    """Gives the logit of the second spiral for each point (x, y)."""

    def __init__(self) -> None:
        """Make it with random weights."""
        super().__init__(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


def best_device() -> torch.device:
    """Return the GPU if there is one, otherwise the processor. `aimodellib serve --device` says what a worker sees."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
