/** What `serve` tells a service manager, and what it does when the process that has started it ends. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { runs } from "./support/needs.ts";
import type { Program } from "./support/program.ts";
import { BIN, echo, py, PYTHON, ROOT, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const RECEIVER = `${ROOT}/tests/e2e/support/receive_datagrams.py`;

const ENVIRONMENT = echo(py`
  import os
  names = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
  def predict(data, model):
      return str([name for name in names if name in os.environ]).encode()
`);

/** A socket that keeps the messages which it receives. */
class Manager implements AsyncDisposable {
  private constructor(readonly program: Program) {}

  static async at(box: Sandbox, name: string): Promise<Manager> {
    const program = box.start([RECEIVER, name], { command: PYTHON });
    await program.stdout.waitFor(/"bound"/);
    return new Manager(program);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.program.kill("SIGKILL");
    await this.program.finished();
  }

  /** All messages but the watchdog's. */
  get messages(): string[] {
    return this.program.stdout.lines.slice(1).map((line) => JSON.parse(line)).filter((it) => it !== "WATCHDOG=1");
  }

  get states(): string[] {
    return this.messages.filter((message) => !message.startsWith("STATUS=")).map((it) => it.replace(/=\d{4,}$/, "=N"));
  }

  /** The number of messages to the watchdog. */
  get pings(): number {
    return this.program.stdout.lines.filter((line) => line === '"WATCHDOG=1"').length;
  }
}

test("serve tells the service manager when it is ready, reloads and stops, and its watchdog that it lives", async (box) => {
  const socket = box.path("notify");
  await using manager = await Manager.at(box, socket);
  const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "100000" };
  const server = await box.serve(ENVIRONMENT, { env, args: ["--port", "0", "--workers", "2"] });
  await until("it is ready", () => manager.states.length === 1);
  assert.equal((await server.invoke("a")).text, "[]", "the script sees none of the variables");
  await until("both workers are", () => manager.messages.some((it) => it.startsWith("STATUS=ready: 2 of 2 workers")));
  server.program.kill("SIGHUP");
  await until("it has reloaded", () => manager.states.length === 3);
  const { pings } = manager;
  await until("the watchdog gets more", () => manager.pings > pings + 2);
  await server.stop();
  await until("it has stopped", () => manager.states.length === 4);
  assert.deepEqual(manager.states, ["READY=1", "RELOADING=1\nMONOTONIC_USEC=N", "READY=1", "STOPPING=1"]);
  const sent = Number(/MONOTONIC_USEC=(\d+)/.exec(manager.messages.join())![1]);
  const now = Number(
    (await box.run(["-c", "import time; print(time.monotonic_ns() // 1000)"], { command: PYTHON })).stdout,
  );
  assert.ok(sent <= now && now - sent < 120e6, `${sent} µs, and it is ${now} µs`);
  assert.equal(manager.messages[0], "STATUS=preparing the model");
});

test("serve tells the service manager of a reload after a change to the script", async (box) => {
  const socket = box.path("notify");
  await using manager = await Manager.at(box, socket);
  const module = box.module({ "serve.py": ENVIRONMENT });
  const server = await box.serve({ module }, { env: { NOTIFY_SOCKET: socket }, more: ["--reload"] });
  await until("it is ready", () => manager.states.length === 1);
  Deno.writeTextFileSync(`${module}/serve.py`, echo());
  await until("it has reloaded", () => manager.states.length === 3);
  await server.stop();
  assert.deepEqual(manager.states.slice(1, 3), ["RELOADING=1\nMONOTONIC_USEC=N", "READY=1"]);
});

test("serve notifies an abstract socket, and not before a model is loaded", async (box) => {
  const name = `@aimodellib-${crypto.randomUUID()}`;
  await using manager = await Manager.at(box, name);
  const script = echo(py`
    import os, time
    def load(model_dir):
        while not os.path.exists(model_dir + "/go"):
            time.sleep(0.01)
  `);
  const server = await box.serve(script, {
    env: { NOTIFY_SOCKET: name, WATCHDOG_USEC: "100000", WATCHDOG_PID: "1" },
    waitForReady: false,
  });
  await until("it says that it loads", () => manager.messages.some((it) => /^STATUS=loading: 0 of \d/.test(it)));
  assert.deepEqual(manager.states, []);
  box.write({ "model/go": "" });
  await until("it is ready", () => manager.states.length === 1);
  assert.deepEqual(manager.states, ["READY=1"]);
  assert.equal(manager.pings, 0, "the watchdog is that of another process");
  await server.stop();
});

for (const socket of ["/nowhere/at/all", "relative", `/${"long".repeat(30)}`]) {
  test(`serve logs a warning and answers when it can't reach NOTIFY_SOCKET at ${socket.slice(0, 16)}`, async (box) => {
    const server = await box.serve(echo(), { env: { NOTIFY_SOCKET: socket } });
    assert.equal((await server.invoke("a")).text, "a");
    await server.program.stderr.waitFor(/WARNING The service manager can't be notified at '.*' \(NOTIFY_SOCKET\)/);
    await server.stop();
  });
}

/** Starts the executable from a shell, which waits for it. */
function underShell(box: Sandbox, args: readonly string[]): Program {
  return box.start(["-c", '"$@" & wait', "sh", BIN, ...args], { command: "sh" });
}

test("serve --exit-with-parent stops as after SIGTERM when the process that has started it is killed", async (box) => {
  const module = box.module({
    "serve.py": echo(py`
      import time
      def predict(data, model):
          time.sleep(1)
          return data
    `),
  });
  box.write({ "model/empty": "" });
  const args = ["serve", "--port", "0", "--exit-with-parent", module, "serve.py", box.path("model")];
  const shell = underShell(box, args);
  const server = await Server.attach(shell, true);
  const answer = server.invoke("a");
  await until("it is executed", async () => (await server.request("/metrics")).text.includes("_in_flight 2"));
  shell.kill("SIGKILL");
  assert.equal((await answer).text, "a", "it finishes its requests");
  await shell.stderr.waitFor(
    new RegExp(`Stopping, because the process that has started aimodellib \\(${shell.pid}\\) has ended`),
  );
  await shell.stderr.waitFor(/Stopping: requests in flight are finished first/);
});

test("train --exit-with-parent interrupts the script when the process that has started it is killed", async (box) => {
  const module = box.module({
    "train.py": py`
      import time
      def train(model_dir):
          try:
              print("begun", flush=True)
              time.sleep(600)
          except KeyboardInterrupt:
              print("interrupted", flush=True)
    `,
  });
  const shell = underShell(box, ["train", "--exit-with-parent", module, "train.py", box.path("model")]);
  await shell.stdout.waitFor(/begun/);
  shell.kill("SIGKILL");
  await shell.stdout.waitFor(/interrupted/);
});

/** Succeeds if process 1 becomes the parent of a process whose parent ends. */
const ADOPTED = py`
  import os, sys, time
  reader, writer = os.pipe()
  if os.fork() == 0:
      parent = os.getpid()
      if os.fork() == 0:
          while os.getppid() == parent:
              time.sleep(0.01)
          os.write(writer, str(os.getppid()).encode())
      os._exit(0)
  sys.exit(os.read(reader, 20) != b"1")
`;
const ADOPTS = runs(PYTHON, "-c", ADOPTED) || "another process than 1 adopts orphans here";

test("--exit-with-parent is an error when the process that has started aimodellib has ended already", async (box) => {
  const module = box.module({ "serve.py": echo(), "train.py": "def train(model_dir): pass" });
  for (const [command, script] of [["serve", "serve.py"], ["train", "train.py"]] as const) {
    const words = [command, "--exit-with-parent", module, script, box.path("model")];
    // The shell ends at once, and the executable starts when it has another parent.
    const wait = 'p=$$; (while kill -0 $p 2>/dev/null; do sleep 0.05; done; exec "$@") &';
    const shell = box.start(["-c", wait, "sh", BIN, ...words], { command: "sh" });
    await shell.stderr.waitFor(/--exit-with-parent: the process that has started aimodellib has ended already/);
  }
}, ADOPTS);
