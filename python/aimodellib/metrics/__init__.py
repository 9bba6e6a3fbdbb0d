"""Metrics of a script, which ``serve`` shows at ``/metrics`` for Prometheus.

    from aimodellib.metrics import counter

    seen = counter("digits_seen", "Digits that were recognised.", labels=["digit"])

    def predict(data, model):
        digit = model(data)
        seen.inc(digit=digit)
        return digit

Counting adds to a number in this process, and takes about a microsecond. ``serve`` collects the numbers of all its
workers when somebody reads ``/metrics``, and about once a second. Elsewhere, such as in ``train``, nobody reads them.
All functions may be called from any thread and any task.
"""

from ._declare import counter, gauge, histogram
from ._kinds import Counter, Gauge, Histogram

__all__ = ["Counter", "Gauge", "Histogram", "counter", "gauge", "histogram"]
