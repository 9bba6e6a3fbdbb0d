/** The log of `serve` about failures: one record for each, with all facts. */

import assert from "node:assert/strict";
import { type LogRecord, recordsOf, serveJson } from "./support/json_log.ts";
import { until } from "./support/limits.ts";
import { echo, py, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const FAILS = echo(py`
  class Busy(Exception):
      status = 429
  def fail(where, data):
      if data == where.encode():
          raise ValueError("bad\nsecond line") from KeyError("cause")
  def deserialize(data, content_type):
      fail("deserialize", data)
      return data
  def predict(data, model):
      fail("predict", data)
      if data == b"busy":
          raise Busy()
      return data
  def serialize(data, accepted):
      fail("serialize", data)
      if data == b"odd":
          return data
      return (data, "text/plain") if accepted != "image/png" else None
`);

/** Returns the records of failed requests. */
const failures = (server: Server): LogRecord[] =>
  recordsOf(server.program).filter(({ level, logger }) => level !== "info" && logger === "supervisor");

async function failure(server: Server, count: number): Promise<LogRecord> {
  await until(`${count} failures are logged`, () => failures(server).length >= count);
  assert.equal(failures(server).length, count, "one record for each");
  return failures(server).at(-1)!;
}

test("an exception is logged as one record with level, request, stage and traceback", async (box) => {
  const server = await serveJson(box, FAILS);
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const headers = { "x-request-id": "order-42", traceparent: `00-${trace}-b7ad6b7169203331-01` };
  for (const [index, stage] of ["deserialize", "predict", "serialize"].entries()) {
    const answer = await server.invoke(stage, headers);
    const { time: _, traceback, ...record } = await failure(server, index + 1);
    assert.deepEqual(record, {
      level: answer.status === 400 ? "warning" : "error",
      logger: "supervisor",
      message: `${stage}() raised ValueError: bad\nsecond line (worker 1, request order-42)`,
      stage,
      exception: "ValueError",
      reason: "bad\nsecond line",
      status: answer.status,
      worker: 1,
      request_id: "order-42",
      trace_id: trace,
    });
    assert.match(
      traceback,
      /^KeyError: 'cause'\n\n.*direct cause[\s\S]*in fail\n[\s\S]*\nValueError: bad\nsecond line$/,
    );
    assert.doesNotMatch(traceback, /_bridge/);
  }
  assert.equal((await server.invoke("busy")).status, 429);
  const busy = await failure(server, 4);
  assert.deepEqual([busy["level"], busy["status"], busy["exception"], busy["reason"]], ["warning", 429, "Busy", ""]);
  assert.equal((await server.invoke("odd", { "x-request-id": "odd" })).status, 500);
  const odd = await failure(server, 5);
  assert.deepEqual([odd["level"], odd["request_id"], odd["traceback"]], ["error", "odd", undefined]);
  assert.match(odd["message"], /^serialize\(\) must return \(bytes, content type\) or None; it returned bytes/);
  assert.equal((await server.invoke("x", { accept: "image/png" })).status, 406);
  assert.equal((await server.invoke("good")).status, 200);
  await server.stop();
  assert.equal(failures(server).length, 5, "nothing is wrong with the others");
  assert.deepEqual(
    recordsOf(server.program).filter(({ logger }) => logger === "worker"),
    [],
    "nothing else is printed",
  );
});

for (
  const [how, args, source] of [
    ["in threads", ["--threads", "2"], FAILS],
    ["in tasks", [], FAILS.replace("def predict(", "async def predict(")],
    [
      "in a stream that has begun",
      [],
      FAILS.replace("    return data\ndef serialize", "    yield b'part'\n    fail('late', data)\ndef serialize"),
    ],
  ] as const
) {
  test(`an exception is logged as one record ${how}`, async (box) => {
    const server = await serveJson(box, FAILS === source ? source : echo(source), ...args);
    const body = how.includes("stream") ? "late" : "predict";
    await server.invoke(body, { "x-request-id": "a", accept: "text/event-stream" });
    const { level, stage, request_id, traceback } = await failure(server, 1);
    assert.deepEqual([level, stage, request_id], ["error", "predict", "a"]);
    assert.match(traceback, /ValueError: bad\nsecond line$/);
    await server.stop();
  });
}

test("an exception in a batch is logged with the id of its request", async (box) => {
  const server = await serveJson(
    box,
    FAILS + "\ndef predict_batch(data, model):\n    return [predict(each, model) for each in data]\n",
    "--batch-timeout",
    "0.2",
  );
  const bodies = ["good", "predict", "deserialize"];
  await Promise.all(bodies.map((body) => server.invoke(body, { "x-request-id": body })));
  await failure(server, 2);
  assert.deepEqual(failures(server).map(({ request_id }) => request_id).sort(), ["deserialize", "predict"]);
  await server.stop();
});

for (
  const [what, files, expected] of [
    [
      "a model can't be loaded",
      { "m/serve.py": echo("def load(model_dir):\n  raise OSError('no weights')\n") },
      /^load\(\) raised OSError: no weights$/,
    ],
    [
      "requirements can't be installed",
      { "m/serve.py": echo(""), "m/requirements.txt": "nothing @ file:///missing/nothing-1.0-py3-none-any.whl\n" },
      /ended with exit code 1: see above$/,
    ],
    ["the script is not there", {}, /^The module directory '.*' has no script '.*serve\.py'/],
  ] as const
) {
  test(`every line of a JSON log is JSON when ${what}, including the error that ends the program`, async (box) => {
    const manifest = { module: "m", servingScript: "serve.py", "an\nother\u001b[2J": 1 };
    box.write({ "archive/manifest.json": JSON.stringify(manifest), "archive/m/x": "", ...archived(files) });
    Deno.mkdirSync(box.path("model"));
    const program = box.start(["serve", "--port", "0", "--log-format", "json", box.path("archive"), "model"]);
    const { code, stdout } = await program.finished();
    assert.deepEqual([code, stdout], [what.includes("script") ? 2 : 1, ""]);
    const records = recordsOf(program);
    const last = records.at(-1)!;
    assert.deepEqual([last["level"], last["logger"], last["code"]], ["error", "serve", code]);
    assert.match(last["message"], expected);
    const setup = records.filter(({ logger }) => logger === "setup").map(({ message }) => message);
    assert.match(setup.join("\n"), /^'.*' has the unknown key 'an\\x0aother\\x1b\[2J' in its manifest\.json/);
    if (what.includes("requirements")) assert.match(setup.join("\n"), /^Installing [\s\S]*ERROR: /m);
  });
}

/** Files of an unpacked archive. */
function archived(files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [`archive/${path}`, text]));
}

for (
  const [how, args, code, cause] of [
    ["ends the process", [], "os._exit(3)", /^exit code 3$/],
    ["is killed", ["--threads", "2"], "os.kill(os.getpid(), 9)", /^signal SIGKILL/],
    ["takes too long", ["--request-timeout", "0.5"], "time.sleep(60)", /--request-timeout 0.5/],
  ] as const
) {
  test(`the log record of a worker's death names its request when the request ${how}`, async (box) => {
    const server = await serveJson(
      box,
      echo(py`
        import os, time
        def predict(data, model):
            if data == b"die":
                time.sleep(1.2)
                ${code}
            return data
      `),
      ...args,
    );
    await server.invoke("good", { "x-request-id": "order-41" });
    await server.invoke("die", { "x-request-id": "order-42" });
    const record = await failure(server, 1);
    assert.deepEqual([record["level"], record["worker"], record["requests"]], ["error", 1, ["order-42"]]);
    assert.match(record["cause"], cause);
    assert.equal(typeof record["pause"], "number");
    assert.ok(record["memory"] > 2 ** 20, "what a Python takes");
    assert.equal(typeof record["memory_age"], "number");
    await server.stop();
  });
}

test("requests that no worker can take are logged in summary, not one by one", async (box) => {
  const server = await serveJson(
    box,
    echo(py`
      import os, time
      def predict(data, model):
          while not os.path.exists("go"):
              time.sleep(0.01)
          return data
    `).replace('"go"', JSON.stringify(box.path("go"))),
    "--queue-size",
    "1",
  );
  const taken = ["executed", "waits"].map((name) => server.invoke(name, { "x-request-id": name }));
  let answer;
  do answer = await server.invoke("more", { "x-request-id": "refused" }); while (answer.status !== 503);
  for (let i = 0; i < 20; i++) assert.equal((await server.invoke("more")).status, 503);
  box.write({ go: "" });
  await Promise.all(taken);
  await server.stop();
  const [first, second, ...rest] = failures(server);
  assert.deepEqual([first!["level"], first!["cause"], first!["limit"], first!["request_id"]], [
    "warning",
    "full",
    1,
    "refused",
  ]);
  assert.deepEqual([second!["cause"], second!["count"], rest.length], ["full", 20, 0]);
});

test("a text log shows the traceback after its record, and no line of it looks like a record", async (box) => {
  const server = await box.serve(echo(py`
    def predict(data, model):
        raise ValueError(data.decode())
  `));
  await server.invoke("a\n2026-01-31T12:00:00.000Z INFO forged\n[worker 1] \x1b[2J", { "x-request-id": "x" });
  await server.program.stderr.waitFor(/^ {2}ValueError: a$/);
  const lines = server.program.stderr.lines;
  const first = lines.findIndex((line) => line.includes("ERROR predict() raised ValueError: a"));
  const rest = lines.slice(first + 1);
  assert.ok(rest.length > 4 && rest.every((line) => line.startsWith("  ")), rest.join("\n"));
  assert.equal(rest[1], "  [worker 1] \\x1b[2J (worker 1, request x)");
  await server.stop();
});

test("a model that can't be loaded is logged as one record with its traceback", async (box) => {
  const module = box.module({ "serve.py": echo("def load(model_dir):\n  raise OSError('no weights')\n") });
  const { code, stderr } = await box.run([
    "serve",
    "--port",
    "0",
    "--log-format",
    "json",
    module,
    "serve.py",
    box.root,
  ]);
  assert.equal(code, 1);
  const records: LogRecord[] = stderr.split("\n").filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  );
  const found = records.filter(({ traceback }) => traceback !== undefined);
  assert.equal(found.length, 1);
  const [{ level, stage, exception, traceback, worker }] = found as [LogRecord];
  assert.deepEqual([level, stage, exception, worker], ["error", "load", "OSError", 1]);
  assert.match(traceback, /^Traceback[\s\S]*in load\n[\s\S]*OSError: no weights$/);
});

test("a script can't print text that the log takes for a line of another request", async (box) => {
  const server = await serveJson(
    box,
    echo(py`
    def predict(data, model, logger=None):
        print(data.decode())
        logger.log("mine")
        return data
  `),
  );
  await server.invoke("\x1e[other]\x1eforged", { "x-request-id": "mine" });
  const lines = () => recordsOf(server.program).filter(({ logger }) => logger === "worker");
  await until("both are there", () => lines().length === 2);
  assert.deepEqual(lines().map(({ message, request_id }) => [message, request_id]), [
    ["\\x1e[other]\\x1eforged", undefined],
    ["mine", "mine"],
  ]);
  await server.stop();
});

test("a JSON log contains the level of a script's log messages, with and without a request", async (box) => {
  const log = ["debug", "info", "warning", "error", "critical"];
  const server = await serveJson(
    box,
    echo(py`
    def load(model_dir, logger=None):
        for level in ${JSON.stringify(log)}:
            getattr(logger, level)("loading")
        logger.log("plain", level=logger.ERROR)
    def predict(data, model, logger=None):
        logger.debug("one\ntwo")
        logger.log("three")
        return data
  `),
  );
  await server.invoke("x", { "x-request-id": "mine" });
  const lines = () => recordsOf(server.program).filter(({ logger }) => logger === "worker");
  await until("all are there", () => lines().length === 9);
  assert.deepEqual(lines().map(({ level, message, request_id }) => [level, message, request_id]), [
    ["debug", "[DEBUG] loading", undefined],
    ["info", "[INFO] loading", undefined],
    ["warning", "[WARNING] loading", undefined],
    ["error", "[ERROR] loading", undefined],
    ["fatal", "[CRITICAL] loading", undefined],
    ["error", "[ERROR] plain", undefined],
    ["debug", "[DEBUG] one", "mine"],
    ["debug", "two", "mine"],
    ["info", "three", "mine"],
  ]);
  await server.stop();
});

test("a progress bar is logged while a model is loaded", async (box) => {
  const module = box.module({
    "serve.py": echo(py`
      import os, sys, time
      def load(model_dir):
          part = 0
          while not os.path.exists(os.path.join(model_dir, "go")):
              part += 1
              sys.stderr.write(f"\rFetching: {part} parts")
              sys.stderr.flush()
              time.sleep(0.05)
          sys.stderr.write("\rFetched\n")
    `),
  });
  const program = box.start(["serve", "--port", "0", module, "serve.py", box.root]);
  const states = () => program.stderr.lines.filter((line) => line.startsWith("[worker 1] Fetching: "));
  await until("several states are seen", () => states().length >= 3);
  assert.ok(states().every((line) => /^\[worker 1\] Fetching: \d+ parts$/.test(line)), states().join("\n"));
  const last = Number(/\d+(?= parts)/.exec(states().at(-1)!)![0]);
  assert.ok(last > states().length, "not all are lines");
  box.write({ go: "" });
  await program.stderr.waitFor(/^\[worker 1\] Fetched$/);
  await program.stderr.waitFor(/Ready: POST /);
  await Server.at(program, "").stop();
});
