import assert from "node:assert/strict";
import { Kind } from "../../../src/bridge/frame.ts";
import { ProtocolError } from "../../../src/errors.ts";
import { mergeMetrics } from "../../../src/observability/merge_metrics.ts";
import { formatMetrics, Histogram, type Metric } from "../../../src/observability/metrics.ts";
import { afterReport, type Gauge, type WorkerGauges } from "../../../src/supervisor/script_gauges.ts";
import { ScriptMetrics } from "../../../src/supervisor/script_metrics.ts";
import { type ScriptMetric, scriptMetricsIn } from "../../../src/supervisor/script_report.ts";
import { utf8 } from "../helper/bytes.ts";
import { CapturedLogs } from "../helper/logs.ts";

const RECORDED: { readonly frames: readonly { readonly name: string; readonly body: string }[] } = JSON.parse(
  Deno.readTextFileSync(new URL("../../fixtures/frames.json", import.meta.url)),
);

function parsed(body: Uint8Array<ArrayBuffer>): readonly ScriptMetric[] {
  return scriptMetricsIn({ kind: Kind.Stats, id: 0, metadata: utf8("{}"), body });
}

function counted(series: readonly [string, number][], more: Partial<ScriptMetric> = {}): ScriptMetric {
  const labelled = series.map(([value, count]) => [[value], count] as const);
  const metric = { name: "seen", help: "", type: "counter", labels: ["x"], overflowed: 0, series: labelled, ...more };
  return metric as ScriptMetric;
}

function observed(counts: readonly number[]): ScriptMetric {
  const series = [[["a"], counts] as const];
  return { name: "h", help: "", type: "histogram", labels: ["x"], overflowed: 0, limits: [1], series };
}

function gauge(aggregate: Gauge["aggregate"], series: Gauge["series"], more: Partial<Gauge> = {}): Gauge {
  return { name: "g", help: "", type: "gauge", labels: ["x"], aggregate, overflowed: 0, series, ...more };
}

/** Returns the lines of metrics without comments. */
function lines(metrics: readonly Metric[]): string[] {
  return formatMetrics(metrics).trim().split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

Deno.test("scriptMetricsIn() reads the recorded report", () => {
  const { body } = RECORDED.frames.find(({ name }) => name === "STATS with metrics of the script")!;
  assert.deepEqual(parsed(Uint8Array.fromHex(body)), [
    counted([["7", 3]], { name: "digits_seen", help: "Digits seen", labels: ["digit"] }),
    gauge("max", [[[], Infinity]], { name: "queue_length", labels: [] }),
    {
      name: "score",
      help: "",
      type: "histogram",
      labels: [],
      overflowed: 0,
      limits: [0.5, 1],
      series: [[[], [1, 0, 2, 4.5]]],
    },
  ]);
  assert.deepEqual(parsed(new Uint8Array(0)), []);
});

Deno.test("scriptMetricsIn() refuses what is not a report", () => {
  const good = counted([["a", 1]]);
  assert.deepEqual(parsed(utf8(JSON.stringify([good]))), [good]);
  for (
    const bad of [
      {},
      [1],
      [null],
      [{ ...good, name: "a b" }],
      [{ ...good, name: "aimodellib_requests_total" }],
      [{ ...good, help: 1 }],
      [{ ...good, labels: ["model"] }],
      [{ ...good, labels: ["__x"] }],
      [{ ...good, labels: [] }],
      [{ ...good, type: "summary" }],
      [{ ...good, series: [[["a"], "1"]] }],
      [{ ...good, series: {} }],
      [{ ...good, type: "gauge" }],
      [{ ...good, type: "histogram" }],
      [{ ...good, type: "histogram", limits: [1], series: [[["a"], [1, 2]]] }],
    ]
  ) {
    assert.throws(() => parsed(utf8(JSON.stringify(bad))), ProtocolError, JSON.stringify(bad));
  }
  assert.throws(() => parsed(utf8("[")), ProtocolError);
});

Deno.test("counters and histograms of all workers are added", () => {
  const metrics = new ScriptMetrics();
  metrics.add([counted([["a", 1], ["b", 2]])], 1);
  metrics.add([counted([["a", 3]])], 2);
  metrics.add([observed([1, 0, 0.5])], 1);
  metrics.add([observed([0, 2, 9])], 2);
  assert.deepEqual(lines(metrics.metrics([])), [
    'seen{x="a"} 4',
    'seen{x="b"} 2',
    'h_bucket{x="a",le="1"} 1',
    'h_bucket{x="a",le="+Inf"} 3',
    'h_sum{x="a"} 9.5',
    'h_count{x="a"} 3',
  ]);
});

Deno.test("gauges of the workers become one number, as each says", () => {
  const of = (aggregate: Gauge["aggregate"]) =>
    lines(
      new ScriptMetrics().metrics([
        { since: 1, gauges: [gauge(aggregate, [[["a"], 1], [["b"], 5]])] },
        { since: 2, gauges: [gauge(aggregate, [[["a"], 4]])] },
        { since: 3, gauges: [] },
      ]),
    );
  assert.deepEqual(of("sum"), ['g{x="a"} 5', 'g{x="b"} 5']);
  assert.deepEqual(of("max"), ['g{x="a"} 4', 'g{x="b"} 5']);
  assert.deepEqual(of("min"), ['g{x="a"} 1', 'g{x="b"} 5']);
  assert.deepEqual(of("mean"), ['g{x="a"} 2.5', 'g{x="b"} 5']);
});

Deno.test("afterReport() keeps the series of a gauge that have not changed", () => {
  const before = [gauge("sum", [[["a"], 1], [["b"], 2]])];
  assert.equal(afterReport(before, [counted([])]), before);
  assert.deepEqual(afterReport(before, [gauge("max", [[["b"], 3]])]), [gauge("max", [[["a"], 1], [["b"], 3]])]);
});

Deno.test("the definition of the worker that was started last counts, while one of before still reports", () => {
  const metrics = new ScriptMetrics();
  const other = (count: number) => counted([["a", count]], { labels: ["y"] });
  metrics.add([counted([["a", 1]])], 1);
  metrics.add([other(2)], 2);
  metrics.add([counted([["a", 1]])], 1);
  metrics.add([other(3)], 3);
  assert.deepEqual(lines(metrics.metrics([])), ['seen{y="a"} 5']);
  const now = [
    { since: 1, gauges: [gauge("sum", [[["a"], 1]], { name: "seen", labels: ["y"] })] },
    { since: 4, gauges: [gauge("sum", [[["a"], 8]], { name: "seen" })] },
  ];
  assert.deepEqual(lines(metrics.metrics(now)), ['seen{x="a"} 8']);
  assert.deepEqual(lines(metrics.metrics(now.slice(0, 1))), ['seen{y="a"} 5']);
});

Deno.test("series beyond the limit are counted in one, however many workers come and go", () => {
  using logs = new CapturedLogs();
  const metrics = new ScriptMetrics();
  for (let worker = 0; worker < 3; worker++) {
    metrics.add([counted(Array.from({ length: 500 }, (_, index) => [`${worker}-${index}`, 1]))], worker);
  }
  metrics.add([counted([["0-0", 1]], { overflowed: 4 })], 3);
  const [seen, overflows] = metrics.metrics([]);
  assert.equal(seen!.values.length, 1001);
  assert.deepEqual(seen!.values.at(-1), [{ x: "_other" }, 500]);
  assert.deepEqual(seen!.values[0], [{ x: "0-0" }, 2]);
  assert.deepEqual(overflows!.values, [[{ metric: "seen" }, 504]]);
  assert.equal(logs.lines.length, 1);
});

Deno.test("metrics beyond the limit are left out and counted", () => {
  using _ = new CapturedLogs();
  const metrics = new ScriptMetrics();
  for (let i = 0; i < 300; i++) metrics.add([counted([["a", 1]], { name: `m${i}` })], i);
  const all = metrics.metrics([]);
  assert.equal(all.length, 101);
  assert.deepEqual(all.at(-1)!.values.at(-1), [{ metric: "_other" }, 100]);
});

Deno.test("mergeMetrics() leaves out what Prometheus could not tell from a metric of another model", () => {
  const metric = (name: string, type: Metric["type"], value: number | Histogram = 1): Metric => ({
    name,
    help: "",
    type,
    values: [[{}, value]],
  });
  const left: string[] = [];
  const merged = mergeMetrics([
    { model: "a", metrics: [metric("m", "counter"), metric("h", "histogram", new Histogram([1]))] },
    { model: "b", metrics: [metric("m", "gauge"), metric("h_count", "counter"), metric("n", "counter")] },
    { model: "c", metrics: [metric("m", "counter", 2)] },
  ], (model, { name }) => left.push(`${model} ${name}`));
  assert.deepEqual(lines(merged), ['m{model="a"} 1', 'm{model="c"} 2', 'n{model="b"} 1']);
  assert.deepEqual(left, ["b m", "b h_count"]);
});

Deno.test("ScriptMetrics limits the text of all metrics together, and counts what exceeds it as _other", () => {
  using logs = new CapturedLogs();
  const metrics = new ScriptMetrics();
  const limits = Array.from({ length: 100 }, (_, i) => i);
  const counts = [1, ...Array(100).fill(0), 0];
  const report: ScriptMetric[] = Array.from({ length: 10 }, (_, i) => ({
    name: `h${i}`,
    help: "",
    type: "histogram",
    labels: ["x"],
    overflowed: 0,
    limits,
    series: Array.from({ length: 500 }, (_, j) => [["é".repeat(150) + j], counts] as const),
  }));
  metrics.add(report, 0);
  const text = formatMetrics(metrics.metrics([]));
  assert.ok(text.length < 18 * 2 ** 20, `${text.length}`);
  const values = [...text.matchAll(/^h\d_count\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  assert.equal(values.reduce((sum, value) => sum + value, 0), 5000, "Nothing is lost");
  assert.match(text, /^h9_count\{x="_other"\} 500$/m);
  assert.match(text, /^aimodellib_script_metric_overflows_total\{metric="h9"\} 500$/m);
  assert.match(logs.lines.join("\n"), /16 MiB of text at \/metrics/);
  // A metric that is declared differently makes room for its new series.
  metrics.add(report.map((metric) => ({ ...metric, limits: [1], series: [[["a"], [1, 0, 0]]] }) as ScriptMetric), 1);
  assert.match(formatMetrics(metrics.metrics([])), /^h9_count\{x="a"\} 1$/m);
});

Deno.test("ScriptMetrics limits the series and the text of gauges, whatever each worker has", () => {
  using logs = new CapturedLogs();
  const metrics = new ScriptMetrics();
  const worker = (number: number, names: readonly string[], text: string, count: number): WorkerGauges => ({
    since: 0,
    gauges: names.map((name) => ({
      name,
      help: "",
      type: "gauge",
      labels: ["x"],
      overflowed: 0,
      aggregate: "sum",
      series: Array.from({ length: count }, (_, i) => [[`${text}${number}-${i}`], 1] as const),
    })),
  });
  const short = [1, 2, 3].map((number) => worker(number, ["short"], "", 600));
  const [seen] = metrics.metrics(short);
  assert.equal(seen!.values.length, 1001);
  assert.deepEqual(seen!.values.at(-1), [{ x: "_other" }, 800], "nothing is lost");
  assert.deepEqual(logs.lines, []);

  const names = Array.from({ length: 10 }, (_, i) => `g${i}`);
  const text = formatMetrics(metrics.metrics([1, 2, 3].map((number) => worker(number, names, "é".repeat(9000), 100))));
  assert.ok(text.length < 17 * 2 ** 20, `${text.length}`);
  const values = [...text.matchAll(/^g\d\{.*\} (\d+)$/gm)].map(([, value]) => Number(value));
  assert.equal(values.reduce((sum, value) => sum + value, 0), 3000);
  assert.match(text, /^g9\{x="_other"\} 300$/m);
  assert.equal(logs.lines.length, 1);
});
