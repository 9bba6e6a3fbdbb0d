"""What a script can know of the request that it executes, through its logger."""

from __future__ import annotations

import json
import sys
import threading
from contextvars import ContextVar
from typing import Any, Callable, Optional, Protocol, Tuple, TypeVar

from ..util.logging import PrintLogger
from ..util.request import Headers, Query
from ..util.types import Request
from .head import parse_headers, parse_query


class Client(Protocol):
    """Who waits for the answer to a request."""

    request_id: int

    def is_gone(self, request_id: int) -> bool:
        """Tell whether the client has left; False for a request that is not executed any more."""
        ...


#: INVOKE's metadata behind its first line, and the client if it can be watched.
Current = Optional[Tuple[bytes, Optional[Client]]]
#: Of a task.
of_task: ContextVar[Current] = ContextVar("request", default=None)


Made = TypeVar("Made")


class _Here(threading.local):
    """The request of a thread: quicker to set than a context variable."""

    request: Current = None
    #: What marks have of the level of the message that is logged.
    level = "i"
    #: What was made of the request that the script asked for last.
    served: tuple[Current, ServedRequest] | None = None


here = _Here()

#: In front of each line that belongs to a request, or has another level than INFO, as ``\x1e[SECRET LEVEL]\x1e``,
#: ``\x1e[SECRET LEVEL ID]\x1e`` or ``\x1e[SECRET LEVEL ID TRACE_ID]\x1e``: the supervisor takes it off.
_MARK = "\x1e"
#: What marks call the levels.
_LEVELS = {"DEBUG": "d", "INFO": "i", "WARNING": "w", "ERROR": "e", "CRITICAL": "c"}


class _Marks:
    """What makes a mark one of ours. A text that somebody has a script print does not have the secret."""

    secret = ""


marks = _Marks()


class ServedRequest(Request):
    """The request of an INVOKE frame."""

    def __init__(self, text: bytes, client: Client | None) -> None:
        context, _, self._head = text.partition(b"\n")
        values: dict[str, Any] = json.loads(context) if context else {}
        self.id = str(values.get("id", ""))
        self.traceparent = values.get("traceparent")
        self.tracestate = values.get("tracestate")
        self.custom_attributes = values.get("custom_attributes")
        self._made: dict[str, Any] = {}
        self._client = client
        self._request_id = client.request_id if client is not None else 0

    @property
    def method(self) -> str:
        """What the request asks for."""
        return self._target[0]

    @property
    def path(self) -> str:
        """The path, as it was sent."""
        return self._target[1].partition("?")[0]

    @property
    def query(self) -> Query:
        """The parameters behind the path."""
        return self._parsed("query", lambda: parse_query(self._target[1].partition("?")[2]))

    @property
    def headers(self) -> Headers:
        """The headers."""
        return self._parsed("headers", lambda: parse_headers(self._head))

    @property
    def _target(self) -> tuple[str, str]:
        method, _, target = self._head.partition(b"\n")[0].decode().partition(" ")
        return method, target

    def _parsed(self, name: str, parse: Callable[[], Made]) -> Made:
        if name not in self._made:
            self._made[name] = parse()
        made: Made = self._made[name]
        return made

    @property
    def cancelled(self) -> bool:
        """Whether the client has left."""
        return self._client is not None and self._client.is_gone(self._request_id)

    @property
    def name(self) -> str:
        """What marks call it."""
        return self.id if self.traceparent is None else f"{self.id} {self.traceparent[3:35]}"


class ServingLogger(PrintLogger):
    """Prints; the supervisor logs the lines with their level and the id of their request."""

    @property
    def request(self) -> ServedRequest | None:
        """The request that is executed; None in ``load``, and in ``predict_batch``."""
        found = _current()
        return None if found is None else _served(found)

    def log(
        self,
        *msgs: object,
        sep: str = " ",
        end: str = "\n",
        level: str | None = None,
        time_fmt: str | None = None,
        flush: bool = False,
    ) -> None:
        """Print ``msgs``, marked with their level."""
        here.level = _LEVELS.get(str(level), "i")
        try:
            super().log(*msgs, sep=sep, end=end, level=level, time_fmt=time_fmt, flush=flush)
        finally:
            here.level = "i"

    def write(self, text: str) -> None:
        """Print ``text`` with a mark in front of each of its lines, unless the script keeps what it prints."""
        super().write(marked(text) if _leads_out(sys.stdout) else text)


def _current() -> Current:
    return of_task.get() or here.request


def _served(found: tuple[bytes, Client | None]) -> ServedRequest:
    before = here.served
    if before is not None and before[0] is found:
        return before[1]
    served = ServedRequest(*found)
    here.served = (found, served)
    return served


def marked(text: str) -> str:
    """Return ``text`` with a mark in front of each line, if it is a request's or has another level than INFO."""
    found = _current()
    known = found is not None and bool(found[0])
    if not text or not marks.secret or not (known or here.level != "i"):
        return text
    name = f" {_served(found).name}" if found is not None and known else ""
    mark = f"{_MARK}[{marks.secret} {here.level}{name}]{_MARK}"
    return "".join(mark + line for line in text.splitlines(keepends=True))


def _leads_out(stream: object) -> bool:
    """Tell whether what is written to ``stream`` goes to the supervisor: a script may have put another in its place.

    The secret must not get into a text that a script answers with.
    """
    try:
        return stream.fileno() == 1  # type: ignore[attr-defined, no-any-return]
    except (AttributeError, OSError, ValueError, TypeError):
        return False
