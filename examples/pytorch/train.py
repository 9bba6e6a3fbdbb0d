"""Learn to read handwritten digits: a small convolutional network in PyTorch, with TensorBoard logs."""

from __future__ import annotations

import argparse
import gzip
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, ContextManager

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

from model import DigitNet, best_device  # a neighbour of this script: the module directory is on sys.path

if TYPE_CHECKING:
    from aimodellib.utils import Logger
    from torch.utils.tensorboard import SummaryWriter

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "digits.csv.gz")
HELD_OUT = 360


def train(
    model_dir: str,
    *args: str,
    tensor_board_enabled: bool = False,
    tensor_board_dir: str = "logs",
    logger: Logger | None = None,
) -> None:
    """Train on four fifths of the images, and write ``model.pt`` to ``model_dir``."""
    options = parse(args)
    say = print if logger is None else logger.log
    device = best_device()
    torch.manual_seed(options.seed)
    training, held_out = split(read(DATA))
    batches = DataLoader(training, options.batch_size, shuffle=True)
    say(f"Training on {len(training)} images, holding out {len(held_out)}, on {device}")

    model = DigitNet().to(device)
    optimizer = torch.optim.Adam(model.parameters(), options.learning_rate)
    with summary_writer(tensor_board_dir) if tensor_board_enabled else nullcontext() as board:
        for epoch in range(1, options.epochs + 1):
            model.train()
            total = torch.zeros((), device=device)
            for images, digits in batches:
                loss = cross_entropy(model(images.to(device)), digits.to(device))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(images)
            mean_loss = total.item() / len(training)
            accuracy = measure(model, held_out, device)
            say(f"Epoch {epoch}/{options.epochs}: loss {mean_loss:.4f}, held-out accuracy {accuracy:.4f}")
            if board is not None:
                board.add_scalar("loss/training", mean_loss, epoch)
                board.add_scalar("accuracy/held-out", accuracy, epoch)

    os.makedirs(model_dir, exist_ok=True)
    path = os.path.join(model_dir, "model.pt")
    torch.save(model.state_dict(), path + ".tmp")
    os.replace(path + ".tmp", path)  # nobody ever loads half a model


def parse(args: tuple[str, ...]) -> argparse.Namespace:
    """Read the training arguments."""
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    parser.add_argument("--epochs", type=whole, default=15, help="passes over the images (default: %(default)s)")
    parser.add_argument("--batch-size", type=whole, default=32, help="images a step (default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="of Adam (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and order (default: %(default)s)")
    return parser.parse_args(args)


def whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def read(path: str) -> TensorDataset:
    """Read images from gzipped CSV: 64 pixels a line, then the digit."""
    with gzip.open(path, "rt", encoding="ascii") as lines:
        rows = torch.tensor([[int(cell) for cell in line.split(",")] for line in lines])
    return TensorDataset(rows[:, :-1].float(), rows[:, -1])


def split(dataset: TensorDataset) -> list[Subset[tuple[torch.Tensor, ...]]]:
    """Return the images to train on and those held out: the same ones on every run, whatever ``--seed`` is."""
    sizes = [len(dataset) - HELD_OUT, HELD_OUT]
    return random_split(dataset, sizes, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def measure(model: DigitNet, held_out: Subset[tuple[torch.Tensor, ...]], device: torch.device) -> float:
    """Return the share of held-out images that the model reads right."""
    model.eval()
    images, digits = next(iter(DataLoader(held_out, len(held_out))))
    answers = model(images.to(device)).argmax(dim=1).cpu()
    return float((answers == digits).double().mean())


def summary_writer(log_dir: str) -> ContextManager[SummaryWriter]:
    """Return a writer of TensorBoard logs; imported here, so that training without them needs no tensorboard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError("TensorBoard logs need the package tensorboard: install it, or turn them off") from error
    return SummaryWriter(log_dir)
