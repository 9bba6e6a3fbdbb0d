/** How `aimodellib serve` stops, and ends its processes. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { freePort } from "./support/port.ts";
import { isAlive } from "./support/processes.ts";
import { RawConnection } from "./support/raw.ts";
import { BIN, echo, py, test } from "./support/sandbox.ts";
import { SLOW } from "./support/scripts.ts";

for (const name of ["SIGTERM", "SIGINT"] as const) {
  test(`serve answers requests in flight, accepts no new ones, and exits with 0 on ${name}`, async (box) => {
    const server = await box.serve(SLOW);
    const pid = server.workerPid;
    using idle = await RawConnection.open(server.port);
    const slow = Array.from({ length: 3 }, () => server.invoke("0.4"));
    await sleep(150);
    server.program.kill(name);
    await server.program.stderr.waitFor(/Stopping: /);
    await until("nothing is accepted", async () => {
      try {
        (await RawConnection.open(server.port))[Symbol.dispose]();
        return false;
      } catch {
        return true;
      }
    });
    for (const answer of await Promise.all(slow)) {
      assert.deepEqual([answer.status, answer.text], [200, `after 0.4 s in process ${pid}`]);
    }
    const { code } = await server.program.finished();
    assert.equal(code, 0);
    assert.equal(isAlive(pid), false);
    assert.equal(await idle.rest(), "", "connections that were kept are closed");
  });
}

test("serve ends at once on a second signal", async (box) => {
  const server = await box.serve(SLOW);
  const pid = server.workerPid;
  const slow = server.invoke("300").catch(() => undefined);
  await sleep(200);
  server.program.kill("SIGTERM");
  await server.program.stderr.waitFor(/Stopping: /);
  // A signal within a second would count as the same stop.
  server.program.kill("SIGTERM");
  await sleep(1_100);
  assert.equal(server.program.isOver, false, "it waits for what is in flight");
  server.program.kill("SIGTERM");
  await server.program.finished(5_000);
  assert.notEqual((await slow)?.status, 200);
  await until("the worker is gone", () => !isAlive(pid), 2_000);
});

test("serve kills workers whose requests take longer than --drain-timeout", async (box) => {
  const server = await box.serve(SLOW, { args: ["--port", "0", "--drain-timeout", "0.5"] });
  const pid = server.workerPid;
  const slow = server.invoke("300").catch(() => undefined);
  await sleep(200);
  server.program.kill("SIGTERM");
  await server.program.finished(10_000);
  assert.notEqual((await slow)?.status, 200);
  await until("the worker is gone", () => !isAlive(pid), 2_000);
});

test("serve ends the script's child processes when it is stopped", async (box) => {
  const server = await box.serve(echo(py`
    import subprocess
    def load(model_dir):
        subprocess.Popen(["sleep", "300"])
        subprocess.Popen(["sleep", "300"], start_new_session=True)
  `));
  const children = () => box.processes().filter(({ command }) => command === "sleep 300").length;
  await until("both child processes run", () => children() === 2);
  await server.stop();
  await until("no process is left", () => box.processes().length === 0, 2_000);
});

test("serve runs the script's exit handlers when it is stopped", async (box) => {
  const server = await box.serve(echo("import atexit\natexit.register(lambda: print('goodbye'))\n"));
  await server.stop();
  assert.deepEqual(server.printed, ["goodbye"]);
});

test("serve keeps running when the reader of its log is gone", async (box) => {
  const module = box.module({ "serve.py": echo("def predict(data, model):\n  print('x' * 1000)\n  return data\n") });
  const port = freePort();
  const shell = `"$0" serve "$1" serve.py "$1" ${port} 2>&1 | head -n 2; sleep 300`;
  const program = box.start(["-c", shell, BIN, module], {
    command: "/bin/sh",
  });
  const url = `http://127.0.0.1:${port}`;
  const isReady = () => fetch(`${url}/ping`).then(async (r) => (await r.text(), r.ok), () => false);
  await until("it is ready", isReady);
  for (let i = 0; i < 200; i++) {
    const answer = await fetch(`${url}/invocations`, { method: "POST", body: `${i}` });
    assert.equal(await answer.text(), `${i}`);
  }
  for (const { pid, command } of box.processes()) if (command.includes(" serve ")) Deno.kill(pid, "SIGTERM");
  await until("the server ends", () => !box.processes().some(({ command }) => / serve |_bridge/.test(command)));
  for (const { pid } of box.processes()) Deno.kill(pid, "SIGKILL");
  await program.finished();
});

test("two servers run side by side without affecting each other", async (box) => {
  const [a, b] = await Promise.all([
    box.serve(echo("def predict(d, m): return b'a' + d")),
    box.serve(echo("def predict(d, m): return b'b' + d")),
  ]);
  assert.deepEqual([(await a.invoke("x")).text, (await b.invoke("x")).text], ["ax", "bx"]);
  await a.stop();
  assert.equal((await b.invoke("y")).text, "by");
  await b.stop();
});
