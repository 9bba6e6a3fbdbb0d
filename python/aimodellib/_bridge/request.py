"""Gives a script access to the request that it executes, through its logger."""

from __future__ import annotations

import json
import os
import sys
import threading
from contextvars import ContextVar
from typing import Any, Callable, Optional, Protocol, Tuple, TypeVar

from ..util.logging import PrintLogger
from ..util.request import Headers, Query
from ..util.types import Request
from .head import parse_headers, parse_query


class Client(Protocol):
    """The client that waits for the answer to a request."""

    request_id: int

    def is_gone(self, request_id: int) -> bool:
        """Tell whether the client has disconnected; False if the request is no longer executed."""
        ...


#: The metadata of an INVOKE frame after its first line, and the client, unless it can't be watched.
Current = Optional[Tuple[bytes, Optional[Client]]]
#: The request that a task executes.
of_task: ContextVar[Current] = ContextVar("request", default=None)

Made = TypeVar("Made")


class _Here(threading.local):
    """The request that a thread executes. Setting this is faster than setting a context variable."""

    request: Current = None
    #: The letter of the level of the message that is logged now.
    level = "i"
    #: The request that the script asked for last, parsed.
    served: tuple[Current, ServedRequest] | None = None


here = _Here()

#: Encloses the mark in front of each line that belongs to a request, or whose level is not INFO:
#: ``\x1e[SECRET LEVEL]\x1e``, ``\x1e[SECRET LEVEL ID]\x1e`` or ``\x1e[SECRET LEVEL ID TRACE_ID]\x1e``.
#: The supervisor removes it.
_MARK = "\x1e"
#: The letters of the levels in marks.
_LEVELS = {"DEBUG": "d", "INFO": "i", "WARNING": "w", "ERROR": "e", "CRITICAL": "c"}


class _Marks:
    """The secret in our marks. Text that a client makes a script print does not contain it."""

    secret = ""


marks = _Marks()


class _Traces:
    """Whether the supervisor traces requests: the context of one that is not sampled then has no ``traceparent``."""

    on = False


traces = _Traces()


class ServedRequest(Request):
    """The request that an INVOKE frame carries."""

    def __init__(self, text: bytes, client: Client | None) -> None:
        context, _, self._head = text.partition(b"\n")
        values: dict[str, Any] = json.loads(context) if context else {}
        self.id = str(values.get("id", ""))
        known: str | None = values.get("traceparent")
        self.traceparent = unsampled() if known is None and traces.on else known
        self._trace_id = None if known is None else known[3:35]
        self.tracestate = values.get("tracestate")
        self.custom_attributes = values.get("custom_attributes")
        self._made: dict[str, Any] = {}
        self._client = client
        self._request_id = client.request_id if client is not None else 0

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self._target[0]

    @property
    def path(self) -> str:
        """The path as it was sent, without the query."""
        return self._target[1].partition("?")[0]

    @property
    def query(self) -> Query:
        """The parameters of the query string."""
        return self._parsed("query", lambda: parse_query(self._target[1].partition("?")[2]))

    @property
    def headers(self) -> Headers:
        """The request headers, with names in lower case."""
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
        """Whether the client has disconnected."""
        return self._client is not None and self._client.is_gone(self._request_id)

    @property
    def name(self) -> str:
        """The ids of the request in marks."""
        return self.id if self._trace_id is None else f"{self.id} {self._trace_id}"


def unsampled() -> str:
    """Return a ``traceparent`` that is not sampled.

    Its trace id has ``ffff`` where an SDK compares the id with a ratio: it does not sample the trace either.
    """
    digits = os.urandom(22).hex()
    return f"00-{digits[:16]}ffff{digits[16:28]}-{digits[28:]}-00"


class ServingLogger(PrintLogger):
    """Prints messages with marks, by which the supervisor logs them with their level and request id."""

    @property
    def request(self) -> ServedRequest | None:
        """The request that is being executed; None in ``load`` and ``predict_batch``."""
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
        """Print ``msgs`` with a mark for their level."""
        here.level = _LEVELS.get(str(level), "i")
        try:
            super().log(*msgs, sep=sep, end=end, level=level, time_fmt=time_fmt, flush=flush)
        finally:
            here.level = "i"

    def write(self, text: str) -> None:
        """Print ``text`` with a mark in front of each line, unless the script has redirected its output."""
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
    """Return ``text`` with a mark in front of each line, if it belongs to a request or its level is not INFO."""
    found = _current()
    known = found is not None and bool(found[0])
    if not text or not marks.secret or not (known or here.level != "i"):
        return text
    name = f" {_served(found).name}" if found is not None and known else ""
    mark = f"{_MARK}[{marks.secret} {here.level}{name}]{_MARK}"
    return "".join(mark + line for line in text.splitlines(keepends=True))


def _leads_out(stream: object) -> bool:
    """Tell whether ``stream`` leads to the supervisor, and was not redirected by the script.

    A script may answer with text that it has captured, and the secret must not be in it.
    """
    try:
        return stream.fileno() == 1  # type: ignore[attr-defined, no-any-return]
    except (AttributeError, OSError, ValueError, TypeError):
        return False
