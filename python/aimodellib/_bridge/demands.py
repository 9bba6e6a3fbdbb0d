"""The functions that scripts define, and their arguments: one table for checking a script and for running it."""

from __future__ import annotations

from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Iterable, NamedTuple, Tuple

if TYPE_CHECKING:
    import inspect


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


#: The kinds of parameters, with the values of ``inspect``.
POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD, VAR_POSITIONAL, KEYWORD_ONLY, VAR_KEYWORD = range(5)

#: A parameter of a function: its name, its kind, and whether a call must fill it.
Parameter = Tuple[str, int, bool]

#: The names of the arguments that are passed as keywords: the positional ones among them, then the optional ones.
Fit = Tuple[Tuple[str, ...], Tuple[str, ...]]


def fit(parameters: list[Parameter], passed: tuple[str, ...], optional: Iterable[str]) -> Fit | None:
    """Return how a function with these parameters is called; None if it can't be.

    An optional argument is passed only if there is a parameter for it. The last positional one may be keyword-only, as
    in ``deserialize(data, *, content_type)``.
    """
    keywords = tuple(name for name in optional if _takes(parameters, name))
    for by_name in ((), passed[-1:]) if len(passed) > 1 else ((),):
        if _binds(parameters, len(passed) - len(by_name), by_name + keywords):
            return by_name, keywords
    return None


def takes_logger(owner: object) -> bool:
    """Tell whether a serving function of ``owner`` takes a logger, which gives access to the request."""
    functions = (getattr(owner, demand.name, None) for demand in (*SERVE, BATCH, METADATA))
    found = (parameters_of(function) for function in functions if function is not None)
    return any(_takes(parameters, "logger") for parameters in found if parameters is not None)


def parameters_of(function: Any) -> list[Parameter] | None:
    """Return the parameters of any callable, without that of a bound method for its object; None if it tells none."""
    plain = plain_function(function)
    skipped = 0 if plain is function else 1
    if plain is not None and plain.__code__.co_argcount >= skipped:
        return _parameters_of_code(plain)[skipped:]
    # Most scripts do without this import, which would be a seventh of a worker's start (`late.py`).
    import inspect

    try:
        return parameters_in(inspect.signature(function))
    except (TypeError, ValueError):
        return None


def plain_function(function: object) -> FunctionType | None:
    """Return a function, or that of a bound method, if its code alone says how it is called.

    A decorator may have left attributes that say otherwise, such as ``__wrapped__`` and ``__signature__``.
    """
    plain = function.__func__ if type(function) is MethodType else function
    if type(plain) is FunctionType and type(plain.__code__) is CodeType and not plain.__dict__:
        return plain
    return None


def parameters_in(signature: inspect.Signature) -> list[Parameter]:
    """Return the parameters of a signature."""
    return [
        (each.name, int(each.kind), each.default is each.empty and each.kind not in (VAR_POSITIONAL, VAR_KEYWORD))
        for each in signature.parameters.values()
    ]


def _parameters_of_code(function: FunctionType) -> list[Parameter]:
    code = function.__code__
    count, only = code.co_argcount, code.co_posonlyargcount
    required = count - len(function.__defaults__ or ())
    named = function.__kwdefaults__ or {}
    names = iter(code.co_varnames)
    found = [
        (next(names), POSITIONAL_ONLY if index < only else POSITIONAL_OR_KEYWORD, index < required)
        for index in range(count)
    ]
    by_name = [next(names) for _ in range(code.co_kwonlyargcount)]
    if code.co_flags & _VARARGS:
        found.append((next(names), VAR_POSITIONAL, False))
    found += [(name, KEYWORD_ONLY, name not in named) for name in by_name]
    if code.co_flags & _VARKEYWORDS:
        found.append((next(names), VAR_KEYWORD, False))
    return found


#: The flags of code that takes any positional arguments, and any keywords.
_VARARGS, _VARKEYWORDS = 0x04, 0x08


def _takes(parameters: list[Parameter], keyword: str) -> bool:
    for name, kind, _ in parameters:
        if name == keyword:
            return kind in (POSITIONAL_OR_KEYWORD, KEYWORD_ONLY)
    return any(kind == VAR_KEYWORD for _, kind, _ in parameters)


def _binds(parameters: list[Parameter], count: int, keywords: tuple[str, ...]) -> bool:
    """Tell whether a call can have so many positional arguments, and these keywords."""
    kinds = {kind for _, kind, _ in parameters}
    positional = [name for name, kind, _ in parameters if kind in (POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD)]
    if count > len(positional) and VAR_POSITIONAL not in kinds:
        return False
    filled = set(positional[:count])
    named = {name for name, kind, _ in parameters if kind in (POSITIONAL_OR_KEYWORD, KEYWORD_ONLY)}
    for keyword in keywords:
        if keyword in filled if keyword in named else VAR_KEYWORD not in kinds:
            return False
    filled |= named.intersection(keywords)
    return all(name in filled for name, _, needed in parameters if needed)
