/** Streamed answers, and requests whose clients disconnect, in the access log and in `/metrics`. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

/** Yields the parts that the body describes. */
const PARTS = echo(py`
  import os, time
  class Busy(Exception):
      status = 503
  def predict(data, model):
      how = data.decode()
      for index in range(100 if how == "long" else 4):
          if how == "fail" and index == 3:
              raise ValueError("in the middle")
          if how == "busy" and index == 3:
              raise Busy("in the middle")
          if how == "exit" and index == 3:
              os._exit(3)
          time.sleep(0.1)
          yield b"part"
`);

type Record = { readonly [member: string]: unknown };

async function serveJson(box: Sandbox, source: string): Promise<Server> {
  const module = box.module({ "serve.py": source });
  const args = ["serve", "--port", "0", "--log-format", "json", "--access-log", module, "serve.py", box.root];
  const program = box.start(args);
  await program.stderr.waitFor(/Ready: POST /);
  return Server.at(program, /Listening on (http:[^;"]+);/.exec(program.stderr.text)![1]!);
}

/** Waits for the request with this id in the access log, and returns its record. */
async function logged(server: Server, id: string): Promise<Record> {
  let found: Record[] = [];
  await until(`request ${id} is logged`, () => {
    found = server.log.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line)).filter(({ logger, request_id }) => logger === "access" && request_id === id);
    return found.length > 0;
  });
  assert.equal(found.length, 1, "once");
  return found[0]!;
}

/** Returns the number of requests to the model by status, and their total time. */
async function counted(server: Server): Promise<{ statuses: Record; seconds: number; inFlight: number }> {
  const { text } = await server.request("/metrics");
  const counts = [
    ...text.matchAll(/^aimodellib_requests_total\{route="\/invocations",.*?status="(\d+)"\} ([1-9]\d*)$/gm),
  ];
  const seconds = /^aimodellib_request_duration_seconds_sum\{route="\/invocations",.*?\} (.*)$/m.exec(text)?.[1];
  return {
    statuses: Object.fromEntries(counts.map(([, status, count]) => [status!, Number(count)])),
    seconds: Number(seconds),
    // One request is that to /metrics.
    inFlight: Number(/^aimodellib_requests_in_flight (\d+)$/m.exec(text)![1]) - 1,
  };
}

for (const accept of ["*/*", "text/event-stream"]) {
  test(`a streamed answer is counted and logged at its end, with its outcome (${accept})`, async (box) => {
    const server = await serveJson(box, PARTS);
    for (
      const [how, status, parts] of [["whole", 200, 4], ["fail", 500, 3], ["busy", 503, 3], ["exit", 502, 3]] as const
    ) {
      const answer = await server.invoke(how, { accept, "x-request-id": how }).catch(() => undefined);
      assert.equal(
        answer === undefined,
        how !== "whole" && accept === "*/*",
        "one that failed is broken off, or says so",
      );
      const record = await logged(server, how);
      assert.deepEqual([record["status"], record["parts"]], [status, parts], how);
      assert.ok(Number(record["ms"]) >= 100 * parts, `${how} took ${record["ms"]} ms`);
      assert.match(String(record["message"]), new RegExp(`^POST /invocations ${status} [\\d.]+ ms, ${parts} parts$`));
    }
    const { statuses, seconds, inFlight } = await counted(server);
    assert.deepEqual(statuses, { "200": 1, "500": 1, "503": 1, "502": 1 });
    assert.ok(seconds >= 1.3, `${seconds} s`);
    assert.equal(inFlight, 0);
    await server.stop();
  });

  test(`a streamed answer whose client disconnects is counted and logged as 499 (${accept})`, async (box) => {
    const server = await serveJson(box, PARTS);
    const client = new AbortController();
    const response = await fetch(`${server.url}/invocations`, {
      method: "POST",
      body: "long",
      headers: { accept, "x-request-id": "leaver" },
      signal: client.signal,
    });
    const reader = response.body!.getReader();
    await reader.read();
    assert.equal((await counted(server)).inFlight, 1, "it is in flight until its end");
    await reader.read();
    client.abort();
    await reader.read().catch(() => {});
    const record = await logged(server, "leaver");
    assert.equal(record["status"], 499);
    const parts = Number(record["parts"]);
    assert.ok(parts >= 2 && parts < 100, `${parts} parts`);
    assert.ok(Number(record["ms"]) >= 200, `it took ${record["ms"]} ms`);
    assert.deepEqual((await counted(server)).statuses, { "499": 1 });
    assert.equal((await counted(server)).inFlight, 0);
    await server.stop();
  });
}

test("a request whose client disconnects before the answer is counted and logged as 499", async (box) => {
  const server = await serveJson(
    box,
    echo(py`
      import time
      def predict(data, model):
          print("begun", flush=True)
          time.sleep(0.5)
          return data
    `),
  );
  const client = new AbortController();
  const ask = (id: string) =>
    fetch(`${server.url}/invocations`, {
      method: "POST",
      body: "x",
      headers: { "x-request-id": id },
      signal: client.signal,
    });
  // One request is executed, and one waits.
  const answers = [ask("executed"), ask("waiting")];
  await until("one is executed", () => server.log.includes('"begun"'));
  client.abort();
  for (const answer of answers) await assert.rejects(answer);
  for (const id of ["executed", "waiting"]) {
    const record = await logged(server, id);
    assert.deepEqual([record["status"], record["parts"]], [499, undefined], id);
  }
  assert.deepEqual((await counted(server)).statuses, { "499": 2 });
  await server.stop();
});
