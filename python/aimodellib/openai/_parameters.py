"""Reads the parameters of requests, and passes to the script's function those that it takes."""

from __future__ import annotations

import inspect
import json
import math
from typing import Any, Callable, Mapping

from .._bridge.loader import is_async, streams_async
from ._errors import ApiError, invalid

#: The ranges of parameters that are numbers, and whether they must be integers.
_NUMBERS: dict[str, tuple[float, float, bool]] = {
    "temperature": (0, 2, False),
    "top_p": (0, 1, False),
    "frequency_penalty": (-2, 2, False),
    "presence_penalty": (-2, 2, False),
    "max_tokens": (1, math.inf, True),
    "max_completion_tokens": (1, math.inf, True),
    "n": (1, 128, True),
    "seed": (-math.inf, math.inf, True),
    "dimensions": (1, math.inf, True),
}
#: Parameters that :class:`Api` handles itself.
_OURS = ("messages", "input", "model", "stream", "stream_options", "encoding_format")
#: The most stop sequences.
_MAX_STOPS = 4


def parse(data: bytes) -> dict[str, Any]:
    """Return the parameters in a body, checked, without those that are null. Raises ApiError."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ApiError(f"The body is not JSON: {error}", code="invalid_json") from None
    if not isinstance(found, dict):
        raise ApiError("The body must be a JSON object", code="invalid_json")
    given = {name: value for name, value in found.items() if value is not None}
    for name, (least, most, whole) in _NUMBERS.items():
        if name in given and not _is_number(given[name], least, most, whole):
            raise invalid(name, _range(least, most, whole))
    if not isinstance(given.get("model", ""), str):
        raise invalid("model", "the name of a model")
    if not isinstance(given.get("stream", False), bool):
        raise invalid("stream", "true or false")
    if not isinstance(given.get("stream_options", {}), dict):
        raise invalid("stream_options", "an object")
    if "stop" in given:
        given["stop"] = _stops(given["stop"])
    # The newer name of the same limit.
    if "max_completion_tokens" in given:
        given["max_tokens"] = given["max_completion_tokens"]
    return given


def _is_number(value: object, least: float, most: float, whole: bool) -> bool:
    kinds = (int,) if whole else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most


def _range(least: float, most: float, whole: bool) -> str:
    kind = "an integer" if whole else "a number"
    if least == -math.inf:
        return kind
    return f"{kind} of at least {least:g}" if most == math.inf else f"{kind} from {least:g} to {most:g}"


def _stops(value: object) -> list[str]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > _MAX_STOPS or not all(isinstance(stop, str) for stop in stops):
        raise invalid("stop", f"a string, or a list of at most {_MAX_STOPS} strings")
    return stops


class Function:
    """A function of the script, which gets the parameters of a request that its signature names."""

    def __init__(self, function: Callable[..., Any], usage: str) -> None:
        """Check that ``function`` can be called as ``usage``. Raises TypeError."""
        self._function = function
        parameters = list(inspect.signature(function).parameters.values())
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if len(positional) < 2 and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            name = getattr(function, "__name__", repr(function))
            raise TypeError(f"{name}{inspect.signature(function)} must be callable as {usage}")
        more = positional[2:] + [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        #: Whether each named parameter must be passed.
        self._named = {p.name: p.default is p.empty for p in more}
        self._all = any(p.kind is p.VAR_KEYWORD for p in parameters)
        #: Names of arguments that a request's parameter of that name would be a second value of.
        self._taken = {p.name for p in positional[:2] if p.kind is p.POSITIONAL_OR_KEYWORD}
        if inspect.ismethod(function):
            self._taken.update(list(inspect.signature(function.__func__).parameters)[:1])
        self.is_async = is_async(function) or streams_async(function)

    def takes(self, name: str) -> bool:
        """Tell whether the function gets the parameter ``name``."""
        return self._all or name in self._named

    def _is_own(self, name: str) -> bool:
        return name in _OURS or name in self._taken

    def call(self, first: Any, model: Any, given: Mapping[str, Any], logger: Any) -> Any:
        """Call the function. A parameter without a default that the request lacks is None."""
        passed = {name: given.get(name) for name, needed in self._named.items() if needed or name in given}
        if self._all:
            passed.update((name, value) for name, value in given.items() if not self._is_own(name))
        if "logger" in self._named:
            passed["logger"] = logger
        return self._function(first, model, **passed)
