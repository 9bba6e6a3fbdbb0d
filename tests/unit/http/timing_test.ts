import assert from "node:assert/strict";
import type { Outcome } from "../../../src/supervisor/mod.ts";
import { asksForTiming, Timing } from "../../../src/http/timing.ts";
import { appWith } from "../helper/app.ts";
import { utf8 } from "../helper/bytes.ts";
import { FakePool, result } from "../helper/fake_pool.ts";
import { PartStream } from "../../../src/supervisor/part_stream.ts";

Deno.test("asksForTiming() finds the preference among others", () => {
  for (const value of ["server-timing", "a=1, Server-Timing", "server-timing;x, b"]) {
    assert.ok(asksForTiming(value), value);
  }
  for (const value of [null, "", "server-timings", "x server-timing", "a; server-timing"]) {
    assert.ok(!asksForTiming(value), String(value));
  }
});

Deno.test("Timing adds up the stages of several executions, and has the longest wait", () => {
  const timing = new Timing();
  assert.match(timing.headers()["server-timing"]!, /^queue;dur=0, total;dur=[\d.]+$/);
  timing.add({ kind: "error", error: { reason: "exception", message: "", times: [Number.NaN, 0.001] } }, 0);
  assert.match(timing.headers()["server-timing"]!, /^queue;dur=0, predict;dur=1, total;dur=[\d.]+$/);
  timing.add({ ...result("a"), times: [0.001, 0.25, 0] } as Outcome, 1.5);
  timing.add({ ...result("b"), times: [0.002, 0.25, 0.0005, 9] } as Outcome, 1);
  timing.add({ kind: "refused", cause: "full" }, 0);
  assert.match(
    timing.headers()["server-timing"]!,
    /^queue;dur=1\.5, deserialize;dur=3, predict;dur=501, serialize;dur=0\.5, total;dur=[\d.]+$/,
  );
});

Deno.test("POST /invocations answers with Server-Timing, and asks the worker for times, only if the request prefers it", async () => {
  const pool = new FakePool(() => ({
    kind: "result",
    contentType: "text/plain",
    body: utf8("answer"),
    times: [0.001, 0.002, 0.003],
  }));
  const app = appWith(pool);
  const plain = await app.request("/invocations", { method: "POST", body: "x" });
  assert.equal(plain.headers.get("server-timing"), null);
  const timed = await app.request("/invocations", { method: "POST", body: "x", headers: { prefer: "server-timing" } });
  assert.match(
    timed.headers.get("server-timing")!,
    /^queue;dur=0, deserialize;dur=1, predict;dur=2, serialize;dur=3, total;dur=[\d.]+$/,
  );
  assert.equal(timed.headers.get("preference-applied"), "server-timing");
  assert.deepEqual(pool.asked.map(({ metadata }) => (metadata as { timing?: boolean }).timing), [undefined, true]);
});

Deno.test("problems, streams and answers of the Open Inference Protocol have Server-Timing, if the request prefers it", async () => {
  const failed: Outcome = {
    kind: "error",
    error: { reason: "exception", stage: "predict", type: "OSError", message: "disk", times: [0.001, 0.002] },
  };
  const parts = new PartStream({ onTaken: () => {}, onGone: () => {} });
  parts.end();
  const outcomes: Outcome[] = [failed, { kind: "parts", contentType: "text/plain", parts }];
  const app = appWith(new FakePool(() => outcomes.shift()!));
  const timings = async (path: string, body: string) => {
    const answer = await app.request(path, { method: "POST", body, headers: { prefer: "server-timing" } });
    await answer.body?.cancel();
    return [answer.status, answer.headers.get("server-timing")?.replace(/[\d.]+$/, "N")];
  };
  assert.deepEqual(await timings("/invocations", "x"), [
    500,
    "queue;dur=0, deserialize;dur=1, predict;dur=2, total;dur=N",
  ]);
  assert.deepEqual(await timings("/invocations", "x"), [200, "queue;dur=0, total;dur=N"]);
  const input = {
    name: "a",
    datatype: "BYTES",
    shape: [2],
    data: ["x", "y"],
    parameters: { content_type: "text/plain" },
  };
  const v2 = JSON.stringify({ inputs: [input] });
  for (const times of [[0.001, 0.002, 0.003], [0.001, 0.004, 0.003]]) {
    outcomes.push({ ...result("answer"), times } as Outcome);
  }
  assert.deepEqual(await timings("/v2/models/digits/infer", v2), [
    200,
    "queue;dur=0, deserialize;dur=2, predict;dur=6, serialize;dur=6, total;dur=N",
  ]);
  outcomes.push(failed, failed);
  assert.deepEqual(await timings("/v2/models/digits/infer", v2), [
    500,
    "queue;dur=0, deserialize;dur=2, predict;dur=4, total;dur=N",
  ]);
});
