"""Answers to requests, as frames: their kind, metadata and body."""

from __future__ import annotations

import json
from typing import Tuple

from . import cuda, forks, frames
from .advice import advice_lines
from .failures import message_of, traceback_bytes, type_name
from .payload import Payload
from .statuses import status_of

#: The longest message of an exception in an answer, in characters. Even as JSON escapes, it fits in metadata.
MAX_MESSAGE = 4096

BROKEN = "CUDA does not work in its process any more: {}"

#: Kind, metadata and body of the frame that answers a request.
Answer = Tuple[int, bytes, Payload]


def raised(stage: str, error: BaseException) -> Answer:
    """Return the answer to a request for which a function of the script raised; its body is the traceback, with advice.

    Raises nothing, whatever ``error`` is.
    """
    why = cuda.broken()
    more = status_of(error)
    if why is not None:
        more["broken"] = BROKEN.format(why)
    kind, metadata, _ = failed("exception", message_of(error), stage=stage, type=type_name(error), **more)
    text = traceback_bytes(error) + advice_lines(error)
    # str() of an exception runs code of the script, which may have forked.
    if forks.is_child:
        forks.leave()
    return kind, metadata, text


def refused() -> Answer:
    """Return the answer to a request that was recalled, or that this worker does not begin: another one gets it."""
    why = cuda.watch.reason
    # Threads and tasks refuse requests before the answer that says why is ready.
    more = {} if why is None else {"broken": BROKEN.format(why)}
    return failed("recalled", "The request was recalled", **more)


def failed(reason: str, message: str, **more: object) -> Answer:
    """Return an ERROR answer with a reason that docs/protocol.md lists, and ``more`` fields of its metadata."""
    metadata = {"reason": reason, "message": message[:MAX_MESSAGE], **more}
    return frames.ERROR, json.dumps(metadata).encode(), b""
