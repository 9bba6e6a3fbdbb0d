"""Executes operations on a GPU, each of which a request names. The weights fill so many MiB as the environment says."""

import os
import pathlib
import time

import torch
from aimodellib.io import deserialize, serialize

__all__ = ["deserialize", "load", "predict", "serialize"]

DEVICE = os.environ.get("AIMODELLIB_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")


def load(model_dir):
    mib = int(os.environ.get("TEST_MIB", "16"))
    return torch.full((mib << 18,), 2.0, device=DEVICE)


def predict(data, model):
    return OPERATIONS[data["op"]](data, model)


def where(data, model):
    """Say where the weights are, and compute something there; take at least so many seconds."""
    time.sleep(data.get("seconds", 0))
    half = torch.arange(8, device=model.device, dtype=torch.float32) / model[:8]
    return {
        "pid": os.getpid(),
        "on": model.device.type,
        "index": model.device.index,
        "device": os.environ.get("AIMODELLIB_DEVICE"),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "count": torch.cuda.device_count(),
        "name": torch.cuda.get_device_name(model.device) if model.is_cuda else None,
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "sum": half.sum().item(),
    }


def memory(_data, _model):
    """Say how many bytes of tensors there are."""
    torch.cuda.empty_cache()
    return {"pid": os.getpid(), "allocated": torch.cuda.memory_allocated(), "reserved": torch.cuda.memory_reserved()}


def exceed(_data, _model):
    """Ask for a pebibyte."""
    torch.empty(1 << 50, dtype=torch.uint8, device=DEVICE)


def fill(_data, _model):
    """Allocate 256 MiB again and again, up to a limit of this process, and keep all of it."""
    total = torch.cuda.get_device_properties(DEVICE).total_memory
    torch.cuda.set_per_process_memory_fraction((2 << 30) / total)
    kept = []
    while True:
        kept.append(torch.empty(256 << 20, dtype=torch.uint8, device=DEVICE))


def break_context(_data, model):
    """Read beyond the end of a tensor in a kernel, which breaks CUDA for the whole process."""
    beyond = torch.tensor([model.numel() + 12345], device=model.device)
    return model[beyond].sum().item()


def leave(_data, _model):
    """End the process, as a script does that knows that its device is lost."""
    os._exit(7)


def spin(data, model):
    """Keep the GPU busy for at least so many seconds; a file says when it begins."""
    torch.cuda._sleep(1000)
    torch.cuda.synchronize()
    pathlib.Path(data["begun"]).write_text(str(os.getpid()))
    end = time.monotonic() + data["seconds"]
    while time.monotonic() < end:
        torch.cuda._sleep(200_000_000)
        torch.cuda.synchronize()
    return where({}, model)


OPERATIONS = {operation.__name__: operation for operation in (where, memory, exceed, fill, break_context, leave, spin)}
