"""``each_instance``: calls the ``predict`` of one instance for each instance of a request."""

from __future__ import annotations

import base64
import binascii
import functools
import inspect
from typing import Any, Callable, TypeVar, cast

from .._bridge.loader import is_async
from ._errors import InputError

#: Statuses that ask the client to send the request again.
RETRIED = (408, 425, 429)

Predict = TypeVar("Predict", bound=Callable[..., Any])


def each_instance(predict: Predict) -> Predict:
    """Make a ``predict`` of one instance answer requests of many as well: ``{"instances": [...], "parameters": ...}``.

    Vertex AI, KServe's V1 protocol and TensorFlow Serving send them. The result is ``{"predictions": [...]}``, with a
    prediction for each instance, in the same order. An instance that ``predict`` refuses with ``InputError``, or with
    another exception that chooses a status from 400 to 499, has ``{"error": {"status": ..., "message": ...}}`` in its
    place; any other exception ends the request. Any other input is passed to ``predict`` as it is.

    An instance ``{"b64": "..."}``, or a field of an instance, becomes bytes. A ``predict`` with an argument
    ``parameters`` gets those of the request, or else its default or ``None``.
    Raises TypeError for a generator function, whose results are sent one by one.
    """
    if inspect.isgeneratorfunction(predict) or inspect.isasyncgenfunction(predict):
        raise TypeError("each_instance can't be used for a predict that yields: its answers are streams")
    signature = inspect.signature(predict)
    wants_parameters = "parameters" in signature.parameters
    has_default = wants_parameters and signature.parameters["parameters"].default is not inspect.Parameter.empty
    without = {} if has_default or not wants_parameters else {"parameters": None}
    # Of a method in a class, the first argument is the object.
    place = 1 if next(iter(signature.parameters), "") == "self" else 0

    def split(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        data, given = args[place], {**without, **given}
        if not isinstance(data, dict) or "instances" not in data:
            return None, given
        if not isinstance(data["instances"], list):
            raise InputError("'instances' must be an array")
        if wants_parameters and data.get("parameters") is not None:
            given["parameters"] = data["parameters"]
        return data["instances"], given

    def replaced(args: tuple[Any, ...], instance: Any) -> tuple[Any, ...]:
        return (*args[:place], _decoded(instance), *args[place + 1 :])

    def at_once(*args: Any, **given: Any) -> Any:
        instances, given = split(args, given)
        if instances is None:
            return predict(*args, **given)
        predictions = []
        for instance in instances:
            try:
                predictions.append(predict(*replaced(args, instance), **given))
            except Exception as error:
                predictions.append(_explained(error))
        return {"predictions": predictions}

    async def awaited(*args: Any, **given: Any) -> Any:
        instances, given = split(args, given)
        if instances is None:
            return await predict(*args, **given)
        predictions = []
        for instance in instances:
            try:
                predictions.append(await predict(*replaced(args, instance), **given))
            except Exception as error:
                predictions.append(_explained(error))
        return {"predictions": predictions}

    wrapper = functools.wraps(predict)(awaited if is_async(predict) else at_once)
    others = [value for name, value in signature.parameters.items() if name != "parameters"]
    # The caller of scripts passes what the signature has, and parameters come from the request alone.
    wrapper.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
    return cast("Predict", wrapper)


def _explained(error: Exception) -> dict[str, Any]:
    """Return what stands in the place of a prediction; raises the error again if it is the script's own."""
    from aimodellib._bridge.statuses import status_of

    status = status_of(error).get("status", 500)
    if status < 500 and status not in RETRIED:
        return {"error": {"status": status, "message": str(error)}}
    raise error


def _decoded(value: Any, depth: int = 0) -> Any:
    """Replace ``{"b64": "..."}`` by its bytes. Raises InputError if it is not base64."""
    if not isinstance(value, dict):
        return value
    text = value.get("b64")
    if len(value) == 1 and isinstance(text, str):
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError(f"'b64' is not base64: {error}") from error
    return value if depth else {name: _decoded(item, 1) for name, item in value.items()}
