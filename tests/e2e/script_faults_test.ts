/** Unusual scripts: buffers of any shape, exceptions that can't be formatted, forked processes. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { echo, py, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

const serving = (...args: string[]) => ({ args: ["--port", "0", ...args] });

/** The serving loops of a worker: replacements for `def predict`, and options. */
const LOOPS = [
  ["one by one", "def", []],
  ["in threads", "def", ["--threads", "4"]],
  ["in tasks", "async def", []],
] as const;

for (const [how, define, args] of LOOPS) {
  test(`all bytes of a memoryview are sent as the answer, ${how}`, async (box) => {
    const server = await box.serve(
      echo(py`
        ${define} predict(data, model):
            return memoryview(bytes(range(48)) * int(data)).cast("f", [int(data), 3, 4])
        def serialize(data, accepted):
            return data, "application/octet-stream"
      `),
      serving(...args),
    );
    for (const count of [1, 300, 400, 1400, 30_000]) {
      const { status, bytes } = await server.invoke(String(count));
      assert.equal(status, 200);
      assert.equal(bytes.length, 48 * count);
      assert.ok(bytes.every((byte, index) => byte === index % 48));
    }
    assert.equal(server.workersReady, 1);
    await server.stop();
  });

  test(`an exception that can't be formatted is answered, and its worker keeps running, ${how}`, async (box) => {
    const server = await box.serve(
      echo(py`
        class Malformed(Exception):
            def __str__(self):
                return self.fields["detail"]
        def deserialize(data, content_type):
            if data == b"malformed":
                raise Malformed
            if data == b"interrupt":
                raise KeyboardInterrupt
            return data
        ${define} predict(data, model):
            return data
      `),
      serving(...args),
    );
    for (
      const [body, exception, message] of [["malformed", "Malformed", "<exception str() failed>"], [
        "interrupt",
        "KeyboardInterrupt",
        "",
      ]]
    ) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => server.invoke(body!)));
      for (const answer of answers) {
        const problem = problemOf(answer);
        assert.deepEqual(
          [problem.status, problem["stage"], problem["exception"], problem["message"]],
          [400, "deserialize", exception, message],
        );
      }
    }
    assert.equal((await server.invoke("well")).text, "well");
    assert.equal(server.workersReady, 1);
    assert.match(server.log, /Malformed: <exception str\(\) failed>/);
    await server.stop();
  });

  test(`a process that a script forks ends when it returns into the bridge, and answers nothing, ${how}`, async (box) => {
    const server = await box.serve(
      echo(py`
        import os, sys
        ${define} predict(data, model):
            pid = os.fork()
            if pid == 0:
                sys.exit(0)
            if data == b"wait":
                return str(os.waitpid(pid, 0)[1]).encode()
            return data
      `),
      serving(...args),
    );
    for (let count = 0; count < 5; count++) {
      assert.equal((await server.invoke("wait")).text, "0");
      assert.equal((await server.invoke("go on")).text, "go on");
    }
    assert.equal(server.workersReady, 1);
    await server.stop();
  });
}

test("a request whose coroutine is cancelled while its client is connected is answered 500", async (box) => {
  const server = await box.serve(echo(py`
    import asyncio
    async def predict(data, model):
        raise asyncio.CancelledError
  `));
  const problem = problemOf(await server.invoke("x"));
  assert.deepEqual([problem.status, problem.detail], [500, "predict() raised CancelledError"]);
  await server.stop();
});

test("a table that predict_batch returns is refused, and no client gets another's result", async (box) => {
  const server = await box.serve(
    echo(py`
      class Table:
          def __init__(self, rows):
              self.rows = rows
          def __len__(self):
              return len(self.rows)
          def __iter__(self):
              return iter(["label", "score"])
      def deserialize(data, content_type):
          if data == b"bad":
              raise ValueError("bad")
          return data
      def predict_batch(data, model):
          return Table(data)
    `),
    serving("--max-batch-size", "6", "--batch-timeout", "5"),
  );
  const bodies = ["0", "1", "2", "bad", "4", "5"];
  const answers = await Promise.all(bodies.map((body) => server.invoke(body)));
  for (const [index, answer] of answers.entries()) {
    const problem = problemOf(answer);
    if (bodies[index] === "bad") assert.equal(problem.detail, "deserialize() raised ValueError: bad");
    else {assert.equal(
        problem.detail,
        "predict_batch() must return a list of 5 outputs, one for each input; it returned Table",
      );}
  }
  await server.stop();
});

test("a process that the script forks does not end train", async (box) => {
  const finished = await box.train(py`
    import os
    def train(model_dir):
        pid = os.fork()
        if pid == 0:
            raise ValueError("the helper failed")
        os.waitpid(pid, 0)
        open(os.path.join(model_dir, "model.txt"), "w").close()
  `);
  assert.equal(finished.code, 0, finished.stderr);
  assert.match(finished.stderr, /ValueError: the helper failed/);
  assert.equal(box.read("model/model.txt"), "");
});

test("serve logs the thread of the script that it waits for when it is stopped", async (box) => {
  const server = await box.serve(echo(py`
    import os, threading, time
    def poll():
        while not os.path.exists("go"):
            time.sleep(0.01)
    def load(model_dir):
        threading.Thread(target=poll, name="poller").start()
  `));
  server.program.kill("SIGTERM");
  const message = /it waits for the thread poller \('[^']+serve\.py', line \d+\) of the script/;
  await until("the worker says what it waits for", () => message.test(server.log));
  box.write({ go: "" });
  assert.equal((await server.program.finished()).code, 0);
});
