import assert from "node:assert/strict";
import { PlainBatcher } from "../../../src/tracing/batches.ts";
import type { Span } from "../../../src/tracing/span.ts";
import { type SendBatch, SpanQueue } from "../../../src/tracing/span_queue.ts";

/** A request with a number of spans. */
const spans = (count: number) => ({
  spans: () => Array.from({ length: count }, (_, index) => ({ id: String(index) }) as Span),
});

/** A queue whose transfers a test ends. */
function queueOf(batches: { queueSize: number; batchSize: number; delayMs?: number }) {
  const sent: number[] = [];
  const ends: ((accepted: number) => void)[] = [];
  const failures: unknown[] = [];
  let dropped = 0;
  const send: SendBatch = (batch, signal) => {
    assert.equal(batch.encode().length, batch.count);
    sent.push(batch.count);
    const { promise, resolve } = Promise.withResolvers<number>();
    ends.push(resolve);
    signal.addEventListener("abort", () => resolve(0));
    return promise;
  };
  const queue = new SpanQueue({ delayMs: 60_000, limitMs: 1000, ...batches }, {
    batcher: new PlainBatcher((spans) => new Uint8Array(spans.length)),
    send,
    onDropped: () => dropped++,
    onFailed: (error) => failures.push(error),
  });
  return { queue, sent, ends, failures, dropped: () => dropped };
}

const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("SpanQueue drops and counts the spans that exceed its size", async () => {
  const { queue, sent, ends, dropped } = queueOf({ queueSize: 4, batchSize: 2 });
  queue.add(spans(7));
  assert.deepEqual([sent, dropped(), queue.counts.dropped], [[2], 3, 3]);
  queue.add(spans(3));
  assert.deepEqual([sent, queue.counts.dropped], [[2], 4], "one batch at a time");
  ends[0]!(2);
  await settled();
  ends[1]!(1);
  await settled();
  assert.deepEqual(sent, [2, 2, 2]);
  await queue.stop(AbortSignal.abort());
  assert.deepEqual(queue.counts, { exported: 3, dropped: 4, failed: 3 });
});

Deno.test("SpanQueue sends the rest in batches when it is stopped", async () => {
  const { queue, sent, ends } = queueOf({ queueSize: 100, batchSize: 3 });
  queue.add(spans(2));
  assert.deepEqual(sent, [], "it waits for others");
  const stopped = queue.stop(new AbortController().signal);
  assert.deepEqual(sent, [2]);
  ends[0]!(2);
  await stopped;
  assert.deepEqual(queue.counts, { exported: 2, dropped: 0, failed: 0 });
});

Deno.test("SpanQueue gives up when the signal is aborted, and counts what is left", async () => {
  const { queue } = queueOf({ queueSize: 100, batchSize: 2 });
  queue.add(spans(5));
  const limit = new AbortController();
  const stopped = queue.stop(limit.signal);
  limit.abort();
  await stopped;
  assert.deepEqual(queue.counts, { exported: 0, dropped: 3, failed: 2 });
});

Deno.test("SpanQueue sends what waits after the delay", async () => {
  const { queue, sent, ends } = queueOf({ queueSize: 100, batchSize: 10, delayMs: 0 });
  queue.add(spans(1));
  while (sent.length === 0) await settled();
  ends[0]!(1);
  await queue.stop(new AbortController().signal);
  assert.deepEqual(queue.counts, { exported: 1, dropped: 0, failed: 0 });
});

Deno.test("SpanQueue makes the spans of several requests at once, and none wait longer than the delay", async () => {
  const { queue, sent, ends } = queueOf({ queueSize: 1000, batchSize: 64, delayMs: 0 });
  let made = 0;
  const source = { spans: () => (made++, []) };
  for (let i = 0; i < 3; i++) queue.add(source);
  assert.equal(made, 0);
  queue.add(source);
  assert.equal(made, 4);
  queue.add(spans(2));
  while (sent.length === 0) await settled();
  // It arrives while a batch is being sent.
  queue.add(spans(1));
  ends[0]!(2);
  while (sent.length === 1) await settled();
  ends[1]!(1);
  queue.add(spans(3));
  const stopped = queue.stop(new AbortController().signal);
  while (sent.length === 2) await settled();
  ends[2]!(3);
  await stopped;
  assert.deepEqual([sent, queue.counts], [[2, 1, 3], { exported: 6, dropped: 0, failed: 0 }]);
});

Deno.test("SpanQueue sends a small batch as soon as it is whole", async () => {
  const { queue, sent } = queueOf({ queueSize: 1000, batchSize: 5 });
  queue.add(spans(5));
  assert.deepEqual(sent, [5]);
  await queue.stop(AbortSignal.abort());
});

Deno.test("SpanQueue counts spans that can't be made, and no request notices", async () => {
  const { queue, failures } = queueOf({ queueSize: 10, batchSize: 10 });
  queue.add({
    spans: () => {
      throw new RangeError("out of memory");
    },
  });
  queue.add(spans(1));
  assert.deepEqual([queue.counts, failures.map(String)], [
    { exported: 0, dropped: 0, failed: 1 },
    ["RangeError: out of memory"],
  ]);
  await queue.stop(AbortSignal.abort());
  assert.equal(queue.counts.dropped, 1);
});
