"""Several requests at once, in threads, for a script whose work releases the GIL."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from . import frames
from .answer import failed, raised, refused
from .handler import Handler
from .loop import Loop
from .parts import ThreadSender

if TYPE_CHECKING:
    from .link import Link
    from .usage import Usage


def serve_threads(link: Link, handler: Handler, usage: Usage, threads: int) -> int:
    """Take requests in ``threads`` threads."""
    server = _Server(link, handler, usage)
    with ThreadPoolExecutor(threads, thread_name_prefix="aimodellib") as pool:
        try:
            server.read(pool)
        except frames.Closed:
            if server.failure is not None:
                raise server.failure from None
            return 0
        finally:
            server.leave()
    if server.failure is not None:
        raise server.failure
    server.report()
    return 0


class _Server(Loop):
    """The main thread reads frames, and the threads of a pool execute requests and write the answers."""

    def __init__(self, link: Link, handler: Handler, usage: Usage) -> None:
        super().__init__(link, usage)
        self._handler = handler
        #: Held by the thread that writes to the connection.
        self._lock = threading.Lock()
        #: How many requests have come, and the number of the last one that the ledger has as begun.
        self._received = self._begun = 0
        #: Of the requests that were not answered.
        self._senders: dict[int, ThreadSender] = {}
        #: Whether nobody waits for answers any more. The supervisor would read an answer from the ledger.
        self._ended = False
        #: Why an answer could not be sent.
        self.failure: BaseException | None = None

    def read(self, pool: ThreadPoolExecutor) -> None:
        """Take frames until STOP has come and all requests are answered. Raises Closed and ProtocolError."""
        # After STOP, CREDIT and CANCEL still arrive for streamed answers.
        while self._senders or not self.stopping:
            if self.stopping and not self.link.has_data(0.05):
                continue
            for kind, request_id, metadata, body in self.link.read():
                if kind == frames.INVOKE:
                    self._received += 1
                    self._senders[request_id] = ThreadSender(self.link, request_id, self._lock)
                    pool.submit(self._work, self._received, request_id, metadata, body)
                else:
                    self.control(kind, request_id, metadata)

    def leave(self) -> None:
        """Write no more answers, and wake the threads that wait for credit: nobody gives it any more."""
        with self._lock:
            self._ended = True
        for sender in list(self._senders.values()):
            sender.leave()

    def report(self) -> None:
        """Send the gathered answers, then the usage."""
        with self._lock:
            super().report()

    def on_cancel(self, request_id: int) -> None:
        """Tell the thread that executes a request, unless it was answered meanwhile."""
        sender = self._senders.get(request_id)
        if sender is not None:
            sender.leave()

    def on_credit(self, request_id: int, parts: int) -> None:
        """Allow more parts of an answer, unless it has ended meanwhile."""
        sender = self._senders.get(request_id)
        if sender is not None:
            sender.add_credit(parts)

    def _work(self, number: int, request_id: int, metadata: bytes, body: bytes) -> None:
        try:
            self._answer(number, request_id, metadata, body)
        except BaseException as error:
            self.failure = error
            # The main thread, which waits for frames, gets Closed.
            with contextlib.suppress(OSError):
                self.link.socket.shutdown(socket.SHUT_RDWR)

    def _answer(self, number: int, request_id: int, metadata: bytes, body: bytes) -> None:
        with self._lock:
            # Threads may begin in another order than that of the requests.
            if number > self._begun:
                self._begun = number
                self.link.ledger.begin(request_id)
        sender = self._senders[request_id]
        if self.link.ledger.refusing:
            kind, answer_metadata, answer_body = refused()
        elif sender.is_gone(request_id):
            kind, answer_metadata, answer_body = failed("cancelled", "The client has disconnected")
        else:
            try:
                kind, answer_metadata, answer_body = self._handler.invoke(metadata, body, sender)
            except (frames.Closed, frames.ProtocolError):
                raise
            except BaseException as error:
                kind, answer_metadata, answer_body = raised("predict", error)
        with self._lock:
            if self._ended:
                return
            del self._senders[request_id]
            self.link.ledger.answer(kind, request_id, answer_metadata, answer_body)
            self.link.ledger.flush()
            self.usage.tell()
