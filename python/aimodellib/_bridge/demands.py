"""What a script's functions are called with: one table for the check of a script and for its run."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any, Iterable, NamedTuple, Tuple


class Demand(NamedTuple):
    """A function that a script must have, or may."""

    name: str
    #: The names of the positional arguments that it is called with.
    passed: tuple[str, ...]
    #: Those that it is called with, as keywords, if it takes them.
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

#: What a serving script may have.
BATCH = Demand("predict_batch", ("data", "model"), ("logger",), "predict_batch(data, model, logger=None)")
METADATA = Demand("v2_metadata", ("model",), ("logger",), "v2_metadata(model)")


#: The names of the arguments that are handed over as keywords: of the positional ones, and of the optional ones.
Fit = Tuple[Tuple[str, ...], Tuple[str, ...]]


def fit(signature: inspect.Signature, passed: tuple[str, ...], optional: Iterable[str]) -> Fit | None:
    """Find out how a function of this signature is called; None if it can't be.

    An optional argument is handed over only if it is taken, and the last positional one may be a keyword-only one, as
    in ``deserialize(data, *, content_type)``.
    """
    keywords = tuple(name for name in optional if _takes(signature, name))
    for by_name in ((), passed[-1:]) if len(passed) > 1 else ((),):
        if _binds(signature, passed[: len(passed) - len(by_name)], by_name + keywords):
            return by_name, keywords
    return None


def takes_logger(owner: object) -> bool:
    """Tell whether one of the functions of ``owner`` that serve is given a logger, which knows the request."""
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
