"""The network, which train.py and serve.py share."""

from __future__ import annotations

from torch import nn


class Network(nn.Sequential):
    """Gives the logit of the second spiral for each point (x, y)."""

    def __init__(self) -> None:
        """Make it with random weights."""
        super().__init__(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
