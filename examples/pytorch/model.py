"""A small convolutional network for 8x8 images: what ``train.py`` fits and ``serve.py`` asks."""

from __future__ import annotations

import torch
from torch import nn

PIXELS = 64
WHITEST = 16


class DigitNet(nn.Module):
    """Takes images of shape (n, 64), pixels from 0 to 16, and returns scores (logits) of shape (n, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(64 * 4 * 4, 10),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(images / WHITEST)
        return scores


def best_device() -> torch.device:
    """Return the GPU if there is one, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
