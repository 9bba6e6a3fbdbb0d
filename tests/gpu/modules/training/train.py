"""Trains a line on a GPU, in one of several ways."""

import os
import pathlib
import signal
import time

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset


def train(model_dir, way, *args, logger=None):
    WAYS[way](pathlib.Path(model_dir), *args, logger=logger)


def line(device):
    """Return inputs, targets, a model and its optimizer."""
    torch.manual_seed(1)
    x = torch.linspace(-1, 1, 64, device=device).unsqueeze(1)
    model = torch.nn.Linear(1, 1).to(device)
    return x, 2 * x + 1, model, torch.optim.SGD(model.parameters(), lr=0.1)


def step(model, optimizer, x, y):
    loss = torch.nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def ranks(_model_dir, logger):
    """Train in ranks that talk through NCCL."""
    import torch.distributed as dist

    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    dist.init_process_group("nccl", device_id=device)
    x, y, model, optimizer = line(device)
    model = torch.nn.parallel.DistributedDataParallel(model, device_ids=[device.index])
    for _ in range(200):
        loss = step(model, optimizer, x, y)
    total = torch.ones(1, device=device)
    dist.all_reduce(total)
    print(f"{dist.get_backend()}: {int(total)} of {dist.get_world_size()} on {device}, loss {loss:.3f}", flush=True)
    dist.destroy_process_group()


def checkpoints(model_dir, logger):
    """Train for ever, and save a checkpoint when the run is stopped."""
    x, y, model, optimizer = line("cuda")
    ballast = torch.full((64 << 18,), 3.0, device="cuda")
    steps = 0
    try:
        while True:
            loss = step(model, optimizer, x, y)
            steps += 1
            logger.scalar("loss", loss, steps)
            if steps == 10:
                print("it trains", flush=True)
    except KeyboardInterrupt:
        state = {"steps": steps, "model": model.state_dict(), "ballast": ballast, "optimizer": optimizer.state_dict()}
        torch.save(state, model_dir / "checkpoint.pt.tmp")
        os.replace(model_dir / "checkpoint.pt.tmp", model_dir / "checkpoint.pt")
        print(f"saved after step {steps}", flush=True)
        raise


def handled(model_dir, logger):
    """As checkpoints(), in a rank of torchrun, which has to handle SIGTERM itself."""

    def stop(_number, _frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        checkpoints(model_dir, logger)
    except KeyboardInterrupt:
        raise SystemExit(0) from None


class Touching(Dataset):
    """Uses CUDA where it is read."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.tensor([float(index)], device="cuda")


def loader(_model_dir, logger):
    """Read data in other processes, which are forked after CUDA has been initialized."""
    x, y, model, optimizer = line("cuda")
    loss = step(model, optimizer, x, y)
    data = TensorDataset(x.cpu(), y.cpu())
    for _ in range(3):
        for inputs, targets in DataLoader(data, batch_size=16, num_workers=2, pin_memory=True):
            loss = step(model, optimizer, inputs.to("cuda", non_blocking=True), targets.to("cuda", non_blocking=True))
    print(f"loss {loss:.3f} on {x.device}", flush=True)


def forked(_model_dir, logger):
    """Use CUDA in a process that was forked after CUDA had been initialized, which CUDA refuses."""
    line("cuda")
    for _ in DataLoader(Touching(), num_workers=1, multiprocessing_context="fork"):
        pass


def watched(model_dir, logger):
    """Hold a GiB, until a file says that it was seen."""
    held = torch.ones(1 << 28, device="cuda")
    print("it holds memory", flush=True)
    while not (model_dir / "seen").exists():
        held.mul_(1.0)
        torch.cuda.synchronize()
        logger.scalar("mean", held[:10].mean(), None)
        time.sleep(0.2)


def exhausted(_model_dir, logger):
    """Ask for a pebibyte."""
    torch.empty(1 << 50, dtype=torch.uint8, device="cuda")


WAYS = {way.__name__: way for way in (ranks, checkpoints, handled, loader, forked, watched, exhausted)}
