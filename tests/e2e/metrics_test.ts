/** `/metrics`, as parsed by Prometheus' own parser. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { imports } from "./support/needs.ts";
import { echo, py, ROOT, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import type { Server } from "./support/server.ts";

const PYTHON = `${TOOLS}/python`;
const HAS_PARSER = imports(PYTHON, "prometheus_client");
const READER = `${ROOT}/tests/e2e/support/read_metrics.py`;

type Sample = [type: string, name: string, labels: Record<string, string>, value: number];

/** Returns a function that finds a sample by name and labels. */
async function scrape(box: Sandbox, server: Server) {
  const answer = await server.request("/metrics");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const { code, stdout, stderr } = await box.run([READER], { command: PYTHON, stdin: answer.text });
  assert.equal(code, 0, stderr);
  const samples: Sample[] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  return (name: string, labels: Record<string, string> = {}) =>
    samples.find(([, found, given]) =>
      found === name && Object.entries(labels).every(([label, value]) => given[label] === value)
    )?.[3];
}

const WORK = echo(py`
  import os, time
  def deserialize(data, content_type):
      if data == b"unreadable":
          raise ValueError("no")
      return data
  def predict(data, model):
      if data == b"exit":
          os._exit(3)
      time.sleep(0.02)
      return data
`);

test("metrics count requests, times of all stages, and workers", async (box) => {
  const server = await box.serve(WORK, { args: ["--port", "0", "--workers", "2"] });
  await until("both are ready", async () => JSON.parse((await server.request("/ping")).text).status === "ready");
  await Promise.all(Array.from({ length: 20 }, () => server.invoke("a")));
  for (let i = 0; i < 3; i++) await server.invoke("unreadable");
  await server.request("/nowhere");
  const value = await scrape(box, server);
  const route = { route: "/invocations" };
  assert.equal(value("aimodellib_requests_total", { ...route, status: "200" }), 20);
  assert.equal(value("aimodellib_requests_total", { ...route, status: "400" }), 3);
  assert.equal(value("aimodellib_requests_total", { route: "other", status: "404" }), 1);
  assert.equal(value("aimodellib_request_duration_seconds_count", route), 23);
  for (const [stage, count] of [["queue", 23], ["deserialize", 20], ["predict", 20], ["serialize", 20]] as const) {
    assert.equal(value("aimodellib_stage_duration_seconds_count", { stage }), count, stage);
  }
  const predicted = value("aimodellib_stage_duration_seconds_sum", { stage: "predict" })!;
  assert.ok(predicted >= 0.4 && predicted < 10, `${predicted} s in predict`);
  assert.ok(value("aimodellib_stage_duration_seconds_sum", { stage: "queue" })! > 0.02, "some waited");
  assert.equal(value("aimodellib_stage_duration_seconds_bucket", { stage: "predict", le: "0.01" }), 0);
  assert.equal(value("aimodellib_workers", { state: "ready" }), 2);
  assert.equal(value("aimodellib_requests_queued"), 0);
  assert.equal(value("aimodellib_requests_in_flight"), 1, "this one");
  assert.ok(value("aimodellib_worker_memory_bytes", { worker: "2" })! > 2 ** 20);
  assert.ok(value("aimodellib_worker_cpu_seconds", { worker: "1" })! > 0);
  assert.ok(value("process_resident_memory_bytes")! > 2 ** 20);
  assert.equal(value("aimodellib_build_info"), 1);
  await server.stop();
}, HAS_PARSER);

test("metrics stay correct when workers die and are replaced, and count the causes", async (box) => {
  const server = await box.serve(WORK);
  for (let i = 0; i < 3; i++) await server.invoke("a");
  await scrape(box, server);
  assert.equal((await server.invoke("exit")).status, 502);
  await until("another is ready", () => server.workersReady === 2);
  for (let i = 0; i < 2; i++) await server.invoke("a");
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(/INFO Reloaded$/);
  await server.invoke("a");
  const value = await scrape(box, server);
  assert.equal(value("aimodellib_worker_restarts_total", { cause: "exit" }), 1);
  assert.equal(value("aimodellib_worker_restarts_total", { cause: "replaced" }), 1);
  assert.equal(value("aimodellib_requests_total", { status: "502" }), 1);
  // A replaced worker reports its counts when it ends.
  assert.equal(value("aimodellib_stage_duration_seconds_count", { stage: "predict" }), 6);
  await server.stop();
}, HAS_PARSER);

for (
  const [how, script, args] of [
    ["batches", echo("def predict_batch(data, model): return data"), []],
    ["tasks", echo("async def predict(data, model): return data"), []],
    ["threads", echo(), ["--threads", "2"]],
  ] as const
) {
  test(`metrics count requests of ${how}, and a scrape does not wait for a busy worker`, async (box) => {
    const server = await box.serve(script, { args: ["--port", "0", ...args] });
    for (let i = 0; i < 5; i++) assert.equal((await server.invoke("a")).text, "a");
    const value = await scrape(box, server);
    for (const stage of ["deserialize", "predict", "serialize"]) {
      assert.equal(value("aimodellib_stage_duration_seconds_count", { stage }), 5, stage);
    }
    if (how === "batches") assert.equal(value("aimodellib_batch_size_sum"), 5);
    await server.stop();
  }, HAS_PARSER);
}

test("a scrape is answered while all workers are busy", async (box) => {
  const server = await box.serve(echo("import time\ndef predict(data, model):\n    time.sleep(3)\n    return data"));
  const slow = server.invoke("a");
  await until("it is executed", async () => (await scrape(box, server))("aimodellib_worker_requests") === 1);
  assert.equal((await slow).status, 200);
  await server.stop();
}, HAS_PARSER);

const COUNTING = echo(py`
  import os, threading
  from aimodellib.metrics import counter, gauge, histogram
  seen = counter("digits_seen", "Digits \\ that were\nseen", labels=["digit"])
  loaded = counter("loaded_total")
  process = gauge("newest_process", labels=["of"], aggregate="max")
  lengths = histogram("input_length", "Length of inputs", buckets=[1, 10])
  def load(model_dir):
      loaded.inc()
      process.set(os.getpid(), of="all")
      process.set(1, of='a"b\\c\nd')
  def predict(data, model):
      if data == b"exit":
          os._exit(3)
      seen.inc(digit=data.decode())
      lengths.observe(len(data))
      if data == b"fork":
          pid = os.fork()
          if pid == 0:
              seen.inc(100, digit="7")
              os._exit(0)
          os.waitpid(pid, 0)
      return data
`);

test("metrics of a script are summed over its workers, those that have died included", async (box) => {
  const server = await box.serve(COUNTING, { args: ["--port", "0", "--workers", "2"] });
  const pids = () => [...server.log.matchAll(/is ready \(process (\d+)\)/g)].map(([, pid]) => Number(pid));
  await until("both are ready", () => pids().length === 2);
  for (let i = 0; i < 10; i++) await server.invoke(String(i % 2));
  await server.invoke("fork");
  let value = await scrape(box, server);
  assert.equal(value("digits_seen_total", { digit: "0", model: "module-1" }), 5);
  assert.equal(value("digits_seen_total", { digit: "1" }), 5);
  assert.equal(value("digits_seen_total", { digit: "7" }), undefined, "of the forked process");
  assert.equal(value("loaded_total"), 2);
  assert.equal(value("input_length_bucket", { le: "1" }), 10);
  assert.equal(value("input_length_sum"), 14);
  assert.equal(value("newest_process", { of: "all" }), Math.max(...pids()));
  assert.equal(value("newest_process", { of: 'a"b\\c\nd' }), 1);
  assert.ok(value("aimodellib_worker_load_seconds", { worker: "2" })! > 0);
  const died = await server.invoke("exit");
  assert.equal(died.status, 502);
  await until("another is ready", () => pids().length === 3);
  await server.invoke("0");
  value = await scrape(box, server);
  assert.equal(value("digits_seen_total", { digit: "0" }), 6);
  assert.equal(value("loaded_total"), 3);
  assert.equal(value("newest_process", { of: "all" }), pids().at(-1));
  const starts = ["1", "2"].map((worker) => value("aimodellib_worker_starts_total", { worker })!);
  assert.deepEqual(starts.toSorted(), [1, 2]);
  await server.stop();
}, HAS_PARSER);

test("metrics of an idle server contain counters at 0 for alerts, and no others that have not counted", async (box) => {
  box.write({ "bin/nvidia-smi": '#!/bin/sh\necho "0, A100, 7, 1024, 81920"; echo "1, MIG, [N/A], [N/A], [N/A]"\n' });
  Deno.chmodSync(box.path("bin/nvidia-smi"), 0o755);
  const server = await box.serve(echo(), { env: { ...box.env, PATH: `${box.path("bin")}:${box.env["PATH"]}` } });
  const value = await scrape(box, server);
  for (const status of ["200", "500", "502", "503", "504"]) {
    assert.equal(value("aimodellib_requests_total", { route: "/invocations", status }), 0, status);
  }
  for (const cause of ["exit", "signal", "overran", "other", "replaced"]) {
    assert.equal(value("aimodellib_worker_restarts_total", { cause }), 0, cause);
  }
  assert.equal(value("aimodellib_request_duration_seconds_count"), undefined);
  assert.equal(value("aimodellib_stage_duration_seconds_count"), undefined);
  assert.equal(value("aimodellib_requests_total", { route: "/v2" }), undefined);
  assert.equal(value("aimodellib_gpu_memory_used_bytes", { gpu: "0" }), 2 ** 30);
  assert.equal(value("aimodellib_gpu_memory_total_bytes", { gpu: "0" }), 80 * 2 ** 30);
  assert.equal(value("aimodellib_gpu_memory_used_bytes", { gpu: "1" }), undefined);
  const lines = (await server.request("/metrics")).text.split("\n").filter((line) => !/^(#|$)/.test(line));
  assert.ok(lines.length < 60, `${lines.length} series`);
  await server.stop();
}, HAS_PARSER);
