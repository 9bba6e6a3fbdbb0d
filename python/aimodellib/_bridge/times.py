"""Measures how long the functions of a script take, and how large batches are, for STATS frames."""

from __future__ import annotations

from bisect import bisect_left

#: Upper limits of the buckets, in seconds; `src/observability/metrics.ts` has the same.
SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
#: Upper limits of the buckets for batches, in requests.
SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


class Histogram:
    """Counts values in buckets, each with an inclusive upper limit, and values above all limits."""

    def __init__(self, limits: list[float]) -> None:
        self._limits = limits
        self.counts = [0] * (len(limits) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Add a value."""
        self.counts[bisect_left(self._limits, value)] += 1
        self.sum += value


class Times:
    """The histograms of one process, since its start."""

    def __init__(self) -> None:
        self.deserialize = Histogram(SECONDS)
        self.predict = Histogram(SECONDS)
        self.serialize = Histogram(SECONDS)
        self.batches = Histogram(list(map(float, SIZES)))

    def observe(self, start: float, deserialized: float, predicted: float, serialized: float) -> None:
        """Add a request: the times, by ``perf_counter``, at which each function began or ended."""
        self.deserialize.observe(deserialized - start)
        self.predict.observe(predicted - deserialized)
        self.serialize.observe(serialized - predicted)
