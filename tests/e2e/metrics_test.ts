/** `/metrics`, as Prometheus' own parser reads it. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { imports } from "./support/needs.ts";
import { echo, py, ROOT, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import type { Server } from "./support/server.ts";

const PYTHON = `${TOOLS}/python`;
const HAS_PARSER = imports(PYTHON, "prometheus_client");
const READER = `${ROOT}/tests/e2e/support/read_metrics.py`;

type Sample = [type: string, name: string, labels: Record<string, string>, value: number];

/** The samples; a look-up of one by its name and labels. */
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
  // A worker that was replaced says what it has counted when it ends.
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
