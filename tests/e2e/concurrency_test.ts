/** Several requests at once in one worker: in batches, in tasks, in threads. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { echo, py, test } from "./support/sandbox.ts";
import { problemOf, type Server } from "./support/server.ts";

const serving = (...args: string[]) => ({ args: ["--port", "0", ...args] });

/** Sends requests with these bodies concurrently. */
const all = (server: Server, bodies: readonly string[]) => Promise.all(bodies.map((body) => server.invoke(body)));

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));

// Batches.

/** Answers with the size of the batch, and fails for some inputs. */
const BATCH = echo(py`
  import time

  def deserialize(data, content_type):
      if data == b"unreadable":
          raise ValueError("unreadable")
      return data.decode()

  def predict(data, model):
      if data == "bad":
          raise KeyError(data)
      return f"{data} alone"

  def predict_batch(data, model, logger=None):
      print("batch of", len(data), flush=True)
      time.sleep(0.05)
      if "bad" in data:
          raise KeyError("one of them")
      if "short" in data:
          return data[1:]
      return [f"{item} of {len(data)}" for item in data]

  def serialize(data, accepted):
      if data.startswith("unwritable"):
          raise TypeError("unwritable")
      return data.encode(), "text/plain"
`);

const batches = (server: Server) =>
  server.printed.flatMap((line) => /^batch of (\d+)$/.exec(line)?.[1] ?? []).map(Number);

test("waiting requests are predicted in one batch, and each gets its own answer", async (box) => {
  const server = await box.serve(BATCH, serving("--max-batch-size", "8"));
  const bodies = numbers(100);
  const answers = await all(server, bodies);
  for (const [index, { status, text }] of answers.entries()) {
    assert.equal(status, 200);
    assert.match(text, new RegExp(`^${index} of [1-8]$`));
  }
  const sizes = batches(server);
  assert.equal(sizes.reduce((sum, size) => sum + size), 100);
  assert.equal(Math.max(...sizes), 8);
  assert.ok(sizes.length < 30, `${sizes.length} batches`);
  await server.stop();
});

test("--batch-timeout waits for more requests, but no longer", async (box) => {
  const server = await box.serve(BATCH, serving("--max-batch-size", "4", "--batch-timeout", "0.5"));
  await all(server, numbers(4));
  assert.deepEqual(batches(server), [4], "a full batch does not wait");
  const first = server.invoke("a");
  await sleep(150);
  await Promise.all([first, server.invoke("b")]);
  assert.deepEqual(batches(server), [4, 2]);
  await server.invoke("c");
  assert.deepEqual(batches(server), [4, 2, 1]);
  await server.stop();
});

test("an invalid input in a batch fails alone", async (box) => {
  const server = await box.serve(BATCH, serving("--batch-timeout", "0.3", "--max-batch-size", "5"));
  const answers = await all(server, ["a", "bad", "unreadable", "b", "unwritable"]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 500, 400, 200, 500]);
  assert.deepEqual([answers[0]!.text, answers[3]!.text], ["a alone", "b alone"]);
  assert.equal(problemOf(answers[1]!).detail, "predict() raised KeyError: 'bad'");
  assert.equal(problemOf(answers[2]!).detail, "deserialize() raised ValueError: unreadable");
  assert.equal(problemOf(answers[4]!).detail, "serialize() raised TypeError: unwritable");
  assert.ok(server.printed.includes("predict_batch() raised KeyError for 4 inputs: each is predicted alone"));
  const single = await server.invoke("bad");
  assert.equal(problemOf(single).detail, "predict_batch() raised KeyError: 'one of them'");
  const short = await server.invoke("short");
  assert.match(
    problemOf(short).detail,
    /^predict_batch\(\) must return a list of 1 output, one for each input; it returned 0$/,
  );
  await server.stop();
});

test("--max-batch-size 1 predicts inputs one by one, and does not affect a script without predict_batch", async (box) => {
  const server = await box.serve(BATCH, serving("--max-batch-size", "1"));
  assert.equal((await server.invoke("a")).text, "a alone");
  await server.stop();
  const plain = await box.serve(echo(), serving("--max-batch-size", "8"));
  assert.equal((await plain.invoke("a")).text, "a");
  await plain.stop();
});

test("when a worker dies, its whole batch is answered 502, and waiting requests go to the next worker", async (box) => {
  const server = await box.serve(
    echo(py`
      import os, time
      def predict_batch(data, model):
          print("batch", *data, flush=True)
          time.sleep(0.3)
          if b"die" in data:
              os._exit(9)
          return data
    `),
    serving("--max-batch-size", "2", "--batch-timeout", "0.2"),
  );
  const answers = await all(server, ["die", "with", "next", "last"]);
  const of = (status: number) => answers.filter((answer) => answer.status === status).length;
  assert.deepEqual([of(502), of(200)], [2, 2], answers.map(({ status }) => status).join());
  await server.stop();
});

// Tasks.

const ASYNC = echo(py`
  import asyncio, time

  running = 0
  most = 0

  async def predict(data, model):
      global running, most
      word, _, rest = data.decode().partition(" ")
      if word == "most":
          return str(most).encode()
      running += 1
      most = max(most, running)
      try:
          await asyncio.sleep(float(word))
          if rest == "fail":
              raise ValueError("failed")
          return data
      except asyncio.CancelledError:
          print("cancelled", data.decode(), flush=True)
          raise
      finally:
          running -= 1
`);

test("an async predict executes up to --concurrency requests at once, which finish in any order", async (box) => {
  const server = await box.serve(ASYNC, serving("--concurrency", "10"));
  const bodies = numbers(60).map((index) => `0.${(Number(index) * 7) % 10}1 ${index}`);
  const start = performance.now();
  const answers = await all(server, bodies);
  assert.deepEqual(answers.map(({ text }) => text), bodies, "each gets its own");
  assert.ok(performance.now() - start < 20_000);
  assert.equal((await server.invoke("most")).text, "10");
  const failed = await server.invoke("0.01 fail");
  assert.equal(problemOf(failed).detail, "predict() raised ValueError: failed");
  await server.stop();
});

test("--concurrency 1 executes an async predict for one request at a time", async (box) => {
  const server = await box.serve(ASYNC, serving("--concurrency", "1"));
  await all(server, ["0.05", "0.05", "0.05"]);
  assert.equal((await server.invoke("most")).text, "1");
  await server.stop();
});

test("an async request is cancelled when its client disconnects, and its worker keeps running", async (box) => {
  const server = await box.serve(ASYNC, serving());
  const client = new AbortController();
  const gone = fetch(`${server.url}/invocations`, { method: "POST", body: "60 gone", signal: client.signal })
    .catch((error) => error.name);
  const stays = server.invoke("1 stays");
  await sleep(300);
  client.abort();
  assert.equal(await gone, "AbortError");
  await until("the script saw it", () => server.printed.includes("cancelled 60 gone"));
  assert.equal((await stays).text, "1 stays");
  assert.equal(server.workersReady, 1);
  await server.stop();
});

test("SIGTERM lets async requests finish", async (box) => {
  const server = await box.serve(ASYNC, serving());
  const answers = all(server, ["0.5 a", "0.6 b"]);
  await sleep(200);
  const stopped = server.stop();
  assert.deepEqual((await answers).map(({ text }) => text), ["0.5 a", "0.6 b"]);
  await stopped;
});

test("an async request that takes too long is answered 504, and its worker is replaced", async (box) => {
  const server = await box.serve(ASYNC, serving("--request-timeout", "1"));
  const slow = server.invoke("60");
  const quick = await all(server, ["0.1", "0.2"]);
  assert.deepEqual(quick.map(({ status }) => status), [200, 200]);
  assert.equal((await slow).status, 504);
  assert.equal((await server.invoke("0.1")).status, 200);
  await server.stop();
});

test("requests that an async worker has begun are not executed again when it dies, even if later ones were answered", async (box) => {
  const server = await box.serve(echo(py`
    import asyncio, os
    async def predict(data, model):
        print("executes", data.decode(), flush=True)
        if data == b"slow":
            await asyncio.sleep(60)
        if data == b"exit":
            os._exit(3)
        return data
  `));
  const slow = server.invoke("slow");
  await until("it is executed", () => server.printed.includes("executes slow"));
  assert.equal((await server.invoke("quick")).text, "quick");
  const exit = server.invoke("exit");
  assert.deepEqual([(await slow).status, (await exit).status], [502, 502]);
  assert.equal((await server.invoke("quick")).text, "quick");
  assert.deepEqual(server.printed.filter((line) => line === "executes slow").length, 1);
  await server.stop();
});

// Threads.

const THREADS = echo(py`
  import threading, time

  running = 0
  most = 0
  lock = threading.Lock()

  def predict(data, model):
      global running, most
      if data == b"most":
          return str(most).encode()
      with lock:
          running += 1
          most = max(most, running)
      time.sleep(float(data.split()[0]))
      with lock:
          running -= 1
      return data
`);

test("--threads executes several requests at once, which finish in any order", async (box) => {
  const server = await box.serve(THREADS, serving("--threads", "4"));
  const bodies = numbers(40).map((index) => `0.0${(Number(index) * 7) % 10} ${index}`);
  const answers = await all(server, bodies);
  assert.deepEqual(answers.map(({ text }) => text), bodies);
  assert.equal((await server.invoke("most")).text, "4");
  const slow = all(server, ["0.4 a", "0.5 b"]);
  await sleep(100);
  const stopped = server.stop();
  assert.deepEqual((await slow).map(({ status }) => status), [200, 200]);
  await stopped;
});

test("without --threads one request is executed at a time", async (box) => {
  const server = await box.serve(THREADS, serving());
  await all(server, ["0.05", "0.05", "0.05"]);
  assert.equal((await server.invoke("most")).text, "1");
  await server.stop();
});
