"""Declares metrics, and reports what they have counted."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Callable, Iterable, TypeVar

from .._bridge.times import SECONDS
from ._family import LOCK, MAX_METRICS, Family
from ._kinds import Counter, Gauge, Histogram

#: The longest name of a metric or a label, and the longest help text, in characters.
_MAX_NAME = 200
_MAX_HELP = 1000
_MAX_LABELS = 10
_MAX_BUCKETS = 100

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
#: Prefixes of the metrics that the server has itself.
_RESERVED = ("aimodellib_", "process_")
_AGGREGATES = ("sum", "max", "min", "mean")

#: All metrics of this process, by their names.
_families: dict[str, Family[Any]] = {}

F = TypeVar("F", bound=Family[Any])


def counter(name: str, help: str = "", labels: Iterable[str] = ()) -> Counter:
    """Declare a number that only grows: ``counter("answers_total").inc()``.

    With ``labels``, each call names a value of each label, and each combination of values is counted apart: up to 1,000
    of a metric; what exceeds them is counted with the value ``_other``.

    Raises ValueError if Prometheus does not allow the name or a label, or the name is declared as another metric.
    """
    return _declare(Counter(_name(name), help[:_MAX_HELP], _labels(name, labels)))


def gauge(name: str, help: str = "", labels: Iterable[str] = (), aggregate: str = "sum") -> Gauge:
    """Declare a number that is set: ``gauge("cache_entries").set(len(cache))``.

    ``aggregate`` makes one number of those of several workers: ``sum``, ``max``, ``min`` or ``mean``.
    Raises ValueError as :func:`counter` does.
    """
    if aggregate not in _AGGREGATES:
        raise ValueError(f"The gauge '{name}' can't have aggregate={aggregate!r}, only {', '.join(_AGGREGATES)}")
    return _declare(Gauge(_name(name), help[:_MAX_HELP], _labels(name, labels), aggregate))


def histogram(
    name: str, help: str = "", labels: Iterable[str] = (), buckets: Iterable[float] = tuple(SECONDS)
) -> Histogram:
    """Declare a metric that counts values in buckets: ``histogram("score", buckets=[0.5, 0.9, 0.99]).observe(0.7)``.

    ``buckets`` are their inclusive upper limits, in ascending order; the default is for seconds, from 0.1 ms to a
    minute. Values above all limits are counted as well. Raises ValueError as :func:`counter` does.
    """
    names = _labels(name, labels)
    if "le" in names:
        raise ValueError(f"The histogram '{name}' can't have a label 'le': Prometheus uses it for the buckets")
    return _declare(Histogram(_name(name), help[:_MAX_HELP], names, _limits(name, buckets)))


def declared(kind: str, *args: Any) -> Family[Any]:
    """Declare a metric that comes from a pickle, and return it. Raises ValueError as :func:`counter` does."""
    declare: dict[str, Callable[..., Family[Any]]] = {"counter": counter, "gauge": gauge, "histogram": histogram}
    return declare[kind](*args)


def _declare(family: F) -> F:
    with LOCK:
        known = _families.get(family.name)
        if known is None:
            _check_new(family)
            _families[family.name] = family
            if isinstance(family, Counter) and not family.labels:
                # A counter that is there from the beginning shows its first increase.
                family.inc(0)
            return family
        if isinstance(known, type(family)) and known._definition() == family._definition():
            return known
        raise ValueError(f"The {family._type} '{family.name}' is already declared, as {_describe(known)}")


def _check_new(family: Family[Any]) -> None:
    """Raise ValueError if there are too many metrics, or a histogram and another metric would have the same series."""
    if len(_families) >= MAX_METRICS:
        raise ValueError(
            f"The {family._type} '{family.name}' can't be declared: a script has at most {MAX_METRICS} metrics. "
            "Declare them once, when the script is imported, and use labels for what differs between requests"
        )
    shown = _shown(family)
    for known in _families.values():
        if not shown.isdisjoint(_shown(known)):
            raise ValueError(
                f"The {family._type} '{family.name}' would have series of the {known._type} '{known.name}'"
            )


def _shown(family: Family[Any]) -> set[str]:
    """Return the names of a metric's series."""
    endings = ("", "_bucket", "_sum", "_count") if isinstance(family, Histogram) else ("",)
    return {family.name + ending for ending in endings}


def _describe(family: Family[Any]) -> str:
    details = "".join(f", {name} {value}" for name, value in family._details().items())
    return f"a {family._type} with the labels {list(family.labels)}{details}"


def _name(name: str) -> str:
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise ValueError(
            f"Prometheus allows no metric '{name[:_MAX_NAME]}': a name has letters, digits, '_' and ':', does not "
            f"begin with a digit, and has at most {_MAX_NAME} characters"
        )
    if name.startswith(_RESERVED):
        raise ValueError(f"The metric '{name}' needs another name: {' and '.join(_RESERVED)} begin the server's own")
    return name


def _labels(metric: str, labels: Iterable[str]) -> tuple[str, ...]:
    if isinstance(labels, str):
        raise ValueError(f"The labels of '{metric}' are a list: labels=[{labels!r}]")
    names = tuple(labels)
    for name in names:
        if len(name) > _MAX_NAME or not _LABEL.fullmatch(name) or name.startswith("__"):
            raise ValueError(
                f"Prometheus allows no label '{name[:_MAX_NAME]}' of '{metric}': a name has letters, digits and '_', "
                "and does not begin with a digit or '__'"
            )
        if name == "model":
            raise ValueError(f"The metric '{metric}' can't have a label 'model': the server adds it to each metric")
    if len(set(names)) < len(names) or len(names) > _MAX_LABELS:
        raise ValueError(f"The metric '{metric}' must have different labels, at most {_MAX_LABELS}: {', '.join(names)}")
    return names


def _limits(name: str, buckets: Iterable[float]) -> tuple[float, ...]:
    limits = tuple(float(limit) for limit in buckets)
    if limits and limits[-1] == math.inf:
        limits = limits[:-1]
    ascending = all(low < high for low, high in zip(limits, limits[1:]))
    if not limits or not ascending or not all(map(math.isfinite, limits)) or len(limits) > _MAX_BUCKETS:
        raise ValueError(f"The buckets of '{name}' must be 1 to {_MAX_BUCKETS} numbers in ascending order: {limits}")
    return limits


def take_report() -> bytes:
    """Return what has changed since the last call, as the body of a STATS frame; empty if nothing has."""
    report = []
    with LOCK:
        for family in _families.values():
            if not family.changed and not family.overflowed:
                continue
            report.append(
                {
                    "name": family.name,
                    "help": family.help,
                    "type": family._type,
                    "labels": family.labels,
                    **family._details(),
                    "overflowed": family.overflowed,
                    "series": [[series.key, family._sample(series)] for series in family.changed],
                }
            )
            for series in family.changed:
                series.changed = False
            family.changed = []
            family.overflowed = 0
    return json.dumps(report, separators=(",", ":")).encode() if report else b""
