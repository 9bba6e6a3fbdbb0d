"""Serving: load the model once, then take requests through ``deserialize``, ``predict`` and ``serialize``."""

from __future__ import annotations

import gc
import json
import sys
from typing import TYPE_CHECKING, Any, Tuple, Union

from ..util.logging import PrintLogger
from ..util.types import InferenceModule
from . import frames, streams
from .demands import SERVE
from .loader import ScriptError, adapt, add_to_path, find_implementation, load_script
from .usage import Usage

if TYPE_CHECKING:
    from .worker import Link

#: How many different metadata texts of requests, and content types of answers, are kept parsed.
MAX_CACHED = 256
#: Characters of an exception's message that travel with an answer: as JSON escapes they still fit in metadata.
MAX_MESSAGE = 4096

#: Kind, metadata and body of the frame that answers a request.
Answer = Tuple[int, bytes, Union[bytes, bytearray, memoryview]]


def run(link: Link, config: dict[str, Any]) -> int:
    """Serve until the supervisor says STOP or closes the connection; return the exit code of the process."""
    sys.argv = [config["script"]]
    stage = "import"
    try:
        add_to_path(config["module"])
        module = load_script(config["module"], config["script"])
        stage = "check"
        owner = find_implementation(module, InferenceModule.demanded())
        logger = {"logger": PrintLogger()}
        load = adapt(owner, SERVE[0], SERVE[0].passed, logger)
        handler = Handler(owner, logger, config["max_body"])
        stage = "load"
        handler.model = load(config["model_dir"])
    except ScriptError as error:
        link.send(frames.FAILED, stage=stage, type="ScriptError", message=str(error))
        return 1
    except BaseException as error:
        streams.print_traceback(error)
        link.send(frames.FAILED, stage=stage, type=type(error).__name__, message=str(error))
        return 1
    # What the model is made of stays: the collector of cycles need not walk through it again and again.
    gc.freeze()
    streams.flush()
    link.send(frames.READY)
    return _serve(link, handler)


def _serve(link: Link, handler: Handler) -> int:
    ledger = link.ledger
    usage = Usage(link)
    usage.tell()
    read, invoke, begin, answer = link.reader.read, handler.invoke, ledger.begin, ledger.answer
    while True:
        try:
            received = read()
        except frames.Closed:
            return 0
        for kind, request_id, metadata, body in received:
            if kind == frames.INVOKE:
                begin(request_id)
                answer_kind, answer_metadata, answer_body = invoke(metadata, body)
                answer(answer_kind, request_id, answer_metadata, answer_body)
            elif kind == frames.STOP:
                ledger.flush()
                return 0
            else:
                raise frames.ProtocolError(f"A frame of kind {kind} is not for a serving worker")
        ledger.flush()
        usage.tell()


class Handler:
    """Takes one request through a script's functions."""

    def __init__(self, owner: Any, logger: dict[str, Any], max_body: int) -> None:
        """Adapt the functions of ``owner``. Raises ScriptError if one of them can't be called."""
        self.model: Any = None
        self._max_body = max_body
        self._deserialize, self._predict, self._serialize = (
            adapt(owner, demand, demand.passed, logger) for demand in SERVE[1:]
        )
        self._requests: dict[bytes, tuple[str, str]] = {}
        self._results: dict[str, bytes] = {}

    def invoke(self, metadata: bytes, body: bytes) -> Answer:
        """Return the answer's kind, metadata and body. Whatever the script raises becomes an ERROR answer.

        Raises ProtocolError if ``metadata`` does not parse.
        """
        content_type, accepted = self._requests.get(metadata) or self._parse(metadata)
        stage = "deserialize"
        try:
            data = self._deserialize(body, content_type)
            stage = "predict"
            data = self._predict(data, self.model)
            stage = "serialize"
            result = self._serialize(data, accepted)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            streams.print_traceback(error)
            return _error("exception", str(error), stage=stage, type=type(error).__name__)
        if result is None:
            return _error("not_acceptable", f"serialize() has no format that fits '{accepted}'")
        return self._answer(result)

    def _answer(self, result: object) -> Answer:
        if not (
            isinstance(result, tuple)
            and len(result) == 2
            and isinstance(result[0], (bytes, bytearray, memoryview))
            and isinstance(result[1], str)
        ):
            message = f"serialize() must return (bytes, content type) or None; it returned {_describe(result)}"
            streams.print_line(message)
            return _error("bad_result", message)
        payload, content_type = result
        if len(payload) > self._max_body:
            message = f"The answer of {len(payload)} bytes is over the limit of {self._max_body}"
            streams.print_line(message)
            return _error("too_large", message)
        metadata = self._results.get(content_type)
        if metadata is None:
            metadata = json.dumps({"content_type": content_type}).encode()
            if len(metadata) > frames.MAX_METADATA:
                message = f"serialize() returned a content type of {len(content_type)} characters"
                streams.print_line(message)
                return _error("bad_result", message)
            if len(self._results) < MAX_CACHED:
                self._results[content_type] = metadata
        return frames.RESULT, metadata, payload

    def _parse(self, metadata: bytes) -> tuple[str, str]:
        parsed = frames.parse_object(metadata, "metadata")
        content_type = str(parsed.get("content_type", "application/octet-stream"))
        pair = (content_type, str(parsed.get("accept", "*/*")))
        if len(self._requests) < MAX_CACHED:
            self._requests[metadata] = pair
        return pair


def _error(reason: str, message: str, **more: str) -> Answer:
    metadata = {"reason": reason, "message": message[:MAX_MESSAGE], **more}
    return frames.ERROR, json.dumps(metadata).encode(), b""


def _describe(result: object) -> str:
    if isinstance(result, tuple):
        return f"({', '.join(type(item).__name__ for item in result)})"
    return type(result).__name__
