"""Adds up the ranks' numbers in the store where they meet. It imports no more of PyTorch than torchrun needs."""

import os
import time

from torch.distributed import TCPStore


def add_up():
    """Return this rank, the number of ranks, and the sum of all ranks' numbers, which begin with 1."""
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    begins = rank == 0 and os.environ["TORCHELASTIC_USE_AGENT_STORE"] != "True"
    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), size, begins)
    store.add("total", rank + 1)
    store.add("ready", 1)
    while store.add("ready", 0) < size:
        time.sleep(0.01)
    return rank, size, float(store.add("total", 0))


def meet():
    """Wait for another rank, which never comes."""
    time.sleep(600)


def leave():
    """Leave the other ranks, to which there is no connection."""
