import assert from "node:assert/strict";
import { ProtobufTraceSerializer } from "../../../src/tracing/otlp.ts";
import { INTERNAL, type Origin, readable, SERVER, type Span } from "../../../src/tracing/span.ts";
import { SpanEncoder } from "../../../src/tracing/span_encoder.ts";

const ORIGIN = {
  resource: { attributes: { "service.name": "digits é", "process.pid": 4_194_304 } },
  instrumentationScope: { name: "aimodellib", version: "1.0.0" },
} as unknown as Origin;

const SPAN: Span = {
  name: "POST /invocations",
  kind: SERVER,
  trace: { traceId: "0af7651916cd43dd8448eb211c80319c" },
  id: "b7ad6b7169203331",
  parent: undefined,
  start: 1_700_000_000_000.5,
  end: 1_700_000_000_001.25,
  attributes: {
    "http.request.method": "POST",
    "url.path": "/invocations",
    "server.port": 8080,
    "http.request.body.size": 5_000_000_000,
    "http.response.status_code": 200,
  },
};

const error = (message: string, raised: boolean) => ({ error: { type: "ValueError", message, raised } });

/** Cases beside the one above, each with what is different. */
const CHANGES: readonly Partial<Span>[] = [
  {},
  { kind: INTERNAL, parent: "00000000000000ff", remote: false, attributes: {} },
  { parent: "00000000000000ff", remote: true },
  { trace: { traceId: "f".repeat(32), tracestate: "vendor=1,other=2" } },
  {
    attributes: {
      text: "",
      "é": "ü€😀\ud800",
      zero: 0,
      fraction: 0.125,
      tiny: 1e-9,
      large: 2 ** 53 - 1,
      byte: 127,
      two: 128,
    },
  },
  { attributes: { "user_agent.original": "a".repeat(127) } },
  { attributes: { "user_agent.original": "é".repeat(127) } },
  { attributes: { "user_agent.original": "a".repeat(128), path: "b".repeat(16_000) } },
  { attributes: { long: "é".repeat(10_000) } },
  error("on demand", true),
  error("", true),
  error("é".repeat(5000), true),
  error("timeout", false),
  { start: 0, end: 999.999999 },
  { start: 1_799_999_999_999.999, end: 4_294_967_295_999.5 },
  { start: 65_535_999.75, end: 65_536_000.25 },
];

Deno.test("SpanEncoder writes the same bytes as OpenTelemetry's serializer", () => {
  const encoder = new SpanEncoder(ORIGIN);
  const encode = (spans: readonly Span[]) => {
    for (const span of spans) encoder.add(span);
    assert.equal(encoder.count, spans.length);
    return encoder.take().encode().toHex();
  };
  const spans = CHANGES.map((change) => ({ ...SPAN, ...change }));
  const theirs = (spans: readonly Span[]) =>
    ProtobufTraceSerializer.serializeRequest(spans.map((span) => readable(span, ORIGIN)))!.toHex();
  for (const span of spans) {
    assert.equal(encode([span]), theirs([span]), JSON.stringify(span).slice(0, 300));
  }
  // Values that are kept from before, and batches that exceed the buffer.
  const all = Array.from({ length: 20 }, () => spans).flat();
  assert.equal(encode(all), theirs(all));
  assert.equal(encode([SPAN]), theirs([SPAN]));
  assert.equal(encode(Array(600).fill(SPAN)), theirs(Array(600).fill(SPAN)));
});
