"""Tells the other hosts of a distributed run that a rank has failed for good, which torchrun does not do.

torchrun ends only the ranks on the host where one fails. Ranks on other hosts end when they next wait for it, if ever.
Therefore the cause goes into the store that torchrun's rendezvous uses, where each host looks for it. If ranks of
several hosts fail, the store keeps the failure that caused the others.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import threading
import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Callable

from .rank_failures import Failure

if TYPE_CHECKING:
    from types import TracebackType

    from .rank_failures import RankFailures
    from .stops import Stops

#: Interval between two looks into the store, in seconds.
_PERIOD = 0.5
#: How long the store may take to answer, in seconds.
_TIMEOUT = 30.0
#: How old a failure must be before others are told, in seconds: a stop that reaches the ranks first may have caused it.
_SETTLED = 0.25
#: How often a host tries to replace another one's failure in the store by its own.
_TRIES = 100


class Hosts:
    """The other hosts of a run. If the run has only one host, this does nothing."""

    def __init__(
        self,
        endpoint: tuple[str, int] | None,
        run_id: str,
        stops: Stops,
        own: Callable[[], Failure | None] = lambda: None,
    ) -> None:
        """Listen at ``endpoint``; ``own`` returns the failure of this host that others may be told."""
        self._endpoint = endpoint
        self._stops = stops
        self._own = own
        self._key = f"aimodellib/{run_id}/failed"
        #: Tells this host's failure in the store from that of another.
        self._id = uuid.uuid4().hex
        self._ended = threading.Event()
        self._has_ended_ranks = False
        #: A consequence in the store, whose cause may follow.
        self._seen: Failure | None = None
        #: The failure of another host, if it was reported before a signal arrived.
        self.heard: Failure | None = None

    @classmethod
    def of(cls, args: Any, stops: Stops, failures: RankFailures) -> Hosts:
        """Take the hosts from torchrun's options, as torchrun parsed them."""
        if args.standalone or args.nnodes in ("1", "1:1") or args.rdzv_backend not in ("c10d", "static"):
            return cls(None, "", stops)
        endpoint = args.rdzv_endpoint
        if args.rdzv_backend == "static" and not endpoint:
            endpoint = f"{args.master_addr}:{args.master_port}"
        host, _, port = endpoint.rpartition(":")
        if not port.isdigit():
            host, port = endpoint, "29400"  # torchrun's own default

        def own() -> Failure | None:
            settled = time.monotonic() - _SETTLED
            return failures.first_before(settled if stops.at is None else min(settled, stops.at))

        return cls((host.strip("[]"), int(port)), args.rdzv_id, stops, own)

    def __enter__(self) -> Hosts:
        if self._endpoint is not None:
            threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended.set()

    def tell(self, failure: Failure) -> Failure:
        """Tell the other hosts to end their ranks; return the cause, which may be a failure of another host."""
        if self._endpoint is None:
            return failure
        with contextlib.suppress(Exception):  # the store has ended with its host
            self._publish(self._connect(), failure)
            # One of the hosts runs the store, maybe this one: stay until all have looked.
            time.sleep(3 * _PERIOD)
        return failure if self.heard is None else min(failure, self.heard)

    def _listen(self) -> None:
        while not self._is_up():
            if self._ended.wait(_PERIOD):
                return
        try:
            store = self._connect()
            while True:
                self._look(store)
                if self._ended.wait(_PERIOD):
                    return
        except Exception:
            # At the end of a run, the store ends shortly before the other hosts do.
            if self._ended.wait(10 * _PERIOD) or self._has_ended_ranks or self._own() is not None:
                return
            host, port = self._endpoint or ("", 0)
            self._hear(Failure(False, time.time(), f"The host at {host}:{port}, where all hosts met, is gone"), None)

    def _look(self, store: Any) -> None:
        own = self._own()
        if own is not None:
            self._publish(store, own)
        if store.check([self._key]):
            failure, by = _parse(store.get(self._key))
            if by != self._id:
                self._hear(failure, own)

    def _hear(self, failure: Failure, own: Failure | None) -> None:
        # A stop may reach the other hosts before this one.
        if self._ended.is_set() or (self._stops.at is not None and not self._has_ended_ranks and own is None):
            return
        # The host that knows the cause says so within one period.
        if failure.is_consequence and failure != self._seen:
            self._seen = failure
            return
        self.heard = failure
        if own is None and not self._has_ended_ranks:
            self._has_ended_ranks = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _publish(self, store: Any, failure: Failure) -> None:
        """Write a failure into the store, unless that has its cause."""
        text = json.dumps(
            [failure.is_consequence, failure.at, f"{failure.message} (on {socket.gethostname()})", self._id]
        )
        there = ""
        for _ in range(_TRIES):
            now: bytes = store.compare_set(self._key, there, text)
            there = now.decode()
            if there == text or _parse(now)[0] <= failure:
                return

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


def _parse(value: bytes) -> tuple[Failure, str]:
    """Return a failure in the store, and the id of its host."""
    is_consequence, at, message, by = json.loads(value)
    return Failure(is_consequence, at, message), by
