"""How long the functions of a script take, and how large batches are: what STATS frames tell."""

from __future__ import annotations

from bisect import bisect_left

#: Upper limits of the buckets, in seconds; `src/observability/metrics.ts` has the same.
SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
#: Of batches, in requests.
SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


class Histogram:
    """Counts values by buckets, each with an upper limit that belongs to it, and those above all limits."""

    def __init__(self, limits: list[float]) -> None:
        self._limits = limits
        self.counts = [0] * (len(limits) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self._limits, value)] += 1
        self.sum += value


class Times:
    """How long the functions of the script took, since this process began."""

    def __init__(self) -> None:
        self.deserialize = Histogram(SECONDS)
        self.predict = Histogram(SECONDS)
        self.serialize = Histogram(SECONDS)
        self.batches = Histogram(list(map(float, SIZES)))

    def observe(self, start: float, deserialized: float, predicted: float, serialized: float) -> None:
        """Count a request, by when each function began and ended: times of ``perf_counter``."""
        self.deserialize.observe(deserialized - start)
        self.predict.observe(predicted - deserialized)
        self.serialize.observe(serialized - predicted)
