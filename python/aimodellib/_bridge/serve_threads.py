"""Several requests at once, in threads, for a script whose work releases the interpreter's lock."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from . import frames
from .usage import Usage

if TYPE_CHECKING:
    from .handler import Handler
    from .worker import Link


def serve_threads(link: Link, handler: Handler, threads: int) -> int:
    """Take requests in ``threads`` threads."""
    ledger, usage = link.ledger, Usage(link)
    lock = threading.Lock()
    begun = 0

    def work(number: int, request_id: int, metadata: bytes, body: bytes) -> None:
        nonlocal begun
        with lock:
            # Threads may come here in another order than that of the requests.
            if number > begun:
                begun = number
                ledger.begin(request_id)
        kind, answer_metadata, answer_body = handler.invoke(metadata, body)
        with lock:
            ledger.answer(kind, request_id, answer_metadata, answer_body)
            ledger.flush()
            usage.tell()

    number = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="aimodellib") as pool:
        while True:
            try:
                received = link.reader.read()
            except frames.Closed:
                return 0
            for kind, request_id, metadata, body in received:
                if kind == frames.INVOKE:
                    number += 1
                    pool.submit(work, number, request_id, metadata, body)
                elif kind == frames.STOP:
                    return 0
                else:
                    raise frames.ProtocolError(f"A frame of kind {kind} is not for a serving worker")
