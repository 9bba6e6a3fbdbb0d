"""Executes waiting requests together, with the script's ``predict_batch``.

If ``threads`` is more than 1, the requests of a batch are deserialized, and their outputs serialized, in threads.
``predict_batch`` is always called in the thread that has called ``load``.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from . import frames
from .answer import raised, refused
from .frames import Frame
from .loop import Loop

if TYPE_CHECKING:
    from .handler import Each, Handler
    from .link import Link
    from .usage import Usage


def serve_batches(link: Link, handler: Handler, usage: Usage, size: int, timeout: float, threads: int) -> int:
    """Take batches of up to ``size`` requests. After the first request of one, wait ``timeout`` seconds for more."""
    if threads <= 1:
        return _serve(link, handler, usage, size, timeout, map)
    with ThreadPoolExecutor(threads, thread_name_prefix="aimodellib") as pool:
        return _serve(link, handler, usage, size, timeout, pool.map)


def _serve(link: Link, handler: Handler, usage: Usage, size: int, timeout: float, each: Each) -> int:
    ledger, loop = link.ledger, Loop(link, usage)
    waiting: deque[Frame] = deque()
    while True:
        try:
            if not waiting:
                waiting.extend(link.read())
            _gather(link, waiting, size, timeout)
        except frames.Closed:
            # Drop the waiting requests: their answers could not be sent.
            return 0
        batch: list[Frame] = []
        while waiting and len(batch) < size and waiting[0][0] == frames.INVOKE:
            batch.append(waiting.popleft())
        if batch:
            # All requests of the batch count as begun.
            ledger.begin(batch[-1][1])
            try:
                if ledger.refusing:
                    answers = [refused()] * len(batch)
                else:
                    answers = handler.invoke_batch([(metadata, body) for _, _, metadata, body in batch], each)
            except frames.ProtocolError:
                raise
            except BaseException as error:
                answers = [raised("predict_batch", error)] * len(batch)
            for (_, request_id, _, _), (kind, metadata, body) in zip(batch, answers):
                ledger.answer(kind, request_id, metadata, body)
            ledger.flush()
            usage.tell()
        else:
            # A request of a batch can't be cancelled: it is not executed alone.
            kind, request_id, metadata, _ = waiting.popleft()
            loop.control(kind, request_id, metadata)
            if loop.stopping:
                loop.report()
                return 0


def _gather(link: Link, waiting: deque[Frame], size: int, timeout: float) -> None:
    """Read the frames that arrive within ``timeout`` seconds, up to ``size`` requests. Raises Closed."""
    deadline = time.monotonic() + timeout
    while len(waiting) < size and waiting[-1][0] == frames.INVOKE:
        rest = max(0.0, deadline - time.monotonic())
        if not link.has_data(rest):
            return
        waiting.extend(link.read())
