"""What a script can know of the request that it executes, through its logger."""

from __future__ import annotations

import json
import threading
from contextvars import ContextVar
from typing import Any, Optional, Protocol, Tuple

from ..util.logging import PrintLogger
from ..util.types import Request


class Client(Protocol):
    """Who waits for the answer to a request."""

    request_id: int

    def is_gone(self, request_id: int) -> bool:
        """Tell whether the client has left; False for a request that is not executed any more."""
        ...


#: The second line of INVOKE's metadata, and the client if it can be watched.
Current = Optional[Tuple[bytes, Optional[Client]]]
#: Of a task.
of_task: ContextVar[Current] = ContextVar("request", default=None)


class _Here(threading.local):
    """The request of a thread: quicker to set than a context variable."""

    request: Current = None


here = _Here()

#: In front of each line that belongs to a request, as ``\x1e[ID]\x1e`` or ``\x1e[ID TRACE_ID]\x1e``: the supervisor
#: takes it off. What a script prints itself hardly looks like it.
_MARK = "\x1e"


class ServedRequest(Request):
    """The request of an INVOKE frame."""

    def __init__(self, text: bytes, client: Client | None) -> None:
        values: dict[str, Any] = json.loads(text) if text else {}
        self.id = str(values.get("id", ""))
        self.traceparent = values.get("traceparent")
        self.tracestate = values.get("tracestate")
        self.custom_attributes = values.get("custom_attributes")
        self._client = client
        self._request_id = client.request_id if client is not None else 0

    @property
    def cancelled(self) -> bool:
        """Whether the client has left."""
        return self._client is not None and self._client.is_gone(self._request_id)

    @property
    def mark(self) -> str:
        """What tells the supervisor whose line it is."""
        trace = f" {self.traceparent[3:35]}" if self.traceparent is not None else ""
        return f"{_MARK}[{self.id}{trace}]{_MARK}"


class ServingLogger(PrintLogger):
    """Prints; the supervisor logs the lines with the id of their request."""

    @property
    def request(self) -> ServedRequest | None:
        """The request that is executed; None in ``load``, and in ``predict_batch``."""
        found = _current()
        return None if found is None else ServedRequest(*found)

    def write(self, text: str) -> None:
        """Print ``text`` with a mark in front of each of its lines."""
        super().write(marked(text))


def _current() -> Current:
    return of_task.get() or here.request


def marked(text: str) -> str:
    """Return ``text`` with a mark in front of each of its lines, if it is a request's."""
    found = _current()
    if found is None or not found[0] or not text:
        return text
    mark = ServedRequest(*found).mark
    return "".join(mark + line for line in text.splitlines(keepends=True))
