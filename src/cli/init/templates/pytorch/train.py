"""Learn to tell the points of two spirals apart: `aimodellib train . train.py model`."""

from __future__ import annotations

import math
import os

import torch

from network import Network, best_device


def train(model_dir: str, steps: str = "300") -> None:
    """Save the weights in `model.pt`."""
    torch.manual_seed(1)
    device = best_device()
    points, spirals = draw(500, device)
    network = Network().to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for step in range(1, int(steps) + 1):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(points).squeeze(1), spirals)
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"Step {step}: loss {loss.item():.3f}")
    points, spirals = draw(500, device)
    with torch.inference_mode():
        right = ((network(points).squeeze(1) > 0) == (spirals > 0.5)).float().mean().item()
    print(f"Accuracy: {right:.3f} of {len(points)} points")
    torch.save(network.state_dict(), os.path.join(model_dir, "model.pt"))


def draw(count: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random points within 1 of the centre, and the spiral of each: 0 or 1."""
    spirals = (torch.arange(count) % 2).float()
    radius = torch.rand(count).sqrt()
    angle = radius * 5 + spirals * math.pi
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    points += torch.randn(count, 2) * 0.03
    return points.to(device), spirals.to(device)
