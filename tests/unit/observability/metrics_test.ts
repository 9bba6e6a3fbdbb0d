import assert from "node:assert/strict";
import { formatMetrics, Histogram, type Metric } from "../../../src/observability/metrics.ts";

Deno.test("Histogram counts a value in the first bucket whose limit it does not exceed", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0, 1, 1.5, 2, 2.1, 100]) histogram.observe(value);
  assert.deepEqual([...histogram.counts], [2, 2, 2]);
  assert.equal(histogram.sum, 106.6);
});

Deno.test("Histogram adds what another has counted since the last time", () => {
  const histogram = new Histogram([1, 2]);
  histogram.addSince([1, 2, 3, 10], undefined);
  histogram.addSince([2, 2, 5, 14.5], [1, 2, 3, 10]);
  histogram.addSince([], undefined);
  assert.deepEqual([...histogram.counts], [2, 2, 5]);
  assert.equal(histogram.sum, 14.5);
});

Deno.test("formatMetrics() writes help, type, escaped labels and cumulative buckets, as Prometheus expects, and leaves out what has no values", () => {
  const seconds = new Histogram([0.5, 1]);
  for (const value of [0.1, 0.7, 3]) seconds.observe(value);
  const metrics: Metric[] = [
    { name: "a_total", help: "Of a.", type: "counter", values: [[{ path: 'x"\\\n', status: 200 }, 3], [{}, 0.5]] },
    { name: "b_seconds", help: "Of b.", type: "histogram", values: [[{ stage: "s" }, seconds]] },
    { name: "c", help: "Of c.", type: "gauge", values: [] },
    { name: "d", help: "Of\nd \\.", type: "gauge", values: [[{}, Infinity], [{ a: 1 }, -Infinity], [{ a: 2 }, NaN]] },
    { name: "e", help: "Of e.", type: "histogram", values: [[{}, new Histogram([1])]] },
    { name: "f", help: "", type: "counter", values: [[{}, 0]] },
  ];
  assert.equal(
    formatMetrics(metrics),
    `# HELP a_total Of a.
# TYPE a_total counter
a_total{path="x\\"\\\\\\n",status="200"} 3
a_total 0.5
# HELP b_seconds Of b.
# TYPE b_seconds histogram
b_seconds_bucket{stage="s",le="0.5"} 1
b_seconds_bucket{stage="s",le="1"} 2
b_seconds_bucket{stage="s",le="+Inf"} 3
b_seconds_sum{stage="s"} 3.8
b_seconds_count{stage="s"} 3
# HELP d Of\\nd \\\\.
# TYPE d gauge
d +Inf
d{a="1"} -Inf
d{a="2"} NaN
# TYPE f counter
f 0
`,
  );
});
