"""Passes requests through a script's functions, one at a time or in batches."""

from __future__ import annotations

import json
from time import perf_counter as now
from types import GeneratorType
from typing import Any, Callable, Iterable, Sequence, Tuple

from . import forks, frames, streams
from .answer import Answer, failed, raised
from .demands import BATCH, SERVE
from .failures import type_name
from .loader import adapt
from .outputs import NotOutputs, outputs_of
from .parts import Gone, Sender
from .payload import TooLarge, flat
from .request import here
from .times import Times

#: How many parsed metadata of requests, and encoded content types of answers, are cached.
MAX_CACHED = 256
#: How many items of a tuple a message lists.
MAX_SHOWN = 8

#: Metadata and body of a request.
Request = Tuple[bytes, bytes]
#: Like ``map``: calls a function for each item, maybe in several threads, and yields the results in order.
Each = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]


class _Item:
    """A request of a batch, between the functions of the script."""

    __slots__ = ("accepted", "context", "data", "failure", "reading", "timed", "writing", "written")

    def __init__(self, context: bytes, accepted: str, timed: bool) -> None:
        self.context = context
        self.accepted = accepted
        #: Whether the answer says how long each function took.
        self.timed = timed
        #: The input; after predict_batch, the output.
        self.data: Any = None
        #: The ERROR answer, if it has failed.
        self.failure: Answer | None = None
        #: How long deserialize and serialize took, in seconds.
        self.reading = self.writing = 0.0
        self.written = False


class Handler:
    """The functions of a script, adapted to one way of calling them."""

    def __init__(self, owner: Any, logger: dict[str, Any], max_body: int, *, to_end: bool = True) -> None:
        """Adapt the functions of ``owner``. If ``to_end`` is False, the caller awaits coroutines.

        Raises ScriptError if one of them can't be called.
        """
        self.model: Any = None
        self.times = Times()
        self._max_body = max_body
        self._deserialize, self._predict, self._serialize = (
            adapt(owner, demand, demand.passed, logger, to_end=to_end) for demand in SERVE[1:]
        )
        self._predict_batch: Callable[..., Any] | None = None
        if hasattr(owner, BATCH.name):
            self._predict_batch = adapt(owner, BATCH, BATCH.passed, logger)
        self._requests: dict[bytes, tuple[str, str]] = {}
        #: The metadata of requests that ask how long each function took. Few requests do.
        self._timed: set[bytes] = set()
        self._results: dict[str, bytes] = {}

    def invoke(self, metadata: bytes, body: bytes, sender: Sender | None = None) -> Answer:
        """Execute a request and return its answer. An exception of the script becomes an ERROR answer.

        If ``predict`` returns a generator, ``sender`` sends its items first; the answer then follows them.
        Raises ProtocolError if ``metadata`` can't be parsed.
        """
        headers, _, context = metadata.partition(b"\n")
        here.request = (context, sender)
        content_type, accepted = self._requests.get(headers) or self._headers(headers)
        stage = "deserialize"
        deserialized = predicted = start = now()
        try:
            data = self._deserialize(body, content_type)
            if forks.is_child:
                forks.leave()
            deserialized = now()
            stage = "predict"
            data = self._predict(data, self.model)
            if forks.is_child:
                forks.leave()
            predicted = now()
            if type(data) is GeneratorType and sender is not None:
                return sender.send(self.part, data, accepted)
            stage = "serialize"
            answer = self.answer(self._serialize(data, accepted), accepted)
            if forks.is_child:
                forks.leave()
            serialized = now()
            self.times.observe(start, deserialized, predicted, serialized)
            if self._timed and headers in self._timed:
                answer = with_times(answer, deserialized - start, predicted - deserialized, serialized - predicted)
        except Gone:
            return failed("cancelled", "The client has disconnected")
        except (frames.Closed, frames.ProtocolError):
            raise
        except BaseException as error:
            if forks.is_child:
                forks.leave(error)
            ended = now()
            answer = raised(stage, error)
            if self._timed and headers in self._timed:
                answer = with_times(answer, *times_until(stage, start, deserialized, predicted, ended))
        return answer

    def part(self, item: Any, accepted: str) -> Answer:
        """Serialize an item of an answer in parts. An exception of ``serialize`` becomes an ERROR answer."""
        try:
            return self.answer(forks.call(self._serialize, item, accepted), accepted)
        except BaseException as error:
            return raised("serialize", error)

    def invoke_batch(self, requests: Sequence[Request], each: Each = map) -> list[Answer]:
        """Execute requests as one batch, and return their answers in the same order.

        If ``predict_batch`` raises, each input is predicted alone: only a bad one then fails. An output that is an
        exception fails only its own request. ``each`` maps deserialize, and serialize, over the batch.
        Raises ProtocolError if metadata can't be parsed.
        """
        self.times.batches.observe(len(requests))
        items = list(each(self._read, requests))
        here.request = None
        read = [item for item in items if item.failure is None]
        start = now()
        if read:
            for item, (output, failure) in zip(read, self._predict_all([item.data for item in read])):
                item.data, item.failure = output, failure
        taken = now() - start
        answers = list(each(self._write, items))
        for index, item in enumerate(items):
            if item.written:
                self.times.observe(0, item.reading, item.reading + taken, item.reading + taken + item.writing)
                if item.timed:
                    answers[index] = with_times(answers[index], item.reading, taken, item.writing)
        return answers

    def _read(self, request: Request) -> _Item:
        """Deserialize the body of a request of a batch."""
        headers, _, context = request[0].partition(b"\n")
        here.request = (context, None)
        content_type, accepted = self._requests.get(headers) or self._headers(headers)
        item = _Item(context, accepted, headers in self._timed)
        start = now()
        try:
            item.data = forks.call(self._deserialize, request[1], content_type)
        except BaseException as error:
            item.failure = raised("deserialize", error)
        item.reading = now() - start
        return item

    def _write(self, item: _Item) -> Answer:
        """Serialize the output of a request of a batch, unless the request has failed; return its answer."""
        if item.failure is not None:
            return item.failure
        here.request = (item.context, None)
        start = now()
        try:
            kind, metadata, payload = self.answer(forks.call(self._serialize, item.data, item.accepted), item.accepted)
            # Copy it: the script may write its next answer into the same memory.
            payload = bytes(payload)
        except BaseException as error:
            return raised("serialize", error)
        item.writing, item.written = now() - start, True
        return kind, metadata, payload

    def _predict_all(self, inputs: list[Any]) -> list[tuple[Any, Answer | None]]:
        """Return an output or an ERROR answer for each input."""
        assert self._predict_batch is not None
        try:
            returned = forks.call(self._predict_batch, inputs[:], self.model)
            outputs = forks.call(outputs_of, returned, len(inputs))
        except NotOutputs as problem:
            return [(None, failed("bad_result", str(problem)))] * len(inputs)
        except BaseException as error:
            if len(inputs) == 1:
                return [(None, raised("predict_batch", error))]
            streams.print_line(
                f"predict_batch() raised {type_name(error)} for {len(inputs)} inputs: each is predicted alone"
            )
            return [self._predict_alone(data) for data in inputs]
        return [
            # type(), since an object can claim to be an exception through its __class__.
            (None, raised("predict_batch", output)) if issubclass(type(output), BaseException) else (output, None)
            for output in outputs
        ]

    def _predict_alone(self, data: Any) -> tuple[Any, Answer | None]:
        try:
            return forks.call(self._predict, data, self.model), None
        except BaseException as error:
            return None, raised("predict", error)

    def answer(self, result: object, accepted: str) -> Answer:
        """Return the answer for a result of ``serialize``. Raises what the object's buffer interface raises."""
        if result is None:
            return failed("not_acceptable", f"serialize() has no format that fits '{accepted}'")
        payload = content_type = None
        if isinstance(result, tuple) and len(result) == 2:
            first, content_type = result
            try:
                payload = flat(first, self._max_body) if isinstance(content_type, str) else None
            except TooLarge as error:
                return failed("too_large", str(error))
        if payload is None or content_type is None:
            message = f"serialize() must return (bytes, content type) or None; it returned {_describe(result)}"
            return failed("bad_result", message)
        metadata = self._results.get(content_type)
        if metadata is None:
            metadata = json.dumps({"content_type": content_type}).encode()
            if len(metadata) > frames.MAX_METADATA:
                message = f"serialize() returned a content type of {len(content_type)} characters"
                return failed("bad_result", message)
            if len(self._results) < MAX_CACHED:
                self._results[content_type] = metadata
        return frames.RESULT, metadata, payload

    def _headers(self, metadata: bytes) -> tuple[str, str]:
        parsed = frames.parse_object(metadata, "metadata")
        content_type = str(parsed.get("content_type", "application/octet-stream"))
        pair = (content_type, str(parsed.get("accept", "*/*")))
        if len(self._requests) < MAX_CACHED:
            self._requests[metadata] = pair
            if parsed.get("timing") is True:
                self._timed.add(metadata)
        return pair


#: How times follow the other metadata of an answer, by their number.
_TIMES = [b'%%s, "times": [%s]}' % b", ".join([b"%.6f"] * count) for count in range(4)]


def with_times(answer: Answer, *seconds: float) -> Answer:
    """Return an answer that says how long deserialize, predict and serialize took; the last is the one that failed."""
    kind, metadata, body = answer
    # The supervisor reads exactly this form without parsing it (answer_times.ts).
    longer = _TIMES[len(seconds)] % (metadata[:-1], *seconds)
    return (kind, longer, body) if len(longer) <= frames.MAX_METADATA else answer


def times_until(stage: str, start: float, deserialized: float, predicted: float, ended: float) -> tuple[float, ...]:
    """Return how long each function took up to the one that raised, from the times at which they began and ended."""
    if stage == "deserialize":
        return (ended - start,)
    if stage == "predict":
        return deserialized - start, ended - deserialized
    return deserialized - start, predicted - deserialized, ended - predicted


def _describe(result: object) -> str:
    if isinstance(result, tuple):
        shown = [type_name(item) for item in tuple.__iter__(result)][:MAX_SHOWN]
        return f"({', '.join(shown)}{', …' if tuple.__len__(result) > MAX_SHOWN else ''})"
    return type_name(result)
