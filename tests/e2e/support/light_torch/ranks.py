"""Adds up the ranks' numbers without PyTorch's library, whose import takes most of a rank's processor time.

The ranks meet at torchrun's ``MASTER_ADDR``. A file in the folder of temporary files, which all hosts share, has the port.
"""

import os
import socket
import tempfile
import time

_connections = []


def add_up():
    """Return this rank, the number of ranks, and the sum of all ranks' numbers, which begin with 1."""
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    address = os.environ["MASTER_ADDR"]
    place = os.path.join(tempfile.gettempdir(), f"ranks-{os.environ['TORCHELASTIC_RUN_ID']}")
    if rank == 0:
        # Without a store of torchrun, PyTorch's rank 0 would listen at this port.
        port = 0 if os.environ["TORCHELASTIC_USE_AGENT_STORE"] == "True" else int(os.environ["MASTER_PORT"])
        with socket.create_server((address, port)) as server:
            with open(f"{place}.new", "w") as file:
                file.write(str(server.getsockname()[1]))
            os.rename(f"{place}.new", place)
            _connections.extend(server.accept()[0] for _ in range(1, size))
        os.unlink(place)
        total = 1 + sum(int(connection.recv(100)) for connection in _connections)
        for connection in _connections:
            connection.sendall(str(total).encode())
    else:
        while not os.path.exists(place):
            time.sleep(0.01)
        with open(place) as file:
            _connections.append(socket.create_connection((address, int(file.read()))))
        _connections[0].sendall(str(rank + 1).encode())
        total = int(_connections[0].recv(100))
    return rank, size, float(total)


def meet():
    """Wait for another rank, which never comes: fail like PyTorch when it has ended."""
    _connections[0].recv(1)
    raise RuntimeError("Connection closed by peer")


def leave():
    """Leave the other ranks."""
    for connection in _connections:
        connection.close()
