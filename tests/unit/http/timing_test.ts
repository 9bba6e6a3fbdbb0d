import assert from "node:assert/strict";
import { asksForTiming, timingOf } from "../../../src/http/timing.ts";
import { appWith } from "../helper/app.ts";
import { utf8 } from "../helper/bytes.ts";
import { FakePool } from "../helper/fake_pool.ts";

Deno.test("asksForTiming() finds the preference among others", () => {
  for (const value of ["server-timing", "a=1, Server-Timing", "server-timing;x, b"]) {
    assert.ok(asksForTiming(value), value);
  }
  for (const value of [null, "", "server-timings", "x server-timing", "a; server-timing"]) {
    assert.ok(!asksForTiming(value), String(value));
  }
});

Deno.test("timingOf() writes the stages that are known, in ms", () => {
  assert.equal(
    timingOf(1.5, [0.001, 0.25, 0], 260.12345),
    "queue;dur=1.5, deserialize;dur=1, predict;dur=250, serialize;dur=0, total;dur=260.123",
  );
  assert.equal(timingOf(0, undefined, 3), "queue;dur=0, total;dur=3");
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
