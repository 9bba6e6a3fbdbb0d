"""Takes several requests at once, in tasks, if ``predict`` is a coroutine function."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
from time import perf_counter as now
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Deque

from . import ending, forks, frames, streams
from .answer import Answer, failed, raised, refused
from .failures import message_of
from .gathered_parts import GatheredParts
from .handler import Handler, times_until, with_times
from .loader import end_tasks, event_loop
from .loop import Loop
from .parts import FIRST_CREDIT, end_of_parts, without_events
from .request import of_task

if TYPE_CHECKING:
    from .link import Link
    from .usage import Usage


class AsyncHandler(Handler):
    """Calls the functions of a script, and awaits those that are coroutine functions."""

    def __init__(self, owner: Any, logger: dict[str, Any], max_body: int) -> None:
        """Adapt the functions of ``owner``. Raises ScriptError if one of them can't be called."""
        super().__init__(owner, logger, max_body, to_end=False)

    async def invoke_async(self, metadata: bytes, body: bytes, sender: AsyncSender) -> Answer:
        """Execute a request and return its answer, as :meth:`Handler.invoke` does."""
        headers, _, context = metadata.partition(b"\n")
        of_task.set((context, sender))
        content_type, accepted = self._requests.get(headers) or self._headers(headers)
        stage = "deserialize"
        deserialized = predicted = start = now()
        try:
            data = await _value(self._deserialize(body, content_type))
            if forks.is_child:
                forks.leave()
            deserialized = now()
            stage = "predict"
            data = self._predict(data, self.model)
            if forks.is_child:
                forks.leave()
            if isinstance(data, (AsyncGeneratorType, GeneratorType)):
                return await sender.send(data, self._serialize, self.answer, accepted)
            data = await _value(data)
            if forks.is_child:
                forks.leave()
            predicted = now()
            stage = "serialize"
            answer = self.answer(await _value(self._serialize(data, accepted)), accepted)
            if forks.is_child:
                forks.leave()
            serialized = now()
            self.times.observe(start, deserialized, predicted, serialized)
            if self._timed and headers in self._timed:
                answer = with_times(answer, deserialized - start, predicted - deserialized, serialized - predicted)
        except BaseException as error:
            if forks.is_child:
                forks.leave(error)
            # The script may cancel the task itself, for example through a cancel scope that leaks from a library.
            if sender.gone and isinstance(error, asyncio.CancelledError):
                return failed("cancelled", "The client has disconnected")
            ended = now()
            answer = raised(stage, error)
            if self._timed and headers in self._timed:
                answer = with_times(answer, *times_until(stage, start, deserialized, predicted, ended))
        return answer


async def _value(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


class AsyncSender:
    """Sends the parts of one answer from a task."""

    def __init__(self, parts: GatheredParts, request_id: int) -> None:
        self._parts = parts
        self.request_id = request_id
        self._credit = FIRST_CREDIT
        self._more = asyncio.Event()
        #: Whether the task has begun to run, and whether the client has disconnected.
        self.begun = False
        self.gone = False

    async def send(
        self,
        items: Any,
        serialize: Callable[[Any, str], Any],
        encode: Callable[[object, str], Answer],
        accepted: str,
    ) -> Answer:
        """Serialize the items of a generator, encode and send them as parts; return the answer that follows.

        Raises what the generator raises, and CancelledError if the client has disconnected.
        """
        accepted = without_events(accepted)
        send = self._parts.send
        sent = 0
        try:
            async for item in items if isinstance(items, AsyncGeneratorType) else _stepping(items):
                if forks.is_child:
                    forks.leave()
                # All of this is here, and not in coroutines of their own, since it takes place for each part.
                try:
                    result = serialize(item, accepted)
                    kind, metadata, body = encode(result if type(result) is tuple else await _value(result), accepted)
                    if forks.is_child:
                        forks.leave()
                except BaseException as error:
                    if forks.is_child:
                        forks.leave(error)
                    if self.gone and isinstance(error, asyncio.CancelledError):
                        raise
                    return raised("serialize", error)
                if kind != frames.RESULT:
                    return kind, metadata, body
                send(self.request_id, metadata, body)
                sent += 1
                self._credit -= 1
                while self._credit == 0:
                    self._more.clear()
                    await self._more.wait()
            if forks.is_child:
                forks.leave()
        finally:
            await _value(items.aclose() if isinstance(items, AsyncGeneratorType) else items.close())
        return end_of_parts(sent)

    def is_gone(self, _request_id: int) -> bool:
        """Tell whether the client has disconnected."""
        return self.gone

    def add_credit(self, parts: int) -> None:
        """Allow so many more parts."""
        self._credit += parts
        self._more.set()


async def _stepping(items: Any) -> AsyncIterator[Any]:
    """Yield the items of a plain generator, and let other tasks run between them."""
    for item in items:
        yield item
        await asyncio.sleep(0)


def serve_async(link: Link, handler: AsyncHandler, usage: Usage) -> int:
    """Take requests as they arrive, each in a task of its own."""
    loop = event_loop()
    server = _Server(link, handler, usage, loop)
    loop.add_reader(link.socket, server.on_readable)
    os.register_at_fork(after_in_child=functools.partial(_stop, loop))
    try:
        return _run(loop, server)
    finally:
        server.leave()
        ending.watch()
        if not loop.is_closed():
            loop.remove_reader(link.socket)
            end_tasks()


class _Ended(Deque[Any]):
    """Replaces the event loop's queue of callbacks, and raises when the loop takes the next one."""

    def popleft(self) -> Any:
        raise RuntimeError("The loop has ended")


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    """Stop the loop in a process that a coroutine has forked: its callbacks belong to the worker."""
    if hasattr(loop, "_ready"):
        loop._ready = _Ended()
    loop.stop()


def _run(loop: asyncio.AbstractEventLoop, server: _Server) -> int:
    """Run the loop until the server has ended, whatever the script does to it."""
    while True:
        try:
            return loop.run_until_complete(server.ended)
        except BaseException as error:
            if forks.is_child:
                forks.leave(SystemExit("A process that a coroutine of the script forked can't await: it ends"))
            # SystemExit and KeyboardInterrupt in any task or callback stop the loop, and so does loop.stop().
            if loop.is_closed() or server.ended.done():
                raise
            streams.print_traceback(error)


class _Server(Loop):
    def __init__(self, link: Link, handler: AsyncHandler, usage: Usage, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(link, usage)
        self._handler = handler
        self._loop = loop
        self._requests: dict[int, tuple[asyncio.Task[None], AsyncSender]] = {}
        self._flushing = False
        self._parts = GatheredParts(link.ledger, loop, self._lose)
        self.ended: asyncio.Future[int] = loop.create_future()

    def on_readable(self) -> None:
        """Handle the frames that have arrived. This blocks only for the rest of a frame, which is about to arrive."""
        try:
            for kind, request_id, metadata, body in self.link.read():
                if kind == frames.INVOKE:
                    self.link.ledger.begin(request_id)
                    sender = AsyncSender(self._parts, request_id)
                    task = self._loop.create_task(self._answer(request_id, metadata, body, sender))
                    self._requests[request_id] = (task, sender)
                    task.add_done_callback(functools.partial(self._on_done, request_id))
                else:
                    self.control(kind, request_id, metadata)
                    self._end_if_done()
        except BaseException as error:
            self._lose(error)

    def on_cancel(self, request_id: int) -> None:
        """Cancel the task of a request, unless it was answered meanwhile."""
        if request_id in self._requests:
            task, sender = self._requests[request_id]
            sender.gone = True
            # A task that is cancelled before it begins would never answer.
            if sender.begun:
                task.cancel()

    def on_credit(self, request_id: int, parts: int) -> None:
        """Allow more parts of an answer, unless it has ended meanwhile."""
        if request_id in self._requests:
            self._requests[request_id][1].add_credit(parts)

    async def _answer(self, request_id: int, metadata: bytes, body: bytes, sender: AsyncSender) -> None:
        sender.begun = True
        if self.link.ledger.refusing:
            answer = refused()
        elif sender.gone:
            answer = failed("cancelled", "The client has disconnected")
        else:
            answer = await self._handler.invoke_async(metadata, body, sender)
        self._settle(request_id, answer)

    def _on_done(self, request_id: int, task: asyncio.Task[None]) -> None:
        """Answer a request whose task has not: a script may cancel a task before it begins."""
        mine, sender = self._requests.get(request_id, (None, None))
        if mine is not task or sender is None:
            return
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if isinstance(error, frames.ProtocolError):
            self._lose(error)
        elif sender.gone:
            self._settle(request_id, failed("cancelled", "The client has disconnected"))
        else:
            self._settle(request_id, raised("predict", error or RuntimeError("The task ended without an answer")))

    def _settle(self, request_id: int, answer: Answer) -> None:
        kind, metadata, body = answer
        del self._requests[request_id]
        if self.ended.done():
            # Nobody waits for the answer. The supervisor would read it from the ledger.
            return
        try:
            self.link.ledger.answer(kind, request_id, metadata, body)
            if not self._flushing:
                # Together with answers of the same iteration of the loop.
                self._flushing = True
                self._loop.call_soon(self._flush)
        except BaseException as error:
            self._lose(error)

    def _flush(self) -> None:
        self._flushing = False
        try:
            self.link.ledger.flush()
            self.usage.tell()
            self._end_if_done()
        except BaseException as error:
            self._lose(error)

    def leave(self) -> None:
        """Record that nobody waits for answers any more."""
        for _, sender in self._requests.values():
            sender.gone = True

    def _lose(self, error: BaseException) -> None:
        """End the worker: after a failed read or write, the stream can't be continued at a frame."""
        if isinstance(error, frames.Closed):
            self._end(0)
            return
        if not isinstance(error, frames.ProtocolError):
            streams.print_traceback(error)
        streams.print_line(f"The worker lost its connection with the supervisor: {message_of(error)}")
        self._end(1)

    def _end_if_done(self) -> None:
        if self.stopping and not self._requests and not self._flushing:
            self.report()
            self._end(0)

    def _end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)
