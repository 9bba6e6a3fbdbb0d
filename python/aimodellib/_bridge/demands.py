"""The functions that scripts define, and their arguments: one table for checking a script and for running it."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any, Iterable, NamedTuple, Tuple


class Demand(NamedTuple):
    """A function that a script must, or may, define."""

    name: str
    #: The names of the positional arguments that it is called with.
    passed: tuple[str, ...]
    #: The names of the keyword arguments that it gets if its signature has them.
    optional: tuple[str, ...]
    #: The signature that an error message shows.
    usage: str


TRAIN = (
    Demand(
        "train",
        ("model_dir",),
        ("tensor_board_enabled", "tensor_board_dir", "logger"),
        "train(model_dir, *args, tensor_board_enabled=False, tensor_board_dir='logs', logger=None)",
    ),
)

SERVE = (
    Demand("load", ("model_dir",), ("logger",), "load(model_dir, logger=None)"),
    Demand(
        "deserialize",
        ("data", "content_type"),
        ("logger",),
        "deserialize(data, content_type='application/octet-stream', logger=None)",
    ),
    Demand("predict", ("data", "model"), ("logger",), "predict(data, model, logger=None)"),
    Demand("serialize", ("data", "accepted"), ("logger",), "serialize(data, accepted='*/*', logger=None)"),
)

#: The optional functions of a serving script.
BATCH = Demand("predict_batch", ("data", "model"), ("logger",), "predict_batch(data, model, logger=None)")
METADATA = Demand("v2_metadata", ("model",), ("logger",), "v2_metadata(model)")


#: The names of the arguments that are passed as keywords: the positional ones among them, then the optional ones.
Fit = Tuple[Tuple[str, ...], Tuple[str, ...]]


def fit(signature: inspect.Signature, passed: tuple[str, ...], optional: Iterable[str]) -> Fit | None:
    """Return how a function with this signature is called; None if it can't be.

    An optional argument is passed only if the signature has it. The last positional one may be keyword-only, as in
    ``deserialize(data, *, content_type)``.
    """
    keywords = tuple(name for name in optional if _takes(signature, name))
    for by_name in ((), passed[-1:]) if len(passed) > 1 else ((),):
        if _binds(signature, passed[: len(passed) - len(by_name)], by_name + keywords):
            return by_name, keywords
    return None


def takes_logger(owner: object) -> bool:
    """Tell whether a serving function of ``owner`` takes a logger, which gives access to the request."""
    for demand in (*SERVE, BATCH, METADATA):
        with contextlib.suppress(TypeError, ValueError):
            if _takes(inspect.signature(getattr(owner, demand.name, None)), "logger"):  # type: ignore[arg-type]
                return True
    return False


def _takes(signature: inspect.Signature, keyword: str) -> bool:
    parameter = signature.parameters.get(keyword)
    if parameter is not None:
        return parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    return any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())


def _binds(signature: inspect.Signature, positional: tuple[Any, ...], keywords: tuple[str, ...]) -> bool:
    try:
        signature.bind(*positional, **dict.fromkeys(keywords))
    except TypeError:
        return False
    return True
