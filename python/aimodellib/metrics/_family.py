"""What all kinds of metrics share: a name, label names, and a series of values for each combination of label values."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Generic, Mapping, Tuple, TypeVar

#: The most metrics of a process, and the most series of a metric. `src/supervisor/script_metrics.ts` has the same.
MAX_METRICS = 100
MAX_SERIES = 1000
#: The longest label value, in characters. Longer ones are cut.
MAX_VALUE = 200
#: When a metric has MAX_SERIES series, further label values are counted in one series whose labels have this value.
OTHER = "_other"

#: Held while a value is read or written. A signal handler may count as well, and interrupts a thread that holds it.
LOCK = threading.RLock()

if hasattr(os, "register_at_fork"):
    # A forked process would wait forever for a lock that another thread of its parent holds.
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


class Series:
    """The value of one combination of label values."""

    __slots__ = ("changed", "key", "value")

    def __init__(self, key: tuple[str, ...]) -> None:
        self.key = key
        self.value: float = 0.0
        #: Whether it is in Family.changed.
        self.changed = False


S = TypeVar("S", bound=Series)
Key = Tuple[str, ...]


class Family(Generic[S]):
    """A metric. ``_type`` is its type in Prometheus: ``counter``, ``gauge`` or ``histogram``."""

    _type = ""

    def __init__(self, name: str, help: str, labels: Key) -> None:
        self.name = name
        self.help = help
        self.labels = labels
        #: What was counted since the last report.
        self.changed: list[S] = []
        #: How often a value went to the series OTHER since the last report.
        self.overflowed = 0
        self._series: dict[Key, S] = {}
        self._warned = False

    def _definition(self) -> tuple[Any, ...]:
        """Return what two declarations of the same metric must agree on."""
        return (self._type, self.labels)

    def _sample(self, series: S) -> object:
        """Return the value of a series for a report, as JSON. A counter starts again at 0."""
        raise NotImplementedError

    def _details(self) -> dict[str, object]:
        """Return what a report says of this kind of metric in addition, as JSON."""
        return {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a pickle, or a copy, the metric of that name in its process: a second object would count apart."""
        from ._declare import declared

        return declared, (self._type, self.name, self.help, self.labels, *self._details().values())

    def _new(self, key: Key) -> S:
        raise NotImplementedError

    def _at(self, labels: Mapping[str, object]) -> S:
        """Return the series of label values, which is about to change. Call it with the lock held."""
        names = self.labels
        if len(labels) != len(names):
            raise self._wrong(labels)
        try:
            key = tuple([str(labels[name]) for name in names]) if names else ()
        except KeyError:
            raise self._wrong(labels) from None
        series = self._series.get(key) or self._add(key)
        if not series.changed:
            series.changed = True
            self.changed.append(series)
        return series

    def _add(self, key: Key) -> S:
        key = tuple(map(_clean, key))
        series = self._series.get(key)
        if series is not None:
            return series
        if len(self._series) >= MAX_SERIES:
            self.overflowed += 1
            self._warn()
            key = (OTHER,) * len(key)
            if key in self._series:
                return self._series[key]
        series = self._series[key] = self._new(key)
        return series

    def _wrong(self, labels: Mapping[str, object]) -> ValueError:
        wanted = ", ".join(self.labels) or "no labels"
        given = ", ".join(labels) or "none"
        return ValueError(f"The {self._type} '{self.name}' has the labels: {wanted}; the call has: {given}")

    def _warn(self) -> None:
        if self._warned:
            return
        self._warned = True
        print(
            f"The {self._type} '{self.name}' has {MAX_SERIES} series. What has other label values is counted with the "
            f"value {OTHER}. Labels should have few values: no ids, and no texts of clients.",
            file=sys.stderr,
        )


def _clean(value: str) -> str:
    """Return a label value as UTF-8 can encode it, and not too long."""
    value = value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
