import assert from "node:assert/strict";
import * as otlp from "../../../src/tracing/otlp.ts";
import { sender } from "../../../src/tracing/sender.ts";
import { type TracingSettings, tracingSettings } from "../../../src/tracing/settings.ts";
import { type Origin, readable, SERVER, type Span } from "../../../src/tracing/span.ts";
import { fakeEnv } from "../helper/env.ts";

const SPAN: Span = {
  name: "POST /invocations",
  kind: SERVER,
  trace: { traceId: "1".repeat(32) },
  id: "2".repeat(16),
  parent: undefined,
  start: 1_700_000_000_000.5,
  end: 1_700_000_000_001.25,
  attributes: {},
};
const ORIGIN = { resource: { attributes: {} }, instrumentationScope: { name: "test" } } as unknown as Origin;

/** A part of what is sent, as JSON. */
interface Sent {
  readonly resourceSpans: [{ readonly scopeSpans: [{ readonly spans: [Readonly<Record<string, string>>] }] }];
}

/** Sends two spans to a receiver that answers in turn, and returns what came of it. */
async function send(
  answers: readonly (() => Response | Promise<Response>)[],
  changes: Partial<TracingSettings> = {},
  signal = new AbortController().signal,
) {
  const requests: { path: string; body: unknown }[] = [];
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    requests.push({ path: new URL(request.url).pathname, body: await request.json() });
    return await answers[requests.length - 1]?.() ?? new Response("{}");
  });
  const settings = tracingSettings(
    fakeEnv({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    }),
    assert.fail,
  )!;
  const failures: string[] = [];
  const spans = [SPAN, SPAN].map((span) => readable(span, ORIGIN));
  const batch = { count: 2, encode: () => new Uint8Array(otlp.JsonTraceSerializer.serializeRequest(spans)!) };
  const accepted = await sender({ ...settings, ...changes }, otlp, (reason) => failures.push(reason))(batch, signal);
  return { accepted, failures, requests };
}

const status = (status: number, headers: HeadersInit = {}) => () => new Response("{}", { status, headers });

Deno.test("sender() sends spans, with times in ns", async () => {
  const { accepted, failures, requests } = await send([]);
  assert.deepEqual([accepted, failures, requests.length], [2, [], 1]);
  const { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] } = requests[0]!.body as Sent;
  assert.deepEqual([span.startTimeUnixNano, span.endTimeUnixNano], ["1700000000000500000", "1700000000001250000"]);
  assert.deepEqual([span.traceId, span.spanId, span.parentSpanId], [SPAN.trace.traceId, SPAN.id, undefined]);
});

Deno.test("sender() tries again after failures that may pass, and only after those", async () => {
  const again = { "retry-after": "0" };
  const { accepted, failures, requests } = await send([status(503, again), status(429, again)]);
  assert.deepEqual([accepted, failures, requests.length], [2, ["it answered 503", "it answered 429"], 3]);
  for (const final of [400, 401, 404, 500, 307]) {
    const { accepted, failures, requests } = await send([status(final, { location: "/elsewhere" })]);
    assert.deepEqual([accepted, failures, requests.length], [0, [`it answered ${final}`], 1]);
  }
});

Deno.test("sender() counts the spans that the receiver rejects", async () => {
  const partialSuccess = { rejectedSpans: "1", errorMessage: "too old" };
  const { accepted, failures } = await send([() => Response.json({ partialSuccess })]);
  assert.deepEqual([accepted, failures], [1, ["it rejected 1 of 2 spans: too old"]]);
  assert.equal((await send([() => new Response("what?")])).accepted, 2, "an answer that can't be read");
});

Deno.test("sender() reads no more of an endless answer than it needs", async () => {
  const endless = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(16_384)) }));
  assert.equal((await send([endless])).accepted, 2);
});

Deno.test("sender() gives up at the time limit of a batch, and when it is told to", async () => {
  const batches = { queueSize: 1, batchSize: 1, delayMs: 0, limitMs: 50 };
  const busy = status(503, { "retry-after": "3600" });
  assert.equal((await send([busy], { batches })).accepted, 0);
  const stop = new AbortController();
  const stopped = send(
    [() => {
      stop.abort();
      return busy();
    }],
    {},
    stop.signal,
  );
  assert.equal((await stopped).accepted, 0);
});

Deno.test("sender() refuses certificates that can't be used", () => {
  const settings = (tls: TracingSettings["tls"]) => ({
    ...tracingSettings(fakeEnv({ OTEL_TRACES_EXPORTER: "otlp" }), assert.fail)!,
    tls,
  });
  const make = (tls: TracingSettings["tls"]) => () => sender(settings(tls), otlp, assert.fail);
  assert.throws(
    make({ authorities: "/nonexistent/ca.pem" }),
    /certificate of the receiver '\/nonexistent\/ca.pem' can't be read/,
  );
  assert.throws(make({ cert: "/nonexistent/cert.pem" }), /must be set together/);
  assert.throws(make({ authorities: import.meta.filename! }), /is not a PEM file/);
});
