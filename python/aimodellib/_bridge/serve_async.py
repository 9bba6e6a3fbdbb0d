"""Several requests at once in a script whose ``predict`` is a coroutine function."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from . import frames, streams
from .handler import Answer, Handler, failed, raised
from .loader import end_tasks, event_loop
from .usage import Usage

if TYPE_CHECKING:
    from .worker import Link


class AsyncHandler(Handler):
    """Awaits those of a script's functions that are to be awaited."""

    def __init__(self, owner: Any, logger: dict[str, Any], max_body: int) -> None:
        """Adapt the functions of ``owner``. Raises ScriptError if one of them can't be called."""
        super().__init__(owner, logger, max_body, to_end=False)

    async def invoke_async(self, metadata: bytes, body: bytes) -> Answer:
        """Return the answer's kind, metadata and body, as :meth:`Handler.invoke` does."""
        content_type, accepted = self._requests.get(metadata) or self._headers(metadata)
        stage = "deserialize"
        try:
            data = self._deserialize(body, content_type)
            if inspect.isawaitable(data):
                data = await data
            stage = "predict"
            data = self._predict(data, self.model)
            if inspect.isawaitable(data):
                data = await data
            stage = "serialize"
            result = self._serialize(data, accepted)
            if inspect.isawaitable(result):
                result = await result
        except KeyboardInterrupt:
            raise
        except asyncio.CancelledError:
            return failed("cancelled", "The client left")
        except BaseException as error:
            return raised(stage, error)
        return self._answer(result, accepted)


def serve_async(link: Link, handler: AsyncHandler) -> int:
    """Take requests as they come, each in a task of its own."""
    loop = event_loop()
    server = _Server(link, handler, loop)
    loop.add_reader(link.socket, server.on_readable)
    try:
        return loop.run_until_complete(server.ended)
    finally:
        loop.remove_reader(link.socket)
        end_tasks()


class _Server:
    def __init__(self, link: Link, handler: AsyncHandler, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._handler = handler
        self._loop = loop
        self._usage = Usage(link)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopping = False
        self._flushing = False
        self.ended: asyncio.Future[int] = loop.create_future()

    def on_readable(self) -> None:
        """Begin what has come. Only what is incomplete is waited for, and the supervisor is about to send the rest."""
        try:
            for kind, request_id, metadata, body in self._link.reader.read():
                if kind == frames.INVOKE:
                    self._link.ledger.begin(request_id)
                    self._tasks[request_id] = self._loop.create_task(self._answer(request_id, metadata, body))
                elif kind == frames.CANCEL:
                    task = self._tasks.get(request_id)
                    if task is not None:
                        task.cancel()
                elif kind == frames.STOP:
                    self._stopping = True
                    self._end_if_done()
                else:
                    raise frames.ProtocolError(f"A frame of kind {kind} is not for a serving worker")
        except frames.Closed:
            self._end(0)
        except (frames.ProtocolError, OSError) as error:
            streams.print_line(f"The worker lost its connection with the supervisor: {error}")
            self._end(1)

    async def _answer(self, request_id: int, metadata: bytes, body: bytes) -> None:
        kind, answer_metadata, answer_body = await self._handler.invoke_async(metadata, body)
        self._link.ledger.answer(kind, request_id, answer_metadata, answer_body)
        del self._tasks[request_id]
        if not self._flushing:
            # With those that end in the same turn of the loop.
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._link.ledger.flush()
        self._usage.tell()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._stopping and not self._tasks and not self._flushing:
            self._end(0)

    def _end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)
