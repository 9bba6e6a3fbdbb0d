"""Metrics of a script, which ``serve`` shows at ``/metrics`` for Prometheus."""

from collections.abc import Iterable
from contextlib import AbstractContextManager

__all__ = ["Counter", "Gauge", "Histogram", "counter", "gauge", "histogram"]

class Counter:
    """A number that only grows, such as of answers. All workers' are added, those of ended workers included."""

    def inc(self, amount: float = 1, /, **labels: object) -> None:
        """Add ``amount``, which may not be negative. Raises ValueError if it is, or for wrong labels."""

class Gauge:
    """A number that is set, such as the length of a list. Workers that have ended do not count."""

    def __init__(self, name: str, help: str, labels: tuple[str, ...], aggregate: str) -> None: ...
    def set(self, value: float, /, **labels: object) -> None:
        """Set the value. Raises ValueError for wrong labels."""

    def inc(self, amount: float = 1, /, **labels: object) -> None:
        """Add ``amount``. Raises ValueError for wrong labels."""

    def dec(self, amount: float = 1, /, **labels: object) -> None:
        """Subtract ``amount``. Raises ValueError for wrong labels."""

class Histogram:
    """Counts values in buckets, such as durations. All workers' are added, those of ended workers included."""

    def __init__(self, name: str, help: str, labels: tuple[str, ...], limits: tuple[float, ...]) -> None: ...
    def observe(self, value: float, /, **labels: object) -> None:
        """Count a value. NaN counts as above all limits. Raises ValueError for wrong labels."""

    def time(self, **labels: object) -> AbstractContextManager[None]:
        """Count the seconds that a ``with`` block takes, even if it raises."""

def counter(name: str, help: str = "", labels: Iterable[str] = ()) -> Counter:
    """Declare a number that only grows. Raises ValueError if Prometheus does not allow the name or a label."""

def gauge(name: str, help: str = "", labels: Iterable[str] = (), aggregate: str = "sum") -> Gauge:
    """Declare a number that is set; ``aggregate`` is ``sum``, ``max``, ``min`` or ``mean``, over the workers."""

def histogram(name: str, help: str = "", labels: Iterable[str] = (), buckets: Iterable[float] = ...) -> Histogram:
    """Declare a metric that counts values in buckets; ``buckets`` are their inclusive upper limits, ascending."""
