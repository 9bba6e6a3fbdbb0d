/** A worker whose CUDA has failed for good is replaced, and other requests lose nothing. The driver is a stand-in. */

import assert from "node:assert/strict";
import { LONG, until } from "./support/limits.ts";
import { echo, py, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const SCRIPT = echo(py`
  import os
  from aimodellib._bridge import cuda

  class Driver:
      def broken(self):
          return "an illegal memory access was encountered"

  def execute(data):
      if data == b"break":
          cuda._Driver, cuda.watch.has_devices = Driver, True
      if cuda._Driver is Driver:
          raise RuntimeError("CUDA error: an illegal memory access was encountered")
      if data == b"bad":
          raise ValueError("bad")
      return str(os.getpid()).encode()
`);

const WAYS = {
  serial: py`
    def predict(data, model):
        return execute(data)
  `,
  tasks: py`
    async def predict(data, model):
        return execute(data)
  `,
  batches: py`
    def predict(data, model):
        return execute(data)
    def predict_batch(data, model):
        return [execute(each) for each in data]
  `,
};

test("a worker whose CUDA has failed for good is replaced, and no other request notices", async (box) => {
  const models = Object.entries(WAYS).flatMap(([way, predict]) => {
    box.write({ "model/weights": "", [`${way}/serve.py`]: `${SCRIPT}\n${predict}` });
    return ["--model", `${way}=${box.path(way)},serve.py,${box.path("model")}`];
  });
  const program = box.start(["serve", "--port", "0", "--workers", "2", ...models], { env: { ...box.env } });
  const [, url] = await program.stderr.waitFor(/Listening on (http:\/\/\S+);/);
  const ready = () => [...program.stderr.text.matchAll(/Worker (\w+)\/\d is ready/g)].length;
  await until("all workers are ready", () => ready() === 6, LONG, () => program.stderr.text);
  const ask = async (way: string, body: string) => {
    const response = await fetch(`${url}/models/${way}/invocations`, { method: "POST", body });
    return { status: response.status, text: await response.text() };
  };
  for (const way of Object.keys(WAYS)) {
    const bad = await ask(way, "bad");
    assert.equal(bad.status, 500);
    const broken = await ask(way, "break");
    assert.equal(broken.status, 500, broken.text);
    assert.match(broken.text, /illegal memory access/);
    // More than the other worker takes at once.
    const others = await Promise.all(Array.from({ length: 100 }, () => ask(way, "well")));
    assert.deepEqual(others.filter(({ status }) => status !== 200), [], way);
  }
  await until("all have successors", () => ready() === 9, LONG, () => program.stderr.text);
  const reasons = program.stderr.text.matchAll(
    /Worker (\w+)\/\d died \(CUDA does not work in its process any more: an illegal memory access was encountered\)/g,
  );
  // Each process ends in its own time.
  assert.deepEqual([...reasons].map(([, way]) => way).sort(), Object.keys(WAYS).sort());
  const metrics = await (await fetch(`${url}/metrics`)).text();
  for (const way of Object.keys(WAYS)) {
    assert.match(metrics, new RegExp(`^aimodellib_worker_restarts_total\\{model="${way}",cause="exit"\\} 1$`, "m"));
  }
  await Server.at(program, url!).stop();
});
