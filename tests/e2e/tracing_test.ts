/** Traces of requests, as a receiver gets them that decodes the messages of OpenTelemetry's protocol. */

import assert from "node:assert/strict";
import { certificate, HAS_OPENSSL } from "./support/certificate.ts";
import { LONG, until, within } from "./support/limits.ts";
import { imports } from "./support/needs.ts";
import type { Program } from "./support/program.ts";
import { freePort } from "./support/port.ts";
import { echo, py, ROOT, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import type { Server } from "./support/server.ts";

const PYTHON = `${TOOLS}/python`;
const DECODES = imports(PYTHON, "opentelemetry.proto.collector.trace.v1.trace_service_pb2");
const SDK_THERE = imports(PYTHON, "opentelemetry.exporter.otlp.proto.http.trace_exporter");

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENT = "b7ad6b7169203331";

/** Answers with the trace that it sees, or as the body says. */
const SCRIPT = echo(py`
  import json, time
  def deserialize(data, content_type="", logger=None):
      if data == b"unreadable":
          raise KeyError("missing")
      return data
  def predict(data, model, logger=None):
      if data.startswith(b"parts"):
          def parts():
              yield b"a"
              time.sleep(0.02)
              if data == b"parts that fail":
                  raise RuntimeError("in the middle")
              yield b"b"
          return parts()
      if data == b"fail":
          raise ValueError("on demand")
      time.sleep(0.02)
      return json.dumps([logger.request.traceparent, logger.request.tracestate]).encode()
`);

/** A span, as `otlp_receiver.py` prints it. Times are in ns. */
interface Span {
  readonly scope: string;
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  readonly state: string;
  readonly name: string;
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly (readonly [string, Readonly<Record<string, unknown>>])[];
  readonly status: readonly [code: number, message: string];
}

interface Received {
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly resources: readonly Readonly<Record<string, unknown>>[];
  readonly spans: readonly Span[];
}

/** A receiver that runs. */
class Receiver {
  private constructor(readonly program: Program, readonly url: string) {}

  static async start(box: Sandbox): Promise<Receiver> {
    const program = box.start([`${ROOT}/tests/e2e/support/otlp_receiver.py`], { command: PYTHON });
    const [, port] = await program.stdout.waitFor(/^(\d+)$/);
    return new Receiver(program, `http://127.0.0.1:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }

  get received(): Received[] {
    return this.program.stdout.lines.slice(1).map((line) => JSON.parse(line));
  }

  get spans(): Span[] {
    return this.received.filter(({ status }) => status === 200).flatMap(({ spans }) => spans);
  }

  /** Waits for the span of a request, and returns it with its children in order. */
  async spansOf(id: string): Promise<readonly [request: Span, children: readonly Span[]]> {
    const find = () => this.spans.find(({ attributes }) => attributes["aimodellib.request_id"] === id);
    await until(`the span of ${id} arrives`, () => find() !== undefined);
    const request = find()!;
    const children = this.spans.filter(({ parent }) => parent === request.id);
    return [request, children.toSorted((a, b) => a.start - b.start || a.end - b.end)];
  }
}

const names = (spans: readonly Span[]) => spans.map(({ name }) => name);

const parentOf = (trace: string, flags = "01") => ({ traceparent: `00-${trace}-${CLIENT}-${flags}` });

async function ask(server: Server, id: string, body: string, headers: Record<string, string> = {}) {
  return await server.invoke(body, { "x-request-id": id, ...headers });
}

test("each request has a span with its stages, which joins the client's trace and which scripts join", async (box) => {
  await using receiver = await Receiver.start(box);
  const server = await box.serve(SCRIPT, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_SERVICE_NAME: "digits service",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.name=other",
      OTEL_BSP_SCHEDULE_DELAY: "20",
      // Telemetry of the runtime itself must not mix with ours.
      OTEL_DENO: "true",
    },
  });
  const answer = await ask(server, "joins", "hello", { ...parentOf(TRACE), tracestate: "vendor=1" });
  const [request, children] = await receiver.spansOf("joins");
  assert.deepEqual([request.trace, request.parent, request.state], [TRACE, CLIENT, "vendor=1"]);
  assert.deepEqual([request.name, request.kind, request.status], ["POST /invocations", "SPAN_KIND_SERVER", [0, ""]]);
  assert.equal(request.scope, "aimodellib");
  const { attributes } = request;
  assert.deepEqual(
    ["http.request.method", "http.route", "url.path", "url.scheme", "http.response.status_code", "server.address"]
      .map((name) => attributes[name]),
    ["POST", "/invocations", "/invocations", "http", 200, "127.0.0.1"],
  );
  assert.equal(typeof attributes["aimodellib.model"], "string");
  assert.deepEqual(names(children), ["queue", "deserialize", "predict", "serialize"]);
  let at = request.start;
  for (const { name, start, end, trace, kind } of children) {
    assert.ok(start >= at && end >= start && end <= request.end, `${name} lies within the request, in order`);
    assert.deepEqual([trace, kind], [TRACE, "SPAN_KIND_INTERNAL"]);
    at = end;
  }
  const predict = children[2]!;
  assert.ok(predict.end - predict.start >= 20e6, "the time of the function");
  assert.deepEqual(JSON.parse(answer.text), [`00-${TRACE}-${predict.id}-01`, "vendor=1"], "the script sees our span");
  const { resources, headers, path } = receiver.received[0]!;
  assert.deepEqual([path, headers["content-type"]], ["/v1/traces", "application/x-protobuf"]);
  assert.equal(resources[0]!["service.name"], "digits service");
  assert.equal(resources[0]!["deployment.environment.name"], "test");

  // Without a parent.
  const [seen] = JSON.parse((await ask(server, "alone", "hello")).text);
  const [alone, lone] = await receiver.spansOf("alone");
  assert.equal(alone.parent, "");
  assert.equal(seen, `00-${alone.trace}-${lone[2]!.id}-01`);
  assert.notEqual(alone.trace, TRACE);

  // Exceptions.
  assert.equal((await ask(server, "fails", "fail")).status, 500);
  const [failed, stages] = await receiver.spansOf("fails");
  assert.deepEqual(names(stages), ["queue", "deserialize", "predict"]);
  assert.deepEqual(stages[2]!.status, [2, "on demand"]);
  const exception = { "exception.type": "ValueError", "exception.message": "on demand" };
  assert.deepEqual(stages[2]!.events, [["exception", exception]]);
  assert.deepEqual([failed.status, failed.attributes["error.type"]], [[2, "on demand"], "ValueError"]);
  assert.equal((await ask(server, "unreadable", "unreadable")).status, 400);
  const [unreadable, [, reading]] = await receiver.spansOf("unreadable");
  assert.deepEqual([unreadable.status[0], unreadable.attributes["http.response.status_code"]], [0, 400]);
  assert.deepEqual([reading!.name, reading!.status[0], reading!.events[0]![1]["exception.type"]], [
    "deserialize",
    2,
    "KeyError",
  ]);

  // Streams.
  assert.equal((await ask(server, "streams", "parts")).text, "ab");
  const [whole, streamed] = await receiver.spansOf("streams");
  assert.deepEqual(names(streamed), ["queue", "predict"]);
  assert.equal(streamed[1]!.attributes["aimodellib.parts"], 2);
  assert.ok(streamed[1]!.end - streamed[1]!.start >= 20e6 && streamed[1]!.end <= whole.end);
  const events = await ask(server, "breaks", "parts that fail", { accept: "text/event-stream" });
  assert.match(events.text, /event: error/);
  const [broken, [, breaking]] = await receiver.spansOf("breaks");
  assert.equal(breaking!.events[0]![1]["exception.message"], "in the middle");
  assert.deepEqual([broken.status[0], broken.attributes["http.response.status_code"]], [2, 200]);

  // The Open Inference Protocol, where each element is a request to the script.
  const [model] = JSON.parse((await server.request("/v2/models")).text).models;
  const inputs = [{
    name: "input",
    datatype: "BYTES",
    shape: [2],
    data: ["one", "two"],
    parameters: { content_type: "text/plain" },
  }];
  const v2 = await server.request(`/v2/models/${model}/infer`, {
    method: "POST",
    headers: { "x-request-id": "v2", ...parentOf(TRACE) },
    body: JSON.stringify({ inputs }),
  });
  assert.equal(v2.status, 200, v2.text);
  const parents = JSON.parse(v2.text).outputs[0].data.map((text: string) => JSON.parse(text)[0].slice(36, 52));
  const [infer, calls] = await receiver.spansOf("v2");
  const predicted = calls.filter(({ name }) => name === "predict").map(({ id }) => id);
  assert.deepEqual(parents.toSorted(), predicted.toSorted(), "each call sees its own span");
  assert.deepEqual([infer.name, infer.attributes["aimodellib.model"]], ["POST /v2/models/{name}/infer", model]);
  assert.deepEqual(names(calls).toSorted(), ["deserialize", "predict", "queue", "serialize"].flatMap((x) => [x, x]));

  // What is not traced, or has no model.
  const untraced = await ask(server, "untraced", "hello", parentOf(TRACE, "00"));
  assert.equal(JSON.parse(untraced.text)[0], `00-${TRACE}-${CLIENT}-00`, "the client's decision");
  await server.request("/health/ready", { headers: { "x-request-id": "health" } });
  await server.request("/nowhere?secret=1", { headers: { "x-request-id": "nowhere" } });
  const [nowhere, none] = await receiver.spansOf("nowhere");
  assert.deepEqual([nowhere.name, nowhere.attributes["url.path"], none], ["GET", "/nowhere", []]);
  await server.stop();
  const ids = receiver.spans.map(({ attributes }) => attributes["aimodellib.request_id"]);
  assert.deepEqual(ids.filter((id) => id === "untraced" || id === "health"), []);
  assert.ok(!JSON.stringify(receiver.spans).includes("secret"));
  assert.deepEqual([...new Set(receiver.spans.map(({ scope }) => scope))], ["aimodellib"]);
}, DECODES);

/** Makes spans with OpenTelemetry's SDK for Python, as `docs/scripts.md` shows it. */
const SDK = echo(py`
  from opentelemetry import trace
  from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
  from opentelemetry.sdk.trace import TracerProvider
  from opentelemetry.sdk.trace.export import SimpleSpanProcessor
  from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

  tracer = trace.get_tracer("script")

  def span(name, logger):
      request = logger.request
      headers = {"traceparent": request.traceparent or "", "tracestate": request.tracestate or ""}
      return tracer.start_as_current_span(name, context=TraceContextTextMapPropagator().extract(headers))

  def load(model_dir):
      provider = TracerProvider()
      provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
      trace.set_tracer_provider(provider)

  def deserialize(data, content_type="", logger=None):
      if data == b"unreadable":
          with span("parse", logger):
              raise KeyError("missing")
      return data

  def predict(data, model, logger=None):
      with span("forward", logger):
          return logger.request.traceparent.encode()
`);

test("spans of a script's own SDK are children of ours, and are not recorded if ours are not", async (box) => {
  await using receiver = await Receiver.start(box);
  const server = await box.serve(SDK, {
    more: ["--python", PYTHON],
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0",
      OTEL_BSP_SCHEDULE_DELAY: "20",
    },
  });
  const spanOf = async (name: string) => {
    const find = () => receiver.spans.find((span) => span.name === name);
    await until(`the span '${name}' arrives`, () => find() !== undefined);
    return find()!;
  };
  const [first, second] = [await ask(server, "one", "unsampled"), await ask(server, "two", "unsampled")];
  assert.match(
    first.text,
    /^00-[0-9a-f]{16}ffff[0-9a-f]{12}-[0-9a-f]{16}-00$/,
    "the script's SDK is told not to record",
  );
  assert.notEqual(first.text, second.text);

  await ask(server, "sampled", "hello", { ...parentOf(TRACE), tracestate: "vendor=1" });
  const [, stages] = await receiver.spansOf("sampled");
  const forward = await spanOf("forward");
  const predict = stages[2]!;
  assert.deepEqual([predict.name, forward.scope], ["predict", "script"]);
  assert.deepEqual([forward.trace, forward.parent, forward.state], [TRACE, predict.id, "vendor=1"]);

  // A function that fails before predict has the span to which the script's spans belong.
  assert.equal((await ask(server, "fails", "unreadable", parentOf(TRACE))).status, 400);
  const [, [, failed]] = await receiver.spansOf("fails");
  assert.deepEqual([failed!.name, (await spanOf("parse")).parent], ["deserialize", failed!.id]);
  await server.stop();
  assert.equal(receiver.spans.filter(({ name }) => name === "forward").length, 1);
}, SDK_THERE);

test("traces are sent as JSON, compressed, with secret headers, again after a failure, and at the end", async (box) => {
  await using receiver = await Receiver.start(box);
  const server = await box.serve(SCRIPT, {
    args: ["--port", "0", "--access-log", "--log-format", "json"],
    env: {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url.replace("//", "//user:hidden@")}/busy/v1/traces`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_EXPORTER_OTLP_HEADERS: "X-Api-Key=sesame%20open,not a header",
      OTEL_BSP_SCHEDULE_DELAY: "60000",
    },
  });
  const answer = await ask(server, "json", "hello");
  const [, trace] = JSON.parse(answer.text)[0].split("-");
  const [line] = await server.program.stderr.waitFor(/^.*"POST \/invocations 200 .*$/);
  assert.equal(JSON.parse(line).trace_id, trace, "the access log has the trace");
  await server.stop();
  const [request, children] = await receiver.spansOf("json");
  assert.equal(request.trace, trace);
  assert.deepEqual(names(children), ["queue", "deserialize", "predict", "serialize"]);
  assert.deepEqual(receiver.received.map(({ status }) => status), [503, 200]);
  const { headers } = receiver.received[1]!;
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers["content-encoding"], "gzip");
  assert.equal(headers["x-api-key"], "sesame open");
  assert.equal(headers["authorization"], `Basic ${btoa("user:hidden")}`);
  assert.match(server.log, /Entry 2 of OTEL_EXPORTER_OTLP_HEADERS is ignored/);
  assert.doesNotMatch(server.log, /sesame|hidden|not a header/);
}, DECODES);

test("traces go through a proxy", async (box) => {
  await using receiver = await Receiver.start(box);
  const server = await box.serve(SCRIPT, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.invalid:4318",
      OTEL_BSP_SCHEDULE_DELAY: "20",
      HTTP_PROXY: receiver.url,
    },
  });
  await ask(server, "proxied", "hello");
  await receiver.spansOf("proxied");
  assert.equal(receiver.received[0]!.path, "http://collector.invalid:4318/v1/traces");
  await server.stop();
}, DECODES);

test("traces are sent with TLS to a receiver whose certificate is trusted", async (box) => {
  certificate(box, "receiver");
  const { promise: arrived, resolve } = Promise.withResolvers<string | null>();
  await using receiver = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: box.read("cert.pem"),
    key: box.read("key.pem"),
    onListen() {},
  }, (request) => {
    resolve(request.headers.get("content-type"));
    return new Response();
  });
  const server = await box.serve(SCRIPT, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${receiver.addr.port}`,
      OTEL_EXPORTER_OTLP_CERTIFICATE: box.path("cert.pem"),
      OTEL_BSP_SCHEDULE_DELAY: "0",
    },
  });
  await ask(server, "encrypted", "hello");
  assert.equal(await within(LONG, "spans arrive", arrived, () => server.log), "application/x-protobuf");
  await server.stop();
}, HAS_OPENSSL);

test("a receiver that is down affects no request, and samplers decide for requests without a parent", async (box) => {
  const server = await box.serve(SCRIPT, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${freePort()}`,
      OTEL_TRACES_SAMPLER: "parentbased_always_off",
      OTEL_BSP_SCHEDULE_DELAY: "0",
      OTEL_BSP_EXPORT_TIMEOUT: "1",
      OTEL_BSP_MAX_QUEUE_SIZE: "many",
    },
  });
  assert.match(server.log, /OTEL_BSP_MAX_QUEUE_SIZE must be an integer from 1 to 1000000, not 'many'; 2048 is used/);
  const [unsampled] = JSON.parse((await ask(server, "off", "hello")).text);
  assert.match(unsampled, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  for (let count = 0; count < 3; count++) {
    assert.equal((await ask(server, "on", "hello", parentOf(TRACE))).status, 200);
  }
  const counted = async () =>
    /aimodellib_trace_spans_total\{outcome="failed"\} (\d+)/.exec((await server.request("/metrics")).text)![1];
  await until("all spans have failed", async () => await counted() === "15");
  assert.equal([...server.log.matchAll(/Could not send spans to http/g)].length, 1);
  await server.stop();
});

test("settings that can't be used turn tracing off, and models are served", async (box) => {
  const server = await box.serve(SCRIPT, {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
  });
  assert.match(server.log, /Tracing is off: OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; set it to 'http\/protobuf'/);
  assert.deepEqual(JSON.parse((await server.invoke("hello")).text), [null, null]);
  assert.doesNotMatch((await server.request("/metrics")).text, /trace_spans/);
  await server.stop();
});
