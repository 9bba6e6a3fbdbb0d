"""OpenAI's API for scripts that chat or embed, which ``serve`` answers below ``/v1``."""

from collections.abc import Callable
from typing import Any

__all__ = ["Api", "ApiError", "Finish"]

class Api:
    """The functions of a serving script that answers requests of OpenAI's API.

    ``chat(messages, model, ...)`` yields the pieces of its answer, or returns the answer: strings, messages with
    ``content`` or ``tool_calls``, and at the end, if it wants, a :class:`Finish`. ``embed(texts, model, ...)``
    returns a vector for each text. Both also get the request's parameters that their signatures name, such as
    ``temperature``, ``max_tokens``, ``stop`` and ``logger``, and may be ``async``. ``count_tokens(text, model)`` counts
    for ``usage``; without it, words are counted.
    """

    load: Callable[..., Any]
    predict: Callable[..., Any]
    openai_apis: tuple[str, ...]

    def __init__(
        self,
        load: Callable[..., Any],
        *,
        chat: Callable[..., Any] | None = None,
        embed: Callable[..., Any] | None = None,
        count_tokens: Callable[[str, Any], int] | None = None,
    ) -> None:
        """Raises TypeError if neither ``chat`` nor ``embed`` is given, or one of them can't be called."""

    def deserialize(self, data: bytes, content_type: str = "application/octet-stream", logger: Any = None) -> Any:
        """Read a request; its path, or else its members, tell what it asks for. Raises ApiError."""

    def serialize(self, data: Any, accepted: str = "*/*") -> tuple[bytes, str]:
        """Write an answer, or some events of a stream."""

class ApiError(Exception):
    """Says why a request can't be answered. ``serve`` answers with an error in the form of OpenAI's API.

    ``status`` is the HTTP status. ``param`` names the parameter of the request that is at fault, and ``code`` tells
    programs the reason, such as ``context_length_exceeded``.
    """

    status: int
    param: str | None
    code: str | None

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None: ...

class Finish:
    """The last thing that ``chat`` yields or returns, if it says why its answer ends, and how many tokens it took.

    ``reason`` is ``stop``, ``length``, ``content_filter`` or ``tool_calls``.
    """

    reason: str
    prompt_tokens: int | None
    completion_tokens: int | None

    def __init__(
        self,
        reason: str = "stop",
        *,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
    ) -> None: ...
