import assert from "node:assert/strict";
import { tracingSettings } from "../../../src/tracing/settings.ts";
import { fakeEnv } from "../helper/env.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };

/** Returns the settings of variables, and the warnings about them. */
function settings(variables: Readonly<Record<string, string>>) {
  const warnings: string[] = [];
  return { found: tracingSettings(fakeEnv(variables), (message) => warnings.push(message)), warnings };
}

Deno.test("tracingSettings() is undefined unless a variable names a receiver", () => {
  for (
    const variables of [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: " " },
      { OTEL_TRACES_SAMPLER: "always_on", OTEL_SERVICE_NAME: "name" },
      { ...ENDPOINT, OTEL_SDK_DISABLED: "TRUE" },
      { ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" },
    ]
  ) assert.deepEqual(settings(variables), { found: undefined, warnings: [] }, JSON.stringify(variables));
});

Deno.test("tracingSettings() has the defaults of the specification", () => {
  const { found, warnings } = settings(ENDPOINT);
  assert.deepEqual(warnings, []);
  assert.deepEqual(found, {
    url: "http://collector:4318/v1/traces",
    headers: {},
    format: "protobuf",
    gzip: false,
    timeoutMs: 10_000,
    tls: { authorities: undefined, cert: undefined, key: undefined },
    sampling: { ratio: 1, followsParent: true },
    resource: {},
    batches: { queueSize: 2048, batchSize: 512, delayMs: 5000, limitMs: 30_000 },
  });
  assert.equal(settings({ OTEL_TRACES_EXPORTER: "otlp" }).found?.url, "http://localhost:4318/v1/traces");
});

Deno.test("tracingSettings() prefers the variables for traces", () => {
  const { found } = settings({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://other:1/base/",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://own/path",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_HEADERS: "A=1,b=2",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "B=3",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "2",
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: "gzip",
  });
  assert.equal(found?.url, "https://own/path");
  assert.deepEqual([found.format, found.gzip, found.timeoutMs], ["json", true, 2]);
  assert.deepEqual(found.headers, { a: "1", b: "3" });
  assert.equal(
    settings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://other:1/base/" }).found?.url,
    "http://other:1/base/v1/traces",
  );
});

Deno.test("tracingSettings() moves user and password from the URL to a header", () => {
  const { found } = settings({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://me:pass%20word@host" });
  assert.deepEqual([found?.url, found?.headers], ["https://host/v1/traces", {
    authorization: `Basic ${btoa("me:pass word")}`,
  }]);
});

Deno.test("tracingSettings() reads all samplers", () => {
  const expected = [
    ["always_on", undefined, 1, false],
    ["always_off", "1", 0, false],
    ["traceidratio", "0.25", 0.25, false],
    ["traceidratio", undefined, 1, false],
    ["parentbased_always_on", undefined, 1, true],
    ["parentbased_always_off", undefined, 0, true],
    ["parentbased_traceidratio", "0", 0, true],
  ] as const;
  for (const [name, argument, ratio, followsParent] of expected) {
    const { found, warnings } = settings({
      ...ENDPOINT,
      OTEL_TRACES_SAMPLER: name,
      ...(argument !== undefined && { OTEL_TRACES_SAMPLER_ARG: argument }),
    });
    assert.deepEqual([found?.sampling, warnings], [{ ratio, followsParent }, []], name);
  }
});

Deno.test("tracingSettings() ignores what is invalid, and says which value, but no secret", () => {
  const { found, warnings } = settings({
    ...ENDPOINT,
    OTEL_TRACES_SAMPLER: "jaeger_remote",
    OTEL_EXPORTER_OTLP_HEADERS: "sesame,a=b%,c=d%0A,e f=g,ok=1",
    OTEL_RESOURCE_ATTRIBUTES: "a=%zz,team=a%2Cb",
    OTEL_EXPORTER_OTLP_TIMEOUT: "soon",
    OTEL_EXPORTER_OTLP_COMPRESSION: "br",
    OTEL_BSP_MAX_QUEUE_SIZE: "0",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "4096",
    OTEL_BSP_SCHEDULE_DELAY: "-1",
    OTEL_BSP_EXPORT_TIMEOUT: "1e99",
  });
  assert.deepEqual(found?.headers, { ok: "1" });
  assert.deepEqual(found.resource, { team: "a,b" });
  assert.deepEqual(found.batches, { queueSize: 2048, batchSize: 2048, delayMs: 5000, limitMs: 30_000 });
  assert.deepEqual(found.sampling, { ratio: 1, followsParent: true });
  assert.equal(warnings.length, 11);
  assert.ok(!warnings.join().includes("sesame"));
  assert.match(warnings.join("\n"), /OTEL_TRACES_SAMPLER can't be 'jaeger_remote'/);
});

Deno.test("tracingSettings() turns tracing off, with a warning, if nothing can be sent", () => {
  for (
    const [name, value] of [
      ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
      ["OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://user:secret@collector"],
      ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
      ["OTEL_TRACES_EXPORTER", "zipkin"],
    ] as const
  ) {
    const { found, warnings } = settings({ ...ENDPOINT, [name]: value });
    assert.equal(found, undefined);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, new RegExp(`^Tracing is off: ${name}`));
    assert.ok(!warnings[0]!.includes("secret"));
  }
});
