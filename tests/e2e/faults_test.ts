/** Faults between supervisor and worker: no client gets a wrong answer or waits forever, and no process is left. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { CAN_MOUNT } from "./support/needs.ts";
import { BIN, echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

/** Returns the processes of a run, and its connections with workers. */
function books(box: Sandbox, server: Server): { processes: number; connections: number } {
  const unix = new Set<string | undefined>(
    Deno.readTextFileSync("/proc/net/unix").split("\n").map((line) => line.trim().split(/\s+/)[6]),
  );
  unix.delete(undefined);
  const folder = `/proc/${server.program.pid}/fd`;
  let connections = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    try {
      if (unix.has(/^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`${folder}/${name}`))?.[1])) connections++;
    } catch {
      // The descriptor was closed meanwhile.
    }
  }
  return { processes: box.processes().length, connections };
}

test("serve leaves no keeper, child process or descriptor behind when workers die while requests are sent to them", async (box) => {
  const server = await box.serve(
    echo(py`
      import os, subprocess, time
      def load(model_dir):
          subprocess.Popen(["setsid", "sleep", "300"], stdin=-3, stdout=-3, stderr=-3)
      def predict(data, model):
          return b"x"
      def predict_batch(inputs, model):
          if b"die" in inputs:
              open("begun", "w").close()
              time.sleep(0.5)
              os._exit(9)
          return [b"x" for _ in inputs]
    `),
    { args: ["--port", "0", "--max-batch-size", "8", "--max-restarts", "100"] },
  );
  assert.equal((await server.invoke("x")).status, 200);
  let before = books(box, server);
  for (let round = 1; round <= 3; round++) {
    const dying = server.invoke("die");
    await until("the worker is busy", () => exists(box.path("begun")));
    Deno.removeSync(box.path("begun"));
    // More than the buffers of the socket and the exchange hold.
    const others = Array.from({ length: 12 }, () => server.invoke("x".repeat(3 << 20)));
    assert.equal((await dying).status, 502);
    for (const { status } of await Promise.all(others)) assert.equal(status, 200, "it was never begun");
    let now = before;
    await until(
      "there are no more processes and connections than before",
      () => {
        now = books(box, server);
        return now.processes <= before.processes && now.connections <= before.connections;
      },
      10_000,
      () => `round ${round}: ${JSON.stringify({ before, now })}`,
    );
    // The first time, a process of the start could still be among them.
    before = now;
  }
  await server.stop();
});

test("serve reports how a worker ended, and does not hang, when it is killed between its keeper's fork and HELLO", async (box) => {
  const site = box.module({
    "sitecustomize.py": py`
      import os
      if "AIMODELLIB_BRIDGE" in os.environ:
          os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), 9))
    `,
  });
  const module = box.module({ "serve.py": echo("") });
  const { code, stderr } = await box.run(["serve", "--port", "0", module, "serve.py", "."], {
    env: { PYTHONPATH: site },
    limit: 30_000,
  });
  assert.equal(code, 1);
  assert.match(stderr, /Error: The worker died while loading: .* ended with signal SIGKILL .*before it was ready/);
});

/** Answers `stream` with an endless stream, and any other body with itself. */
const ENDLESS = echo(py`
  import itertools
  def predict(data, model):
      return (b"z" * 65536 for _ in itertools.count()) if data == b"stream" else data
`);
const ENDLESS_ASYNC = echo(py`
  async def predict(data, model):
      while data == b"stream":
          yield b"z" * 65536
      yield data
`);

for (
  const [what, script, more] of [
    ["several requests at once", ENDLESS_ASYNC, ["--concurrency", "8"]],
    ["one request after the other", ENDLESS, []],
    ["requests in threads", ENDLESS, ["--threads", "4"]],
  ] as const
) {
  test(`serve ends a streamed answer whose client does not read it, and continues with a worker of ${what}`, async (box) => {
    const server = await box.serve(script, { args: ["--port", "0", "--request-timeout", "1", ...more] });
    const slow = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await slow.write(
      new TextEncoder().encode("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nstream"),
    );
    // The client reads the beginning, and then nothing.
    await slow.read(new Uint8Array(10));
    const end = performance.now() + 5_000;
    while (performance.now() < end) {
      const answers = await Promise.all(["a", "b", "c"].map((name) => server.invoke(name)));
      assert.deepEqual(answers.map(({ status, text }) => [status, text]), [[200, "a"], [200, "b"], [200, "c"]]);
      await sleep(200);
    }
    assert.equal(server.workersReady, 1, server.log);
    slow.close();
    await server.stop();
  });
}

const SIZES = [10, 3_000, 9_000, 15_000, 15_000, 70_000, 8 << 20];

for (const room of ["4k", "64k", "100k", "1m"]) {
  test(`serve answers with bodies of all sizes when TMPDIR has room only for ${room}`, async (box) => {
    const small = box.path("small");
    Deno.mkdirSync(small);
    const module = box.module({ "serve.py": echo("") });
    // After the small TMPDIR, the executable tries the other places.
    const script =
      `mount -t tmpfs -o size=${room} none '${small}' && exec '${BIN}' serve --port 0 '${module}' serve.py .`;
    const program = box.start(["--mount", "sh", "-c", script], { command: "unshare", env: { TMPDIR: small } });
    const server = await Server.attach(program, true);
    for (const size of SIZES) {
      const { status, bytes } = await server.invoke("a".repeat(size));
      assert.deepEqual([size, status, bytes.length], [size, 200, size]);
    }
    assert.equal(server.workersReady, 1, server.log);
    await server.stop();
  }, CAN_MOUNT);
}

for (
  const [how, more] of [["one after the other", []], ["in threads", ["--threads", "2"]]] as const
) {
  test(`serve answers a request whose content type is as long as a ledger when they are executed ${how}`, async (box) => {
    const server = await box.serve(
      echo(py`
        def serialize(result, accepted):
            return result, "a/" + "b" * int(result)
      `),
      { args: ["--port", "0", ...more] },
    );
    // Longer content types do not fit in a frame.
    for (const length of [10, 60_000, 65_480, 65_600, 10]) {
      const { status } = await server.invoke(`${length}`);
      assert.ok(length < 65_500 ? status === 200 : status === 500, `${length}: ${status}`);
    }
    assert.equal(server.workersReady, 1, server.log);
    await server.stop();
  });
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
