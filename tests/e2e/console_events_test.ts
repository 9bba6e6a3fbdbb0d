/** `GET /console/events`: the figures, workers and log of a running server. */

import assert from "node:assert/strict";
import { LONG, within } from "./support/limits.ts";
import { echo, py, type Sandbox, test } from "./support/sandbox.ts";
import type { Facts } from "../../src/web/wire.ts";
import { problemOf, Server } from "./support/server.ts";

const TOKEN = "0123456789abcdef-token";

/** Echoes the body, and ends the process if the body demands it. */
const MORTAL = echo(py`
  def predict(data, model, logger=None):
      if data == b"die":
          import os, signal
          os.kill(os.getpid(), signal.SIGKILL)
      logger.info("predicting " + data.decode())
      return data
`);

/** Reads the events of a server. */
class Follower implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #server: Server;
  #text = "";
  readonly #events: { readonly name: string; readonly data: unknown }[] = [];

  private constructor(server: Server, body: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#server = server;
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(server: Server, headers: Record<string, string> = {}): Promise<Follower> {
    const response = await fetch(`${server.url}/console/events`, { headers });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    return new Follower(server, response.body!);
  }

  /** Returns the data of the first matching event of this name, and waits for it if necessary. */
  // deno-lint-ignore no-explicit-any
  async until(name: string, fits: (data: any) => boolean): Promise<any> {
    return await within(
      LONG,
      `the event '${name}' comes`,
      this.#until(name, fits),
      () => this.#server.log.slice(-2000),
    );
  }

  // deno-lint-ignore no-explicit-any
  async #until(name: string, fits: (data: any) => boolean): Promise<any> {
    for (let seen = 0;;) {
      for (; seen < this.#events.length; seen++) {
        const event = this.#events[seen]!;
        if (event.name === name && fits(event.data)) return event.data;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`The stream ended before '${name}' came`);
      const blocks = (this.#text + value).split("\n\n");
      this.#text = blocks.pop()!;
      for (const block of blocks) {
        const [, name, data] = /event: (.*)\ndata: (.*)/.exec(block)!;
        this.#events.push({ name: name!, data: JSON.parse(data!) });
      }
    }
  }

  /** Returns whether the server ends the stream. */
  async ends(): Promise<boolean> {
    while (!(await this.#reader.read()).done);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}

test("the console's events show answers, a worker's death with its request, its successor, and the log", async (box) => {
  const server = await box.serve(MORTAL, { args: ["--port", "0", "--workers", "2"] });
  await server.program.stderr.waitFor(/Worker 2 is ready/);
  assert.equal((await server.invoke("early")).status, 200);
  await using follower = await Follower.open(server);
  const { models, logs } = await follower.until("hello", () => true);
  assert.deepEqual([models.length, logs], [1, true]);
  const [model] = models;
  const all = await follower.until(
    "workers",
    (workers) => workers.every(({ state }: { state: string }) => state === "ready"),
  );
  assert.deepEqual(all.map(({ name }: { name: string }) => name), ["1", "2"]);
  assert.ok(all.every(({ memory, pid }: { memory: number; pid: number }) => memory > 1_000_000 && pid > 1));
  const facts: Facts = JSON.parse((await server.request("/console/facts")).text);
  assert.deepEqual(facts.models.map(({ name, workers, ready, path }) => [name, workers, ready, path]), [
    [model, 2, 2, "invocations"],
  ]);
  assert.deepEqual([facts.secured, facts.may], [false, { logs: true, reload: true }]);
  assert.equal(facts.models[0]!.modelDir, box.path("model"));
  assert.ok(facts.now >= facts.started && facts.limits!.queueSize === 10_000);
  await follower.until("worker", ({ events }) => events.some(({ kind }: { kind: string }) => kind === "ready"));
  await follower.until(
    "log",
    ({ lines }) => lines.some(({ text }: { text: string }) => text === "[INFO] predicting early"),
  );

  const headers = { "x-request-id": "the-last-one" };
  assert.equal((await server.invoke("die", headers)).status, 502);
  const ended = await follower.until(
    "worker",
    ({ events }) => events.some(({ kind }: { kind: string }) => kind === "ended"),
  );
  const { worker, expected, cause, requests } = ended.events.find(({ kind }: { kind: string }) => kind === "ended");
  assert.deepEqual([expected, requests], [false, ["the-last-one"]]);
  assert.match(cause, /SIGKILL/);
  await follower.until("second", (second) => second.models[model].answers?.[2] === 1);
  await follower.until(
    "workers",
    (workers) =>
      workers.some(({ name, deaths }: { name: string; deaths: number }) => name === worker && deaths === 1) &&
      workers.every(({ state }: { state: string }) => state === "ready"),
  );

  // A page that is opened later gets all of it.
  await using late = await Follower.open(server);
  const { seconds } = await late.until("seconds", () => true);
  const failed = seconds.reduce((sum: number, { answers = [0, 0, 0, 0] }) => sum + (answers[2] ?? 0), 0);
  assert.equal(failed, 1);
  await late.until("worker", ({ events }) => events.some(({ kind }: { kind: string }) => kind === "ended"));

  server.program.kill("SIGTERM");
  assert.ok(await follower.ends(), "open streams do not hold up the end");
  assert.equal((await server.program.finished()).code, 0);
});

test("the console's events require a token if there are tokens; without tokens, other machines receive no log lines", async (box) => {
  const [secured, exposed] = await Promise.all([
    box.serve(echo(), { env: { AIMODELLIB_TOKEN: TOKEN } }),
    box.serve(echo(), { args: ["--port", "0", "--host", "0.0.0.0"] }),
  ]);
  assert.equal(problemOf(await secured.request("/console/events")).status, 401);
  const withToken = await Follower.open(secured, { authorization: `Bearer ${TOKEN}` });
  assert.equal((await withToken.until("hello", () => true)).logs, true);
  await withToken.until("log", () => true);
  const factsWith = async (server: Server, headers = {}): Promise<Facts> =>
    JSON.parse((await server.request("/console/facts", { headers })).text);
  const known = await factsWith(secured, { authorization: `Bearer ${TOKEN}` });
  assert.deepEqual([known.secured, known.may], [true, { logs: true, reload: false }]);
  assert.equal(problemOf(await secured.request("/console/facts")).status, 401);
  await withToken[Symbol.asyncDispose]();
  const open = await Follower.open(exposed);
  assert.equal((await open.until("hello", () => true)).logs, false);
  await open.until("second", () => true);
  const shown = await factsWith(exposed);
  assert.deepEqual(shown.may, { logs: false, reload: false });
  assert.doesNotMatch(JSON.stringify(shown), new RegExp(box.root), "paths are not for everybody");
  await open[Symbol.asyncDispose]();
  await stopBoth(secured, exposed);
});

async function stopBoth(...servers: readonly Server[]): Promise<void> {
  for (const server of servers) await server.stop();
}

test("web pages of other origins receive no log lines from the console's events, even if they may use the model", async (box: Sandbox) => {
  const server = await box.serve(echo(), { args: ["--port", "0", "--cors", "*"] });
  const follower = await Follower.open(server, { origin: "https://evil.example", "sec-fetch-site": "cross-site" });
  assert.equal((await follower.until("hello", () => true)).logs, false);
  await follower[Symbol.asyncDispose]();
  assert.equal((await server.request("/console/events", { method: "HEAD" })).status, 200);
  await server.stop();
});
