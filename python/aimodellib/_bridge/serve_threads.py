"""Several requests at once, in threads, for a script whose work releases the interpreter's lock."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from . import frames
from .answer import failed, raised
from .handler import Handler
from .parts import ThreadSender

if TYPE_CHECKING:
    from .link import Link
    from .usage import Usage


def serve_threads(link: Link, handler: Handler, usage: Usage, threads: int) -> int:
    """Take requests in ``threads`` threads."""
    ledger = link.ledger
    lock = threading.Lock()
    begun = 0
    #: Why an answer could not be sent.
    failure: BaseException | None = None
    #: Nobody waits for an answer any more. One that is put into the ledger now would be read there.
    ended = False
    #: Of the requests that were not answered.
    senders: dict[int, ThreadSender] = {}

    def work(number: int, request_id: int, metadata: bytes, body: bytes) -> None:
        nonlocal failure
        try:
            execute(number, request_id, metadata, body)
        except BaseException as error:
            failure = error
            # Whoever waits for frames sees the end.
            with contextlib.suppress(OSError):
                link.socket.shutdown(socket.SHUT_RDWR)

    def execute(number: int, request_id: int, metadata: bytes, body: bytes) -> None:
        nonlocal begun
        with lock:
            # Threads may come here in another order than that of the requests.
            if number > begun:
                begun = number
                ledger.begin(request_id)
        sender = senders[request_id]
        if sender.is_gone(request_id):
            kind, answer_metadata, answer_body = failed("cancelled", "The client left")
        else:
            try:
                kind, answer_metadata, answer_body = handler.invoke(metadata, body, sender)
            except (frames.Closed, frames.ProtocolError):
                raise
            except BaseException as error:
                kind, answer_metadata, answer_body = raised("predict", error)
        with lock:
            if ended:
                return
            del senders[request_id]
            ledger.answer(kind, request_id, answer_metadata, answer_body)
            ledger.flush()
            usage.tell()

    number = 0
    stopping = False
    with ThreadPoolExecutor(threads, thread_name_prefix="aimodellib") as pool:
        try:
            # Answers in parts need credit to the last.
            while senders or not stopping:
                if stopping and not link.reader.has_data(0.05):
                    continue
                for frame in link.read():
                    kind, request_id, metadata, body = frame
                    if kind == frames.INVOKE:
                        number += 1
                        senders[request_id] = ThreadSender(link, request_id, lock)
                        pool.submit(work, number, request_id, metadata, body)
                    elif kind == frames.STATS:
                        with lock:
                            usage.answer()
                    elif kind == frames.STOP:
                        stopping = True
                    elif kind in (frames.CREDIT, frames.CANCEL):
                        if request_id in senders:
                            senders[request_id].on_frame(frame)
                    else:
                        raise frames.unexpected(kind)
        except frames.Closed:
            if failure is not None:
                raise failure from None
            return 0
        finally:
            # Whatever ended the loop: a thread that waits for credit would wait for ever.
            with lock:
                ended = True
            for sender in list(senders.values()):
                sender.leave(sender.request_id)
    if failure is not None:
        raise failure
    usage.answer()
    return 0
