/** The executable as process 1 of a container, where it reaps orphaned processes. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { AS_PROCESS_1, CAN_BE_PROCESS_1 } from "./support/needs.ts";
import { signal } from "./support/processes.ts";
import { BIN, echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

/** How many workers are replaced; without reaping, each leaves two zombies. */
const ROUNDS = 10;

/** Starts the executable as process 1. */
function startAlone(box: Sandbox, args: readonly string[]) {
  const [command, ...words] = [...AS_PROCESS_1, BIN, ...args];
  return box.start(words, { command: command! });
}

/** Returns the children of a process with their states: proc_pid_stat(5). */
function children(parent: number): { pid: number; state: string }[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      const [state, of] = Deno.readTextFileSync(`/proc/${name}/stat`).split(") ").at(-1)!.split(" ");
      return Number(of) === parent ? [{ pid: Number(name), state: state! }] : [];
    } catch {
      return [];
    }
  });
}

test("serve as process 1 reaps workers, their keepers, and processes that scripts leave behind", async (box) => {
  const module = box.module({
    "serve.py": echo(py`
      import os
      def predict(data, model):
          os.system("sleep 0.1 >/dev/null 2>&1 &")
          return data
    `),
  });
  const args = ["--port", "0", "--max-requests-per-worker", "1", "--max-restarts", "1000"];
  const server = await Server.attach(startAlone(box, ["serve", ...args, module, "serve.py", box.root]), true);
  const [one] = children(server.program.pid);
  for (let round = 1; round <= ROUNDS; round++) {
    assert.equal((await server.invoke("x")).text, "x");
    await until("the worker is replaced", () => server.log.match(/Worker 1 is ready/g)!.length > round);
  }
  // Only Deno may wait for the workers: without their exit status, it would wait forever.
  const zombies = () => children(one!.pid).filter(({ state }) => state === "Z");
  await until("no zombie is left", () => zombies().length === 0, 10_000, () => `${zombies().length} zombies`);
  signal(one!.pid, "SIGTERM");
  assert.equal((await server.program.finished()).code, 0);
}, CAN_BE_PROCESS_1);

test("train as process 1 reaps processes while it runs, and exits with the script's code", async (box) => {
  const module = box.module({
    "train.py": py`
      import os, sys, time
      def train(model_dir):
          for _ in range(3):
              os.system("sleep 0.1 >/dev/null 2>&1 &")
          end = time.monotonic() + 10
          while time.monotonic() < end:
              time.sleep(0.5)
              states = [open(f"/proc/{p}/stat").read().rpartition(") ")[2].split()[:2] for p in os.listdir("/proc") if p.isdigit()]
              left = [state for state in states if state == ["Z", "1"]]
              if not left:
                  sys.exit(7)
          sys.exit(f"{len(left)} zombies are left")
    `,
  });
  const { code, stderr } = await startAlone(box, ["train", module, "train.py", box.path("model")]).finished();
  assert.equal(code, 7, stderr);
}, CAN_BE_PROCESS_1);
