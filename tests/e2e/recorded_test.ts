/** The requests in metrics and access log, as the table in docs/operations.md lists them. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, test } from "./support/sandbox.ts";
import type { Server } from "./support/server.ts";

const HOST = "Host: localhost\r\n";

/** Raw requests, and whether the client disconnects instead of reading the answer. */
const REQUESTS: readonly (readonly [what: string, text: string, leaves?: boolean])[] = [
  ["a health check", `GET /ping HTTP/1.1\r\n${HOST}\r\n`],
  ["an unknown path", `GET /nothing HTTP/1.1\r\n${HOST}\r\n`],
  ["an unknown method", `TRACE /ping HTTP/1.1\r\n${HOST}\r\n`],
  ["a forbidden host", "GET /ping HTTP/1.1\r\nHost: other.example\r\n\r\n"],
  ["no HTTP", "\x16\x03\x01hello\r\n\r\n"],
  ["another version", `GET /ping HTTP/2.0\r\n${HOST}\r\n`],
  ["a body that ends early", `POST /invocations HTTP/1.1\r\nContent-Length: 9\r\n${HOST}\r\nab`, true],
  ["headers that end early", "GET /ping HTTP/1.1\r\nHos", true],
];

const LOGGED = [
  "GET /ping 200",
  "GET /nothing 404",
  "TRACE /ping 405",
  "GET /ping 403",
  "- - 400",
  "GET /ping 505",
  "POST /invocations 499",
  "GET /ping 400",
];

const COUNTED = [
  'route="/ping",status="200"} 1',
  'route="other",status="404"} 1',
  'route="other",status="405"} 1',
  'route="other",status="403"} 1',
  // Input that is not HTTP, and headers that end early.
  'route="other",status="400"} 2',
  'route="other",status="505"} 1',
  'status="499"} 1',
];

test("metrics and access log contain the requests that docs/operations.md lists, and no connection without a request", async (box) => {
  const server = await box.serve(echo(), { args: ["--port", "0", "--access-log", "--read-timeout", "1"] });
  for (const [what, text, leaves] of REQUESTS) {
    using connection = await RawConnection.open(server.port);
    await connection.send(text);
    if (!leaves) assert.ok(await connection.receive(), what);
  }
  // A connection without a whole request is closed, and appears only in a warning.
  using slow = await RawConnection.open(server.port);
  await slow.send("GET /slow HTTP/1.1\r\nHos");
  assert.equal(await slow.rest(), "");
  await server.program.stderr.waitFor(
    /WARNING Closed connections whose clients took more than 1 s \(--read-timeout\): 1/,
  );

  await until("all are logged", () => accessed(server).length >= LOGGED.length, undefined, () => server.log);
  assert.deepEqual(accessed(server).toSorted(), LOGGED.toSorted());
  const { text } = await server.request("/metrics");
  const counted = text.split("\n").filter((line) => /^aimodellib_requests_total.* [^0]/.test(line));
  for (const line of COUNTED) {
    assert.ok(counted.some((found) => found.endsWith(line)), `${line} in\n${counted.join("\n")}`);
  }
  assert.equal(counted.length, COUNTED.length, counted.join("\n"));
  await server.stop();
});

/** Returns the requests in the access log: method, path and status. */
function accessed(server: Server): string[] {
  return [...server.log.matchAll(/ INFO (\S+ \S+ \d{3}) [\d.]+ ms$/gm)].map(([, request]) => request!);
}
