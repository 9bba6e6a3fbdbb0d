"""The three kinds of metrics."""

from __future__ import annotations

import contextlib
import math
import time
from bisect import bisect_left
from typing import Any, Iterator

from ._family import LOCK, Family, Key, Series


class Counter(Family[Series]):
    """A number that only grows, such as of answers. All workers' are added, those of ended workers included."""

    _type = "counter"

    def inc(self, amount: float = 1, /, **labels: object) -> None:
        """Add ``amount``, which may not be negative. Raises ValueError if it is, or for wrong labels."""
        added = float(amount)
        if not added >= 0:
            raise ValueError(f"The counter '{self.name}' only grows: {amount!r} can't be added")
        with LOCK:
            self._at(labels).value += added

    def _sample(self, series: Series) -> object:
        """Return what was counted since the last report."""
        value, series.value = series.value, 0.0
        return number(value)

    def _new(self, key: Key) -> Series:
        return Series(key)


class Gauge(Family[Series]):
    """A number that is set, such as the length of a list. Workers that have ended do not count."""

    _type = "gauge"

    def __init__(self, name: str, help: str, labels: Key, aggregate: str) -> None:
        super().__init__(name, help, labels)
        self._aggregate = aggregate

    def set(self, value: float, /, **labels: object) -> None:
        """Set the value. Raises ValueError for wrong labels."""
        new = float(value)
        with LOCK:
            self._at(labels).value = new

    def inc(self, amount: float = 1, /, **labels: object) -> None:
        """Add ``amount``. Raises ValueError for wrong labels."""
        added = float(amount)
        with LOCK:
            self._at(labels).value += added

    def dec(self, amount: float = 1, /, **labels: object) -> None:
        """Subtract ``amount``. Raises ValueError for wrong labels."""
        self.inc(-float(amount), **labels)

    def _definition(self) -> tuple[Any, ...]:
        """Return what two declarations of the same metric must agree on."""
        return (*super()._definition(), self._aggregate)

    def _details(self) -> dict[str, object]:
        """Return how values of several workers become one."""
        return {"aggregate": self._aggregate}

    def _sample(self, series: Series) -> object:
        """Return the current value."""
        return number(series.value)

    def _new(self, key: Key) -> Series:
        return Series(key)


class Buckets(Series):
    """Counts of values by buckets, the last of which has those above all limits; ``value`` is the sum of the values."""

    __slots__ = ("counts",)

    def __init__(self, key: Key, buckets: int) -> None:
        super().__init__(key)
        self.counts = [0] * buckets


class Histogram(Family[Buckets]):
    """Counts values in buckets, such as durations. All workers' are added, those of ended workers included."""

    _type = "histogram"

    def __init__(self, name: str, help: str, labels: Key, limits: tuple[float, ...]) -> None:
        super().__init__(name, help, labels)
        self._limits = limits

    def observe(self, value: float, /, **labels: object) -> None:
        """Count a value. NaN counts as above all limits. Raises ValueError for wrong labels."""
        seen = float(value)
        bucket = len(self._limits) if math.isnan(seen) else bisect_left(self._limits, seen)
        with LOCK:
            series = self._at(labels)
            series.counts[bucket] += 1
            # One infinite value would make every later sum infinite.
            if math.isfinite(seen):
                series.value += seen

    @contextlib.contextmanager
    def time(self, **labels: object) -> Iterator[None]:
        """Count the seconds that a ``with`` block takes, even if it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - start, **labels)

    def _definition(self) -> tuple[Any, ...]:
        """Return what two declarations of the same metric must agree on."""
        return (*super()._definition(), self._limits)

    def _details(self) -> dict[str, object]:
        """Return the upper limits of the buckets."""
        return {"limits": self._limits}

    def _sample(self, series: Buckets) -> object:
        """Return the counts since the last report, followed by the sum."""
        sample = [*series.counts, number(series.value)]
        series.counts = [0] * len(series.counts)
        series.value = 0.0
        return sample

    def _new(self, key: Key) -> Buckets:
        return Buckets(key, len(self._limits) + 1)


def number(value: float) -> object:
    """Return a number as JSON can have it: NaN and infinite numbers as text that JavaScript's Number() reads."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
