"""Makes the functions of a serving script from ``chat`` and ``embed``."""

from __future__ import annotations

import inspect
import json
from typing import Any, AsyncIterator, Callable, Iterator, Mapping, NamedTuple

from ._embeddings import read_texts, write_vectors
from ._errors import ApiError, invalid
from ._messages import read_messages, text_of
from ._parameters import Function, parse
from ._reply import Finish, Reply

CHAT, EMBED = "chat.completions", "embeddings"

#: Parameters of a chat that change the form of its answer: a script that does not take them can't ignore them.
_DEMANDS: dict[str, Callable[[Any], bool]] = {
    "tools": bool,
    "functions": bool,
    "audio": bool,
    "logprobs": bool,
    "n": lambda n: bool(n > 1),
    "response_format": lambda given: given != {"type": "text"},
}


class _Request(NamedTuple):
    """A request, as ``deserialize`` returns it."""

    kind: str
    given: Mapping[str, Any]
    #: The messages, or the texts.
    data: Any


class Api:
    """The functions of a serving script that answers requests of OpenAI's API.

    ``chat(messages, model, ...)`` yields the pieces of its answer, or returns the answer: strings, messages with
    ``content`` or ``tool_calls``, and at the end, if it wants, a :class:`Finish`. ``embed(texts, model, ...)``
    returns a vector for each text. Both also get the request's parameters that their signatures name, such as
    ``temperature``, ``max_tokens``, ``stop`` and ``logger``, and may be ``async``. ``count_tokens(text, model)`` counts
    for ``usage``; without it, words are counted.
    """

    def __init__(
        self,
        load: Callable[..., Any],
        *,
        chat: Callable[..., Any] | None = None,
        embed: Callable[..., Any] | None = None,
        count_tokens: Callable[[str, Any], int] | None = None,
    ) -> None:
        """Raises TypeError if neither ``chat`` nor ``embed`` is given, or one of them can't be called."""
        if chat is None and embed is None:
            raise TypeError("Api needs chat or embed: Api(load, chat=chat)")
        self.load = load
        self._functions: dict[str, Function] = {}
        if chat is not None:
            self._functions[CHAT] = Function(chat, "chat(messages, model)")
        if embed is not None:
            self._functions[EMBED] = Function(embed, "embed(texts, model)")
        self._count = count_tokens
        #: What ``serve`` offers below ``/v1``.
        self.openai_apis = tuple(self._functions)
        is_async = any(function.is_async for function in self._functions.values())
        self.predict: Callable[..., Any] = _async(self._predict) if is_async else self._predict

    def deserialize(self, data: bytes, content_type: str = "application/octet-stream", logger: Any = None) -> _Request:
        """Read a request; its path, or else its members, tell what it asks for. Raises ApiError."""
        given = parse(data)
        request = getattr(logger, "request", None)
        kind = self._kind(request.path if request is not None else "", given)
        function = self._functions.get(kind)
        if function is None:
            verb = "chat" if kind == CHAT else "embed"
            raise ApiError(f"This model does not {verb}", status=404, code="unsupported_endpoint")
        if kind == EMBED:
            texts = read_texts(given)
            if "dimensions" in given and not function.takes("dimensions"):
                raise _unsupported("dimensions")
            return _Request(kind, given, texts)
        messages = read_messages(given)
        for name, demands in _DEMANDS.items():
            if name in given and demands(given[name]) and not function.takes(name):
                raise _unsupported(name)
        return _Request(kind, given, messages)

    def serialize(self, data: Any, accepted: str = "*/*") -> tuple[bytes, str]:
        """Write an answer, or some events of a stream."""
        if isinstance(data, bytes):
            return data, "text/event-stream"
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8", "replace"), "application/json"

    @staticmethod
    def _kind(path: str, given: Mapping[str, Any]) -> str:
        for kind, end in ((CHAT, "/chat/completions"), (EMBED, "/embeddings")):
            if path.endswith(end):
                return kind
        if "messages" in given or "input" in given:
            return CHAT if "messages" in given else EMBED
        raise invalid("messages", "a list of messages; to embed, send 'input'")

    def _predict(self, data: _Request, model: Any, logger: Any = None) -> Any:
        kind, given, asked = data
        function = self._functions[kind]

        def count(text: str) -> int:
            return len(text.split()) if self._count is None else int(self._count(text, model))

        result = function.call(asked, model, given, logger)
        if kind == EMBED:
            tokens = sum(map(count, asked))
            if inspect.isawaitable(result):
                return _embedded(result, given, tokens)
            return write_vectors(result, given, tokens)
        stream = given.get("stream", False)
        usage = bool(given.get("stream_options", {}).get("include_usage"))
        reply = Reply(given.get("model", ""), text_of(asked), count, usage)
        if inspect.isawaitable(result) or hasattr(result, "__aiter__"):
            pieces = _pieces_async(result)
            return _stream_async(reply, pieces) if stream else _gather_async(reply, pieces)
        return _stream(reply, _pieces(result)) if stream else _gather(reply, _pieces(result))


def _unsupported(name: str) -> ApiError:
    return ApiError(f"This model does not support '{name}'", param=name, code="unsupported_parameter")


def _async(predict: Callable[..., Any]) -> Callable[..., Any]:
    """Mark ``predict`` as one that may return an async generator: the worker executes requests in tasks."""

    async def marker(data: Any, model: Any, logger: Any = None) -> AsyncIterator[Any]:
        yield None

    def predict_async(data: Any, model: Any, logger: Any = None) -> Any:
        return predict(data, model, logger)

    predict_async.__wrapped__ = marker  # type: ignore[attr-defined]
    return predict_async


async def _embedded(vectors: Any, given: Mapping[str, Any], tokens: int) -> dict[str, Any]:
    return write_vectors(await vectors, given, tokens)


def _pieces(result: Any) -> Iterator[Any]:
    """Yield the pieces of an answer; close the script's generator at the end."""
    if isinstance(result, (str, Mapping, Finish)) or not hasattr(result, "__iter__"):
        # Reply.take() refuses other types.
        yield result
        return
    try:
        yield from result
    finally:
        if hasattr(result, "close"):
            result.close()


async def _pieces_async(result: Any) -> AsyncIterator[Any]:
    if inspect.isawaitable(result):
        result = await result
    if not hasattr(result, "__aiter__"):
        for piece in _pieces(result):
            yield piece
        return
    try:
        async for piece in result:
            yield piece
    finally:
        if hasattr(result, "aclose"):
            await result.aclose()


def _gather(reply: Reply, pieces: Iterator[Any]) -> dict[str, Any]:
    for piece in pieces:
        reply.take(piece)
    return reply.whole()


async def _gather_async(reply: Reply, pieces: AsyncIterator[Any]) -> dict[str, Any]:
    async for piece in pieces:
        reply.take(piece)
    return reply.whole()


def _stream(reply: Reply, pieces: Any) -> Iterator[bytes]:
    """Yield the events of an answer. An exception before the first one sets the status of the answer."""
    try:
        for piece in pieces:
            yield reply.chunks(reply.take(piece))
        yield reply.end()
    except Exception as error:
        if reply.begun:
            yield reply.failure(error)
        raise
    finally:
        pieces.close()


async def _stream_async(reply: Reply, pieces: Any) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            yield reply.chunks(reply.take(piece))
        yield reply.end()
    except Exception as error:
        if reply.begun:
            yield reply.failure(error)
        raise
    finally:
        await pieces.aclose()
