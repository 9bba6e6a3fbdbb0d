"""Tells the other hosts of a distributed run that a rank has failed for good, which torchrun does not do.

torchrun ends only the ranks on the host where one fails. Ranks on other hosts end when they next wait for it, if ever.
Therefore the reason goes into the store that torchrun's rendezvous uses, where each host looks for it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from .stops import Stops

#: Interval between two looks into the store, in seconds.
_PERIOD = 0.5
#: How long the store may take to answer, in seconds.
_TIMEOUT = 30.0


class Hosts:
    """The other hosts of a run. If the run has only one host, this does nothing."""

    def __init__(self, endpoint: tuple[str, int] | None, run_id: str, stops: Stops) -> None:
        self._endpoint = endpoint
        self._stops = stops
        self._key = f"aimodellib/{run_id}/failed"
        self._ended = threading.Event()
        #: The failure of another host, if it was reported before a signal arrived.
        self.heard: str | None = None

    @classmethod
    def of(cls, args: Any, stops: Stops) -> Hosts:
        """Take the hosts from torchrun's options, as torchrun parsed them."""
        if args.standalone or args.nnodes in ("1", "1:1") or args.rdzv_backend not in ("c10d", "static"):
            return cls(None, "", stops)
        endpoint = args.rdzv_endpoint
        if args.rdzv_backend == "static" and not endpoint:
            endpoint = f"{args.master_addr}:{args.master_port}"
        host, _, port = endpoint.rpartition(":")
        if not port.isdigit():
            host, port = endpoint, "29400"  # torchrun's own default
        return cls((host.strip("[]"), int(port)), args.rdzv_id, stops)

    def __enter__(self) -> Hosts:
        if self._endpoint is not None:
            threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended.set()

    def tell(self, message: str) -> None:
        """Tell the other hosts to end their ranks, because of the failure in ``message``."""
        if self._endpoint is None or self.heard is not None:
            return
        with contextlib.suppress(Exception):  # the store has ended with its host
            self._connect().set(self._key, f"{message} (on {socket.gethostname()})")
            # One of the hosts runs the store, maybe this one: stay until all have looked.
            time.sleep(3 * _PERIOD)

    def _listen(self) -> None:
        while not self._is_up():
            if self._ended.wait(_PERIOD):
                return
        try:
            store = self._connect()
            while not store.check([self._key]):
                if self._ended.wait(_PERIOD):
                    return
            heard = store.get(self._key).decode()
        except Exception:
            # At the end of a run, the store ends shortly before the other hosts do.
            if self._ended.wait(10 * _PERIOD):
                return
            host, port = self._endpoint or ("", 0)
            heard = f"The host at {host}:{port}, where all hosts met, is gone"
        # A stop may reach the other hosts before this one.
        if not self._ended.is_set() and self._stops.at is None:
            self.heard = heard
            os.kill(os.getpid(), signal.SIGTERM)

    def _is_up(self) -> bool:
        # PyTorch's own client writes a warning for each failed attempt.
        assert self._endpoint is not None
        try:
            socket.create_connection(self._endpoint, _TIMEOUT).close()
        except OSError:
            return False
        return True

    def _connect(self) -> Any:
        assert self._endpoint is not None
        host, port = self._endpoint
        return importlib.import_module("torch.distributed").TCPStore(
            host, port, is_master=False, wait_for_workers=False, timeout=timedelta(seconds=_TIMEOUT)
        )
