import assert from "node:assert/strict";
import type { Outcome } from "../../../src/supervisor/mod.ts";
import { RequestRecording } from "../../../src/tracing/recording.ts";
import type { Span } from "../../../src/tracing/span.ts";
import { result } from "../helper/fake_pool.ts";

const PLACE = { traceId: "1".repeat(32), id: "2".repeat(16), parent: undefined };
const END = { describe: () => ({ name: "POST /invocations", attributes: {} }), status: 200 };

/** Records a request that asks a model for these outcomes, and ends with a status. */
function recorded(outcomes: readonly Outcome[], status = 200): Span[] {
  const spans: Span[] = [];
  const recording = new RequestRecording(PLACE, (ended) => spans.push(...ended.spans()));
  for (const outcome of outcomes) recording.ask().end(outcome, 0);
  recording.end({ ...END, status });
  return spans;
}

const brief = (spans: readonly Span[]) => spans.map(({ name, error }) => [name, error?.type]);

Deno.test("RequestRecording has a span for each stage whose time the worker reported", () => {
  const whole = { ...result("answer"), times: [0.001, 0.002, 0.003] } as Outcome;
  const spans = recorded([whole]);
  assert.deepEqual(brief(spans), [
    ["queue", undefined],
    ["deserialize", undefined],
    ["predict", undefined],
    ["serialize", undefined],
    ["POST /invocations", undefined],
  ]);
  for (const { parent, trace } of spans.slice(0, -1)) {
    assert.deepEqual([parent, trace.traceId], [PLACE.id, PLACE.traceId]);
  }
  // The others are made when the spans are sent: nothing refers to them.
  assert.deepEqual(spans.map(({ id }) => id !== undefined), [false, false, true, false, true]);
  assert.deepEqual(brief(recorded([result("answer")])), [["queue", undefined], ["POST /invocations", undefined]]);
});

Deno.test("RequestRecording keeps the stages within the request, whatever times a worker reports", () => {
  const times = [1e9, Number.NaN, -5, 1, Infinity];
  const spans = recorded([{ ...result("answer"), times } as Outcome]);
  const request = spans.at(-1)!;
  for (const { start, end, name } of spans) {
    assert.ok(start >= request.start && end >= start && end <= request.end, `${name}: ${start} to ${end}`);
  }
});

Deno.test("RequestRecording says why a request failed", () => {
  const cases: readonly (readonly [Outcome, number, string, string | undefined, string])[] = [
    [{ kind: "lost", cause: "signal SIGKILL" }, 502, "predict", "worker_died", "The worker ended (signal SIGKILL)"],
    [{ kind: "overran", limitMs: 1500 }, 504, "predict", "timeout", "It took longer than 1.5 s"],
    [{ kind: "refused", cause: "full" }, 503, "queue", "full", "No worker took it"],
    [{ kind: "refused", cause: "gone" }, 499, "queue", undefined, ""],
    [
      { kind: "error", error: { reason: "exception", stage: "predict_batch", type: "OSError", message: "disk" } },
      500,
      "predict",
      "OSError",
      "disk",
    ],
    [{ kind: "error", error: { reason: "bad_result", message: "no bytes" } }, 500, "predict", "bad_result", "no bytes"],
  ];
  for (const [outcome, status, stage, type, message] of cases) {
    const spans = recorded([outcome], status);
    const request = spans.at(-1)!;
    const failed = spans.at(-2)!;
    assert.deepEqual([failed.name, failed.error?.type, failed.error?.message ?? ""], [stage, type, message]);
    assert.equal(request.error?.type, type);
    assert.equal(request.error?.raised ?? false, false, "the event belongs to the stage");
    assert.equal(failed.error?.raised ?? false, type === "OSError");
  }
  assert.equal(recorded([], 503).at(-1)?.error?.type, "503", "refused before a model was asked");
  assert.equal(recorded([], 404).at(-1)?.error, undefined);
});

Deno.test("RequestRecording has a span for each stage up to the one that failed", () => {
  const error = {
    reason: "exception",
    stage: "predict",
    type: "OSError",
    message: "disk",
    times: [0.001, 0.002],
  } as const;
  assert.deepEqual(brief(recorded([{ kind: "error", error }], 500)), [
    ["queue", undefined],
    ["deserialize", undefined],
    ["predict", "OSError"],
    ["POST /invocations", "OSError"],
  ]);
});

Deno.test("RequestRecording records the first 32 executions of one request, and their number", () => {
  const spans = recorded(Array.from({ length: 40 }, () => ({ ...result("x"), times: [0, 0, 0] }) as Outcome));
  assert.equal(spans.length, 32 * 4 + 1);
  assert.equal(spans.at(-1)!.attributes["aimodellib.executions"], 40);
});

Deno.test("RequestRecording sends spans once, and ignores outcomes that come later", () => {
  const sent: number[] = [];
  const recording = new RequestRecording(PLACE, (ended) => sent.push(ended.spans().length));
  const asking = recording.ask();
  recording.end(END);
  asking.end(result("late"), 0);
  recording.end(END);
  assert.deepEqual(sent, [1]);
});

Deno.test("RequestRecording gives a script the span of predict, or of the function that failed before it", () => {
  const failed = (stage: string, times?: readonly number[]) =>
    ({ kind: "error", error: { reason: "exception", stage, type: "OSError", message: "disk", times } }) as Outcome;
  const cases: readonly (readonly [Outcome, string])[] = [
    [{ ...result("answer"), times: [0.001, 0.002, 0.003] } as Outcome, "predict"],
    [failed("deserialize", [0.001]), "deserialize"],
    [failed("predict", [0.001, 0.002]), "predict"],
    [failed("serialize", [0.001, 0.002, 0.003]), "predict"],
    [failed("deserialize"), "deserialize"],
    [{ kind: "lost", cause: "signal SIGKILL" }, "predict"],
  ];
  for (const [outcome, name] of cases) {
    const spans: Span[] = [];
    const recording = new RequestRecording(PLACE, (ended) => spans.push(...ended.spans()));
    const asking = recording.ask();
    asking.end(outcome, 0);
    recording.end(END);
    const { id } = spans.find((span) => span.name === name)!;
    assert.equal(asking.traceparent, `00-${PLACE.traceId}-${id}-01`);
  }
});

Deno.test("RequestRecording gives scripts the request's span for executions that it does not record", () => {
  const recording = new RequestRecording(PLACE, () => {});
  const seen = Array.from({ length: 33 }, () => recording.ask().traceparent);
  assert.equal(new Set(seen).size, 33);
  assert.equal(seen[32], `00-${PLACE.traceId}-${PLACE.id}-01`);
});
