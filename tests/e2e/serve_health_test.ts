/** Health checks of `aimodellib serve`: during loading, when the model is ready, and with HEAD. */

import assert from "node:assert/strict";
import { RawConnection } from "./support/raw.ts";
import { echo, py, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

test("serve answers 503 until load has returned, and 200 after that", async (box) => {
  const server = await box.serve(
    echo(py`
      import os, time
      def load(model_dir, logger=None):
          while not os.path.exists(model_dir + "/go"):
              time.sleep(0.01)
    `),
    { waitForReady: false },
  );
  for (const path of ["/ping", "/health/ready"]) {
    const answer = await server.request(path);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal(problemOf(answer)["state"], "loading");
  }
  assert.equal((await server.request("/health/live")).status, 200);
  const early = await server.invoke("x");
  assert.equal(early.status, 503);
  assert.match(problemOf(early).detail, /still loading/);

  box.write({ "model/go": "" });
  await server.program.stderr.waitFor(/Ready: POST /);
  for (const path of ["/ping", "/health/ready", "/health/live"]) {
    assert.equal((await server.request(path)).status, 200, path);
  }
  const answer = await server.invoke("x");
  assert.deepEqual([answer.status, answer.text], [200, "x"]);
  await server.stop();
});

test("serve exits with 0 at once when SIGTERM arrives during loading", async (box) => {
  const server = await box.serve(
    echo("import time\ndef load(model_dir):\n  print('loading')\n  time.sleep(300)\n"),
    { waitForReady: false },
  );
  await server.program.stderr.waitFor(/loading$/);
  await server.stop();
});

test("serve answers HEAD for health checks like GET, without a body", async (box) => {
  const server = await box.serve(echo());
  for (const path of ["/ping", "/health/ready", "/health/live", "/"]) {
    const answer = await server.request(path, { method: "HEAD" });
    assert.deepEqual([answer.status, answer.bytes.length], [200, 0], path);
  }
  using connection = await RawConnection.open(server.port);
  for (let i = 0; i < 3; i++) {
    await connection.send("HEAD /ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert.equal((await connection.receive({ toHead: true }))?.status, 200);
  }
  await server.stop();
});
