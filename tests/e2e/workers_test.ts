/** Several workers: how they share requests, and how they are replaced under load. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { isAlive } from "./support/processes.ts";
import { BIN, echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { problemOf, type Server } from "./support/server.ts";

/** Answers with the process id, after doing what the body demands. */
const WHO = echo(py`
  import os, time

  def predict(data, model):
      word, _, number = data.decode().partition(" ")
      if word == "sleep":
          time.sleep(float(number))
      if word == "exit":
          os._exit(int(number))
      if word == "env":
          return os.environ.get(number, "unset").encode()
      if word == "grow":
          globals().setdefault("kept", []).append(b"x" * int(number))
      return str(os.getpid()).encode()
`);

const two = (...more: string[]) => ({ args: ["--port", "0", "--workers", "2", ...more] });

/** Waits until all workers are ready. */
async function allReady(server: Server): Promise<void> {
  await until("all workers are ready", async () => JSON.parse((await server.request("/ping")).text).status === "ready");
}

/** Sends requests one after the other, with short pauses that leave processors to others, until stopped; returns the answers. */
function load(server: Server, clients = 4) {
  const answers: { status: number; text: string; ms: number }[] = [];
  let stopping = false;
  const running = Promise.all(Array.from({ length: clients }, async () => {
    while (!stopping) {
      const start = performance.now();
      const { status, text } = await server.invoke("");
      answers.push({ status, text, ms: performance.now() - start });
      await sleep(3);
    }
  }));
  // A failing test does not wait for these requests.
  running.catch(() => {});
  return {
    answers,
    async stop() {
      stopping = true;
      await running;
      return answers;
    },
  };
}

test("two workers share the requests and the processors", async (box) => {
  const server = await box.serve(WHO, two());
  await allReady(server);
  const pids = await Promise.all(Array.from({ length: 4 }, () => server.invoke("sleep 0.2")));
  assert.equal(new Set(pids.map(({ text }) => text)).size, 2);
  const { text } = await server.invoke("env OMP_NUM_THREADS");
  assert.equal(text, String(Math.max(1, Math.floor(navigator.hardwareConcurrency / 2))));
  assert.equal((await server.invoke("env AIMODELLIB_DEVICE")).text, "unset");
  await server.stop();
});

test("a slow request on one worker delays no request that the other can take", async (box) => {
  const server = await box.serve(WHO, two());
  await allReady(server);
  const p99 = (answers: { ms: number }[]) =>
    answers.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor(answers.length * 0.99)]!;
  const alone = load(server);
  await sleep(200);
  const before = p99(await alone.stop());
  const slow = server.invoke("sleep 1");
  const beside = load(server);
  await slow;
  const answers = await beside.stop();
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(answers.length > 100, `${answers.length} were answered meanwhile`);
  // This is no measurement: if one request of a hundred had waited, the delay would be a second.
  assert.ok(p99(answers) < 500, `p99 ${p99(answers)} ms, ${before} ms before`);
  await server.stop();
});

test("requests that wait in a worker behind a slow one are moved to another", async (box) => {
  const server = await box.serve(WHO, two());
  await allReady(server);
  const many = (count: number) => Promise.all(Array.from({ length: count }, () => server.invoke("pid")));
  // Send requests until both workers count as fast, and get many at once.
  for (let i = 0; i < 20; i++) await many(64);
  const began = performance.now();
  const slow = server.invoke("sleep 3").then(() => performance.now() - began);
  const answers = await many(200);
  const ms = performance.now() - began;
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(ms < 2500, `the last was answered after ${ms} ms`);
  assert.ok(await slow >= 3000);
  await server.stop();
});

test("a server with one dead worker reports degraded, and answers", async (box) => {
  const server = await box.serve(WHO, two());
  await allReady(server);
  assert.equal((await server.invoke("exit 3")).status, 502);
  const health = await server.request("/ping");
  const { status, workers } = JSON.parse(health.text);
  assert.deepEqual([health.status, status, workers], [200, "degraded", { ready: 1, expected: 2 }]);
  assert.equal((await server.invoke("")).status, 200);
  await allReady(server);
  await server.stop();
});

test("serve exits with 1 when workers die more often than --max-restarts allows", async (box) => {
  const server = await box.serve(WHO, { args: ["--port", "0", "--max-restarts", "2"] });
  for (let death = 1; death <= 3; death++) {
    await until("a worker is ready", () => server.workersReady >= death);
    assert.equal((await server.invoke("exit 3")).status, 502);
  }
  const { code, stderr } = await server.program.finished();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Error: Giving up: workers died 3 times in 10 minutes \(--max-restarts 2\); last: exit code 3$/m,
  );
});

test("a request that takes too long is answered 504, and only its worker is replaced", async (box) => {
  const server = await box.serve(WHO, two("--request-timeout", "0.5", "--max-restarts", "0"));
  await allReady(server);
  const slow = server.invoke("sleep 60");
  const others = load(server, 2);
  const late = await slow;
  assert.equal(late.status, 504);
  assert.equal(problemOf(late).detail, "The request took longer than 0.5 s and was ended");
  await allReady(server);
  assert.ok((await others.stop()).every(({ status }) => status === 200));
  assert.match(server.log, /died \(a request overran --request-timeout 0\.5\)/);
  await server.stop();
});

test("a model that takes too long to load ends serve with the reason", async (box) => {
  const script = echo("import time\ndef load(d): time.sleep(60)");
  const server = await box.serve(script, { args: ["--port", "0", "--startup-timeout", "1"], waitForReady: false });
  const { code, stderr } = await server.program.finished();
  assert.equal(code, 1);
  assert.match(stderr, /Error: The worker died while loading: it was not ready within --startup-timeout 1/);
});

test("requests that wait too long or find the queue full are refused with Retry-After", async (box) => {
  const server = await box.serve(WHO, { args: ["--port", "0", "--queue-timeout", "0.3", "--queue-size", "1"] });
  const slow = server.invoke("sleep 1.5");
  await sleep(300);
  const waiting = server.invoke("");
  await sleep(100);
  const full = await server.invoke("");
  assert.equal(full.status, 503);
  assert.ok(Number(full.headers.get("retry-after")) >= 1);
  assert.match(problemOf(full).detail, /Too many requests are waiting/);
  const late = await waiting;
  assert.equal(late.status, 503);
  assert.match(problemOf(late).detail, /No worker was free in time/);
  assert.equal((await slow).status, 200);
  await server.stop();
});

test("a request whose client has disconnected is dropped from the queue, and the worker keeps running", async (box) => {
  const server = await box.serve(
    echo(py`
      import time
      def predict(data, model):
          print("executes", data.decode(), flush=True)
          if data == b"slow":
              time.sleep(1)
          return data
    `),
    { args: ["--port", "0", "--queue-size", "3"] },
  );
  const slow = server.invoke("slow");
  await until("it is executed", () => server.printed.includes("executes slow"));
  const left = Array.from({ length: 3 }, (_, index) => {
    const client = new AbortController();
    const request = fetch(`${server.url}/invocations`, {
      method: "POST",
      body: `left ${index}`,
      signal: client.signal,
    });
    return { client, request: request.catch((error) => error.name) };
  });
  await sleep(200);
  assert.equal((await server.invoke("refused")).status, 503, "the queue is full");
  for (const { client } of left) client.abort();
  assert.deepEqual(await Promise.all(left.map(({ request }) => request)), Array(3).fill("AbortError"));
  await sleep(200);
  assert.equal((await server.invoke("stays")).status, 200, "the places in the queue are free again");
  assert.equal((await slow).status, 200);
  assert.deepEqual(server.printed.filter((line) => line.startsWith("executes")), ["executes slow", "executes stays"]);
  assert.equal(server.workersReady, 1);
  await server.stop();
});

for (
  const [what, args, wear] of [
    ["--max-requests-per-worker", ["--max-requests-per-worker", "50"], ""],
    ["--max-worker-memory", ["--max-worker-memory", "100MB"], "grow 150000000"],
  ] as const
) {
  test(`workers are replaced with ${what} while no request is lost`, async (box) => {
    const server = await box.serve(WHO, two(...args));
    await allReady(server);
    const clients = load(server);
    await server.invoke(wear);
    await until("three workers were replaced", async () => {
      if (wear !== "") await server.invoke(wear).then(() => sleep(200));
      return [...server.log.matchAll(/Replacing worker \S+: it (uses|has answered)/g)].length >= 3;
    });
    const answers = await clients.stop();
    assert.deepEqual(answers.filter(({ status }) => status !== 200), []);
    assert.ok(new Set(answers.map(({ text }) => text)).size >= 3);
    await server.stop();
  });
}

/** Of another length each time: Python takes a file of the same length and second for the one that it has compiled. */
const VERSION = (version: string) => echo(`def predict(data, model): return b"${version}"\n`);

async function reloadable(box: Sandbox, ...more: string[]): Promise<{ server: Server; module: string }> {
  const module = box.module({ "serve.py": VERSION("one") });
  const server = await box.serve({ module }, two(...more));
  await allReady(server);
  return { server, module };
}

test("SIGHUP replaces all workers without losing a request; code that can't be loaded changes nothing", async (box) => {
  const { server, module } = await reloadable(box);
  const pids = () => [...server.log.matchAll(/is ready \(process (\d+)\)/g)].map(([, pid]) => Number(pid));
  const clients = load(server);
  const first = pids();
  Deno.writeTextFileSync(`${module}/serve.py`, VERSION("another"));
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(/INFO Reloaded$/);
  assert.equal((await server.invoke("")).text, "another");
  await until("the old workers have ended", () => first.every((pid) => !isAlive(pid)));
  Deno.writeTextFileSync(`${module}/serve.py`, "def load(:");
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(
    /ERROR Reloading failed \(the script raised SyntaxError: .*\); the old workers stay in service$/,
  );
  assert.equal((await server.invoke("")).text, "another");
  const answers = await clients.stop();
  assert.deepEqual(answers.filter(({ status }) => status !== 200), []);
  await server.stop();
});

test("--reload replaces workers when a file of the module changes", async (box) => {
  const { server, module } = await reloadable(box, "--reload");
  Deno.writeTextFileSync(`${module}/serve.py`, VERSION("another"));
  await server.program.stderr.waitFor(/INFO '.*serve\.py' has changed$/);
  await server.program.stderr.waitFor(/INFO Reloaded$/);
  assert.equal((await server.invoke("")).text, "another");
  await server.stop();
});

test("--reload is not started by what serve itself writes into the module", async (box) => {
  const module = box.module({ "serve.py": VERSION("one"), "nohup.out": "" });
  const model = box.path("model");
  Deno.mkdirSync(model);
  // The log has another name than logs have by default, and standard error goes to a file that nohup makes.
  const options = "--reload --port 0 --log-format text --log-dir logs --log-name-format log.txt";
  const server = box.start(["-c", `exec "$0" serve ${options} . serve.py "$1" 2>> nohup.out`, BIN, model], {
    command: "sh",
    cwd: module,
  });
  const log = () => Deno.readTextFileSync(`${module}/nohup.out`);
  await until("it is ready", () => /INFO Ready: /.test(log()));
  Deno.writeTextFileSync(`${module}/serve.py`, VERSION("another"));
  await until("it has reloaded", () => /INFO Reloaded$/m.test(log()));
  // A further reload would begin after 300 ms.
  await sleep(1000);
  server.kill("SIGTERM");
  assert.equal((await server.finished()).code, 0);
  assert.deepEqual(log().match(/\S+(?= has changed$)/gm), [`'${module}/serve.py'`]);
});

test("--device gives each worker its own device, and refuses one that does not exist", async (box) => {
  const env = { CUDA_VISIBLE_DEVICES: "GPU-4,GPU-7" };
  const server = await box.serve(WHO, { args: ["--port", "0", "--workers", "auto", "--device", "auto"], env });
  await allReady(server);
  const answers = await Promise.all(
    Array.from({ length: 2 }, async () => {
      const slow = server.invoke("sleep 0.3");
      const { text } = await server.invoke("env CUDA_VISIBLE_DEVICES");
      await slow;
      return text;
    }),
  );
  assert.ok(answers.every((text) => text === "GPU-4" || text === "GPU-7"), answers.join());
  assert.equal((await server.invoke("env AIMODELLIB_DEVICE")).text, "cuda:0");
  await server.stop();
  const refused = await box.run(["serve", "--device", "cuda:2", box.module({ "serve.py": WHO }), "serve.py", "model"], {
    env,
  });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^Error: There is no device 'cuda:2': CUDA_VISIBLE_DEVICES is 'GPU-4,GPU-7'/m);
});
