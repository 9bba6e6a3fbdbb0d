"""The answer to a chat, whole or as a stream of chunks."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any, Callable, Mapping

from ._errors import ApiError

#: Counts the tokens of a text.
Count = Callable[[str], int]


class Finish:
    """The last thing that ``chat`` yields or returns, if it says why its answer ends, and how many tokens it took.

    ``reason`` is ``stop``, ``length``, ``content_filter`` or ``tool_calls``.
    """

    def __init__(
        self,
        reason: str = "stop",
        *,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
    ) -> None:
        self.reason = reason
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens


class Reply:
    """Gathers the pieces of an answer, and formats it."""

    def __init__(self, model: str, prompt: str, count: Count, include_usage: bool) -> None:
        self._about = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}
        self._prompt = prompt
        self._count = count
        self._include_usage = include_usage
        self._texts: list[str] = []
        self._calls: list[Any] = []
        self._finish = Finish("")
        #: Whether a chunk was sent.
        self.begun = False

    def take(self, piece: object) -> dict[str, Any]:
        """Add a piece that ``chat`` has yielded, and return it as a delta. Raises TypeError for another type."""
        if isinstance(piece, Finish):
            self._finish = piece
            return {}
        if isinstance(piece, str):
            piece = {"content": piece}
        content = piece.get("content") if isinstance(piece, Mapping) else 0
        if not isinstance(piece, Mapping) or not (content is None or isinstance(content, str)):
            raise TypeError(f"chat() must yield or return strings, messages or Finish, not {type(piece).__name__}")
        delta: dict[str, Any] = {}
        if content:
            self._texts.append(content)
            delta["content"] = content
        calls = list(piece.get("tool_calls") or ())
        if calls:
            delta["tool_calls"] = [{"index": len(self._calls) + at, **call} for at, call in enumerate(calls)]
            self._calls += calls
        return delta

    def whole(self) -> dict[str, Any]:
        """Return the answer to a request without ``stream``."""
        text = "".join(self._texts)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if self._calls:
            message.update(content=text or None, tool_calls=self._calls)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._reason}
        return {**self._about, "object": "chat.completion", "choices": [choice], "usage": self._usage()}

    def chunks(self, delta: Mapping[str, Any]) -> bytes:
        """Return the events for a delta. The first of an answer tells the role."""
        begin = b"" if self.begun else self._chunk({"role": "assistant", "content": ""}, None)
        self.begun = True
        return begin + (self._chunk(delta, None) if delta else b"")

    def end(self) -> bytes:
        """Return the events at the end of an answer."""
        events = self.chunks({}) + self._chunk({}, self._reason)
        if self._include_usage:
            events += self._event({**self._stream, "choices": [], "usage": self._usage()})
        return events + b"data: [DONE]\n\n"

    def failure(self, error: BaseException) -> bytes:
        """Return the event for an exception that ends an answer midway."""
        message = str(error) if isinstance(error, ApiError) else f"chat() raised {type(error).__name__}: {error}"
        param, code = getattr(error, "param", None), getattr(error, "code", None)
        about = {"message": message, "type": "server_error", "param": param, "code": code}
        return self._event({"error": about})

    @property
    def _reason(self) -> str:
        return self._finish.reason or ("tool_calls" if self._calls else "stop")

    @property
    def _stream(self) -> dict[str, Any]:
        return {**self._about, "object": "chat.completion.chunk"}

    def _chunk(self, delta: Mapping[str, Any], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self._include_usage else {}
        return self._event({**self._stream, "choices": [choice], **usage})

    @staticmethod
    def _event(data: Mapping[str, Any]) -> bytes:
        return b"data: " + json.dumps(data, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"

    def _usage(self) -> dict[str, int]:
        prompt, completion = self._finish.prompt_tokens, self._finish.completion_tokens
        prompt = self._count(self._prompt) if prompt is None else prompt
        completion = self._count("".join(self._texts)) if completion is None else completion
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
