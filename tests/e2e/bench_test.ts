/** `aimodellib bench`: its measurements, and that it does not hide waiting times. */

import assert from "node:assert/strict";
import { certificate, HAS_OPENSSL, tlsOptions } from "./support/certificate.ts";
import type { Figures } from "../../src/bench/figures.ts";
import { sleep, until } from "./support/limits.ts";
import { onOneServer } from "./support/one_server.ts";
import { echo, py, type Sandbox, test } from "./support/sandbox.ts";

const TOKEN = "0123456789abcdef-token";

/** Takes 5 ms for each request: otherwise a load test keeps all processors busy, which shows nothing more. */
const UNHURRIED = echo(py`
  import time
  def predict(data, model):
      time.sleep(0.005)
      return data
`);
const measuring = onOneServer((box) => box.serve(UNHURRIED));

async function figures(box: Sandbox, url: string, ...args: readonly string[]): Promise<Figures> {
  box.write({ "body.json": '{"x":1}' });
  const { code, stdout, stderr } = await box.run(["bench", url, box.path("body.json"), "--json", ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Returns how many invocations the server has answered with a status. */
async function countOf(url: string, status: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const line = metrics.split("\n").find((line) =>
    line.startsWith("aimodellib_requests_total{") && line.includes('"/invocations"') && line.includes(`"${status}"`)
  );
  return Number(line?.split(" ").at(-1) ?? 0);
}

measuring(
  "bench counts the server's answers, and derives Content-Type from the name of the body's file",
  async (server, box) => {
    const before = await countOf(server.url, "200");
    const found = await figures(box, `${server.url}/`, "-c", "4", "-d", "500ms");
    assert.equal(found.url, `${server.url}/invocations`);
    assert.deepEqual([found.contentType, found.bodyBytes, found.connections, found.targetRate], [
      "application/json",
      7,
      4,
      null,
    ]);
    const { sent, answered, succeeded, failed, unanswered } = found.requests;
    assert.ok(sent > 4);
    assert.deepEqual([answered, succeeded, failed, unanswered], [sent, sent, 0, 0]);
    assert.deepEqual(Object.keys(found.statuses), ["200"]);
    const { min, p50, p99, p99_9, max } = found.latency;
    assert.ok(min !== null && p50 !== null && p99 !== null && p99_9 !== null && max !== null);
    assert.ok(0 < min && min <= p50 && p50 <= p99 && p99 <= p99_9 && p99_9 <= max, JSON.stringify(found.latency));
    assert.equal(found.histogram.reduce((sum, { count }) => sum + count, 0), sent);
    // The first request, which only tests the server, is one more.
    assert.equal(await countOf(server.url, "200"), before + sent + 1);
  },
);

measuring("bench prints readable figures", async (server, box) => {
  box.write({ body: "hello" });
  const { code, stdout, stderr } = await box.run([
    "bench",
    `${server.url}/`,
    box.path("body"),
    "-d",
    "500ms",
    "-c",
    "2",
  ]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^POST http:.*\/invocations: 5 B of application\/octet-stream, 2 connections\n\nRequests +[\d,]+ answered in 0\.5 s, [\d,]+\/s/,
  );
  assert.match(stdout, /^Latency +p50 .* p99\.9 .* max \S+ m?s$/m);
  assert.match(stdout, /^Status +200 +[\d,]+$/m);
});

measuring(
  "bench ends on SIGINT with the figures so far, and shows a status line on a terminal",
  async (server, box) => {
    box.write({ body: "x" });
    const before = await countOf(server.url, "200");
    const program = box.start(["bench", `${server.url}/`, "body", "-d", "60s", "-c", "1"]);
    await until("it sends", async () => await countOf(server.url, "200") > before + 10);
    await sleep(100);
    program.kill("SIGINT");
    const { code, stdout } = await program.finished();
    assert.equal(code, 0);
    assert.match(stdout, /Requests +[\d,]+ answered in \d\.\d s/);
    const shown = await box.runAtTerminal([], ["bench", `${server.url}/`, "body", "-d", "1s", "-c", "1"]);
    assert.match(shown.stdout, /0\.\d s of 1 s {2}[\d,]+ requests\/s {2}p50 .* p99 /);
  },
);

test("with --rate, stopping the server for a second raises the latencies as much as for an unlimited client", async (box) => {
  const server = await box.serve(echo());
  const rate = 100;
  const running = figures(box, `${server.url}/`, "--rate", String(rate), "-d", "6s", "-c", "2");
  await until("it sends", async () => await countOf(server.url, "200") > 10);
  const reference = independentClient(`${server.url}/invocations`, rate, 3000);
  await sleep(500);
  server.program.kill("SIGSTOP");
  await sleep(1000);
  server.program.kill("SIGCONT");
  const [found, times] = await Promise.all([running, reference]);
  assert.equal(found.requests.succeeded, 601);
  const slow = found.histogram.filter(({ upToMs }) => upToMs > 500).reduce(
    (sum, { count }) => sum + count,
    0,
  );
  const expected = times.filter((ms) => ms > 500).length;
  assert.ok(expected >= 40, `${expected} of the reference's requests waited`);
  assert.ok(slow >= expected * 0.7, `${slow} requests waited for over 0.5 s; of the reference's, ${expected}`);
  assert.ok(found.latency.max! >= 900 && found.latency.p95! >= 200, JSON.stringify(found.latency));
  await server.stop();
});

/** Sends each request when it is due, on a connection of its own, whatever the state of the others; returns their times in ms. */
async function independentClient(url: string, rate: number, ms: number): Promise<number[]> {
  const requests: Promise<number>[] = [];
  const started = performance.now();
  for (let due = started; due < started + ms; due += 1000 / rate) {
    await sleep(Math.max(0, due - performance.now()));
    requests.push(
      fetch(url, { method: "POST", body: "x" }).then(async (answer) => {
        await answer.body?.cancel();
        return performance.now() - due;
      }),
    );
  }
  return await Promise.all(requests);
}

test("bench counts answers by status and lost connections by reason when a server fails under load", async (box) => {
  const server = await box.serve(echo(`
count = 0
def predict(data, model, logger=None):
    global count
    count += 1
    if count > 20:
        raise ValueError("no more")
    return data
`));
  const running = figures(box, `${server.url}/`, "-c", "2", "-d", "3s");
  await until("the script fails", async () => await countOf(server.url, "500") > 0);
  server.program.kill("SIGKILL");
  const found = await running;
  assert.ok(found.statuses["500"]!.count > 0 && found.requests.succeeded === 19, JSON.stringify(found.requests));
  assert.ok(found.failures["the server refused the connection"]! > 0, JSON.stringify(found.failures));
});

test("bench stops with the reason when the first request fails", async (box) => {
  box.write({ tokens: `# for the scraper\nmetrics-0123456789abcdef metrics\n${TOKEN}\n`, body: "x" });
  const server = await box.serve(UNHURRIED, { args: ["--port", "0", "--token-file", box.path("tokens")] });
  const refused = await box.run(["bench", `${server.url}/`, "body", "-d", "1s"]);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /answers the first request with 401 Unauthorized, so no load was sent: Authentication is required: send/,
  );
  const found = await figures(box, `${server.url}/`, "-d", "300ms", "-c", "1", "--token-file", box.path("tokens"));
  assert.ok(found.requests.succeeded > 0);
  const nowhere = await box.run(["bench", `${server.url}/nowhere`, "body"], { env: { AIMODELLIB_TOKEN: TOKEN } });
  assert.match(nowhere.stderr, /\/nowhere answers the first request with 404/);
  await server.stop();
  const gone = await box.run(["bench", `${server.url}/`, "body"]);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /^Error: http:\S+\/invocations does not answer: .*refused/i);
});

test("bench refuses invalid requests, and names what is wrong", async (box) => {
  box.write({ body: "x", empty: "" });
  for (
    const [args, message] of [
      [["http://127.0.0.1:1/", "missing"], /'missing' can't be read: No such file/],
      [["model.tar.gz", "body"], /'model\.tar\.gz' is not the URL of a server/],
      [["ftp://127.0.0.1", "body"], /'ftp:\/\/127\.0\.0\.1' is not the URL of a server/],
      [["http://127.0.0.1:1/", "body", "-d", "0s"], /a time such as .*10s.*0s/s],
      [["http://127.0.0.1:1/", "body", "-d", "9x"], /a time such as .*10s.*9x/s],
      [["http://127.0.0.1:1/", "body", "-c", "0"], /0/],
      [["http://127.0.0.1:1/", "body", "--accept", "a\r\nb: c"], /--accept takes printable ASCII characters only/],
      [["http://127.0.0.1:1/", "body", "--token-file", "empty"], /'empty' contains no token/],
    ] as const
  ) {
    const { code, stderr } = await box.run(["bench", ...args]);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, message);
  }
});

test("bench uses TLS with a server whose certificate DENO_CERT names", async (box) => {
  certificate(box, "localhost");
  box.write({ body: "x" });
  const module = box.module({ "serve.py": UNHURRIED });
  const program = box.start(["serve", "--port", "0", ...tlsOptions(box), module, "serve.py", box.root]);
  const [, url] = await program.stderr.waitFor(/Ready: POST (https:\/\/127\.0\.0\.1:\d+)\/invocations/);
  const refused = await box.run(["bench", url!, "body"]);
  assert.match(refused.stderr, /does not answer: .*certificate/i);
  const trusting = await box.run(["bench", url!, "body", "-c", "2", "-d", "500ms", "--json"], {
    env: { DENO_CERT: box.path("cert.pem") },
  });
  const { requests } = JSON.parse(trusting.stdout);
  assert.ok(requests.succeeded > 0 && requests.failed === 0, trusting.stdout);
  program.kill("SIGTERM");
  await program.finished();
}, HAS_OPENSSL);

test("bench sends requests over a Unix socket", async (box) => {
  const program = box.start([
    "serve",
    "--unix",
    box.path("s"),
    box.module({ "serve.py": UNHURRIED }),
    "serve.py",
    box.root,
  ]);
  await program.stderr.waitFor(/Ready: POST /);
  const found = await figures(box, `unix:${box.path("s")}`, "-c", "2", "-d", "500ms");
  assert.equal(found.url, `unix:${box.path("s")}`);
  assert.ok(found.requests.succeeded > 0 && found.requests.failed === 0);
  program.kill("SIGTERM");
  await program.finished();
});
