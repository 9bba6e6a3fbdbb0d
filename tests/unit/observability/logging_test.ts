import assert from "node:assert/strict";
import { getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import { configureLogging, flushLog, formatJson, formatRecord, logAccess } from "../../../src/observability/logging.ts";

function record(parts: Partial<LogRecord>): LogRecord {
  return {
    category: ["aimodellib", "http"],
    level: "info",
    message: [""],
    rawMessage: "",
    timestamp: Date.UTC(2026, 0, 31, 12, 0, 0, 5),
    properties: {},
    ...parts,
  };
}

Deno.test("formatRecord() returns time, level and message of our own record", () => {
  assert.equal(
    formatRecord(record({ level: "error", message: ["A ", 1, " and ", "two", "."] })),
    "2026-01-31T12:00:00.005Z ERROR A 1 and two.\n",
  );
});

Deno.test("formatRecord() returns only worker and line for a script's line", () => {
  const line = "2026-01-31 training {loss}: 0.5";
  const { category } = record({ category: ["aimodellib", "worker"] });
  assert.equal(formatRecord(record({ category, properties: { worker: 3, line } })), `[worker 3] ${line}\n`);
});

Deno.test("formatRecord() resets colours at the end of a script's line", () => {
  const { category } = record({ category: ["aimodellib", "worker"] });
  const shown = (line: string) => formatRecord(record({ category, properties: { worker: 1, line } }));
  assert.equal(shown("\x1b[31mred"), "[worker 1] \x1b[31mred\x1b[0m\n");
  assert.equal(shown("\x1b[31mred\x1b[0m"), "[worker 1] \x1b[31mred\x1b[0m\n");
});

Deno.test("formatRecord() escapes what could control the terminal or look like another record", () => {
  const forged = "x\n2026-01-31T12:00:00.005Z INFO Ready\r\x1b[2J\x1b[31m\u202e\x9b";
  assert.equal(
    formatRecord(
      record({ level: "error", message: ["It has '", forged, "'"], properties: { traceback: "a\nb\x07\n c" } }),
    ),
    "2026-01-31T12:00:00.005Z ERROR It has 'x\n  2026-01-31T12:00:00.005Z INFO Ready\\x0d\\x1b[2J\\x1b[31m\\u202e\\u009b'\n" +
      "  a\n  b\\x07\n   c\n",
  );
});

Deno.test("formatJson() escapes terminal control characters in a form that parses back to them", () => {
  const name = "\x00\x1b[2J\x7f\x9b\u2028\u202e\u2066";
  const line = formatJson(record({ message: ["It has ", name, ""], properties: { name } }));
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(line.trimEnd(), /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
  const { message, name: parsed } = JSON.parse(line);
  assert.deepEqual([message, parsed], [`It has ${name}`, name]);
});

Deno.test("configureLogging() writes records of level info and above", () => {
  const written: string[] = [];
  configureLogging((text) => void written.push(text));
  try {
    const log = getLogger(["aimodellib", "serve"]);
    log.debug("not {this}", { this: 1 });
    log.info("Listening on {url}", { url: "http://127.0.0.1:8080" });
    log.error("It failed");
    getLogger(["aimodellib", "worker"]).info("{line}", { line: "a {brace} in a line", worker: 1 });
    getLogger(["somebody", "else"]).error("not ours");
  } finally {
    resetSync();
  }
  assert.equal(written.length, 3);
  assert.match(written[0]!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO Listening on http:\/\/127\.0\.0\.1:8080\n$/);
  assert.match(written[1]!, /Z ERROR It failed\n$/);
  assert.equal(written[2], "[worker 1] a {brace} in a line\n");
});

Deno.test("configureLogging() replaces the previous configuration", () => {
  const written: string[] = [];
  try {
    configureLogging(() => assert.fail("The first is still used"));
    configureLogging((text) => void written.push(text));
    getLogger(["aimodellib", "serve"]).info("once");
  } finally {
    resetSync();
  }
  assert.equal(written.length, 1);
});

Deno.test("formatJson() returns one object on one line, with the values in the message as fields", () => {
  const made = record({
    level: "error",
    message: ["Worker ", 2, " ended"],
    properties: { worker: 2, cause: 'a "b"\n' },
  });
  assert.equal(
    formatJson(made),
    '{"time":"2026-01-31T12:00:00.005Z","level":"error","logger":"http","message":"Worker 2 ended",' +
      '"worker":2,"cause":"a \\"b\\"\\n"}\n',
  );
});

Deno.test("formatJson() uses a script's line as the message, with its worker as a field", () => {
  const { category } = record({ category: ["aimodellib", "worker"] });
  assert.deepEqual(JSON.parse(formatJson(record({ category, properties: { worker: 3, line: "loss {x}" } }))), {
    time: "2026-01-31T12:00:00.005Z",
    level: "info",
    logger: "worker",
    message: "loss {x}",
    worker: 3,
  });
});

Deno.test("configureLogging() omits records below the level, but no line of a script", () => {
  const written: string[] = [];
  configureLogging((text) => void written.push(text), { format: "json", level: "warning" });
  try {
    getLogger(["aimodellib", "serve"]).info("not this");
    getLogger(["aimodellib", "serve"]).warning("but this");
    getLogger(["aimodellib", "worker"]).info("{line}", { line: "and this", worker: 1 });
  } finally {
    resetSync();
  }
  assert.deepEqual(written.map((line) => JSON.parse(line).message), ["but this", "and this"]);
});

for (const format of ["text", "json"] as const) {
  Deno.test(`logAccess() writes the same as the access logger (${format})`, () => {
    const written: string[] = [];
    configureLogging((text) => void written.push(text), { format });
    try {
      const path = '/a\x1b[2J\u202e?key="x"';
      const about = { method: "POST", path, status: 200, ms: 1.5, request_id: "a-1" };
      logAccess(about);
      assert.equal(written.length, 0);
      getLogger(["aimodellib", "access"]).info("{method} {path} {status} {ms} ms", about);
      // Gathered records are written first.
      const [ours, theirs] = written.map((text) => text.replace(/\d{4}-[^ "]+Z/, "TIME"));
      assert.equal(ours, theirs);
      logAccess({ ...about, parts: 3, trace_id: "t" });
      flushLog();
      flushLog();
      assert.equal(written.length, 3);
      assert.match(written[2]!, /1\.5 ms, 3 parts/);
    } finally {
      resetSync();
    }
  });
}

Deno.test("logAccess() writes many records together after a moment, and none below the level", async () => {
  const written: string[] = [];
  try {
    configureLogging((text) => void written.push(text));
    const about = { method: "GET", path: "/", status: 200, ms: 0, request_id: "a" };
    for (let i = 0; i < 10; i++) logAccess(about);
    while (written.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(written.length, 1);
    assert.equal(written[0]!.split("\n").length, 11);
    for (let i = 0; i < 5000; i++) logAccess(about);
    assert.ok(written.length > 1, "not all are kept");
    flushLog();
    assert.equal(written.join("").split("\n").length, 5011);
    written.length = 0;
    configureLogging((text) => void written.push(text), { level: "warning" });
    logAccess(about);
    flushLog();
    assert.deepEqual(written, []);
  } finally {
    resetSync();
  }
});
