/** Killed processes, and scripts that misbehave. */

import assert from "node:assert/strict";
import { CAN_LIMIT_MEMORY, ControlGroup } from "./support/control_group.ts";
import { sleep, until, within } from "./support/limits.ts";
import { HAS_SHM } from "./support/needs.ts";
import { onOneServer, replaceWorkers } from "./support/one_server.ts";
import { isAlive, signal } from "./support/processes.ts";
import { BIN, echo, MODULES, py, type Sandbox, test } from "./support/sandbox.ts";
import { problemOf, Server } from "./support/server.ts";

const EXEC = { module: `${MODULES}/exec` };

/** Executes Python code in the worker, and returns the answer. */
async function execute(server: Server, code: string) {
  return await server.invoke(code);
}

/** Executes Python code in the worker, and returns the text that it puts into `answer`. */
async function evaluate(server: Server, code: string): Promise<string> {
  const { status, text } = await execute(server, code);
  assert.equal(status, 200, text);
  return text;
}

/** Waits until a worker answers again after one has died. */
async function untilReady(server: Server, workers: number): Promise<void> {
  await until(`worker number ${workers} is ready`, () => server.workersReady >= workers);
}

// Workers.

/** Records each request's id in a file first, and then answers with text that depends on the id. */
const NOTING = (work: string) =>
  echo(py`
    import os, time
    def load(model_dir):
        return os.open(model_dir + "/executed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    def predict(data, model):
        os.write(model, data.split(b" ")[0] + b"\n")
        ${work}
        return b"answer to " + data
  `);

for (
  const [what, work, bodies] of [
    ["quick requests", "pass", [0]],
    ["requests of 3 ms", "time.sleep(0.003)", [0]],
    ["requests of 0 to 200 KiB", "pass", [0, 10, 30_000, 70_000, 200_000]],
  ] as const
) {
  test(`serve loses at most one of the ${what} for each worker that is killed under load`, async (box) => {
    const server = await box.serve(NOTING(work));
    const outcomes = new Map<number, number>();
    const wrong: string[] = [];
    let next = 0;
    let stopping = false;
    const clients = Promise.all(Array.from({ length: 32 }, async () => {
      while (!stopping) {
        const id = next++;
        const body = `${id} `.padEnd(bodies[id % bodies.length]!, `${id}`);
        const answer = await server.invoke(body);
        outcomes.set(id, answer.status);
        if (answer.status === 502) problemOf(answer);
        else if (answer.status !== 200 || answer.text !== `answer to ${body}`) {
          wrong.push(`${id}: ${answer.status} ${answer.text.slice(0, 200)}`);
        }
      }
    }));
    // Each worker answers at least so many requests before it is killed, and so does the last one: the rate depends on the machine.
    const load = 40;
    const untilLoaded = async () => {
      const before = outcomes.size;
      await until(`${load} requests are answered`, () => outcomes.size >= before + load);
    };
    const kills = 5;
    for (let kill = 1; kill <= kills; kill++) {
      await untilReady(server, kill);
      await untilLoaded();
      await sleep(kill * 17);
      signal(server.workerPid, "SIGKILL");
    }
    await untilReady(server, kills + 1);
    await untilLoaded();
    stopping = true;
    await within(60_000, "every request ends", clients);
    await server.stop();

    assert.deepEqual(wrong, []);
    assert.equal(outcomes.size, next);
    const lost = [...outcomes].filter(([, status]) => status === 502).map(([id]) => id);
    assert.ok(lost.length <= kills, `${lost.length} of ${next} were lost`);
    const executed = box.read("model/executed").trimEnd().split("\n").map(Number);
    assert.equal(new Set(executed).size, executed.length, "none was executed twice");
    const answered = [...outcomes].filter(([, status]) => status === 200).map(([id]) => id);
    const seen = new Set(executed);
    assert.ok(answered.every((id) => seen.has(id)));
    assert.equal([...server.log.matchAll(/ERROR Worker 1 died \(signal SIGKILL/g)].length, kills);
  });
}

test("serve answers 502 without a retry when a request kills its worker", async (box) => {
  const server = await box.serve(NOTING("if b'poison' in data: os._exit(9)"));
  for (let i = 1; i <= 3; i++) {
    const answer = await server.invoke(`${i} poison`);
    assert.equal(answer.status, 502);
    assert.match(problemOf(answer).detail, /exit code 9.*not retried/);
    assert.equal((await server.invoke(`${i}00 x`)).status, 200, "the next one waits for the next worker");
  }
  await server.stop();
  assert.deepEqual(box.read("model/executed").trimEnd().split("\n").map(Number), [1, 100, 2, 200, 3, 300]);
});

const dying = onOneServer((box) => box.serve(EXEC));

for (
  const [what, code, cause] of [
    ["calls os._exit(0)", "import os; os._exit(0)", /exit code 0/],
    ["calls os._exit(7)", "import os; os._exit(7)", /exit code 7/],
    ["reads address 0", "import ctypes; ctypes.string_at(0)", /signal SIGSEGV \(a crash in native code\)/],
    [
      "is killed",
      "import os; os.kill(os.getpid(), 9)",
      /signal SIGKILL \(by the system when memory runs out, or by somebody\)/,
    ],
    ["calls abort()", "import os; os.abort()", /signal SIGABRT/],
    ["gets SIGTERM", "import os, time; os.kill(os.getpid(), 15); time.sleep(9)", /signal SIGTERM/],
  ] as const
) {
  dying(`serve answers 502, logs the cause, and works again when the script ${what}`, async (server) => {
    const words = `last words when it ${what}`;
    const answer = await execute(server, `print("${words}", flush=True)\n${code}`);
    assert.equal(answer.status, 502);
    assert.match(problemOf(answer).detail, cause);
    assert.equal(await evaluate(server, "answer = 6 * 7"), "42");
    await server.program.stderr.waitFor(new RegExp(` ${words}$`.replaceAll(/[()]/g, "\\$&")));
    assert.match(server.log, new RegExp(`ERROR Worker 1 died \\(${cause.source}`));
    if (code.includes("ctypes")) await server.program.stderr.waitFor(/^\[worker 1.*Segmentation fault/);
  });
}

test("serve reports an out-of-memory kill only when the system has killed the worker for it", async (box) => {
  await using group = new ControlGroup(700 * 2 ** 20);
  const server = await box.serve(EXEC, { command: group.programOf(box, BIN) });
  assert.match(problemOf(await execute(server, "import os; os.kill(os.getpid(), 9)")).detail, /or by somebody/);
  await untilReady(server, 2);
  const answer = await execute(server, "answer = len(b'x' * (1 << 30))");
  assert.match(problemOf(answer).detail, /signal SIGKILL \(likely out of memory\)/);
  await untilReady(server, 3);
  assert.match(problemOf(await execute(server, "import os; os.kill(os.getpid(), 9)")).detail, /or by somebody/);
  await server.stop();
  assert.match(server.log, /ERROR Worker 1 died \(signal SIGKILL \(likely out of memory\)\)/);
}, CAN_LIMIT_MEMORY);

test("serve reports restarts, with longer and longer pauses, when workers keep dying", async (box) => {
  const server = await box.serve(EXEC);
  for (let i = 1; i <= 4; i++) {
    assert.equal((await execute(server, "import os; os._exit(1)")).status, 502);
    if (i === 4) {
      const ping = await server.request("/ping");
      assert.deepEqual([ping.status, problemOf(ping)["state"]], [503, "restarting"]);
      assert.equal((await server.request("/health/live")).status, 200);
    }
    await untilReady(server, i + 1);
    assert.equal((await server.request("/ping")).status, 200);
  }
  await server.stop();
  const pauses = [...server.log.matchAll(/restarting in ([\d.]+) s/g)].map(([, seconds]) => Number(seconds));
  assert.equal(pauses.length, 4);
  assert.ok(pauses.every((pause, i) => i === 0 || pause > pauses[i - 1]!), `${pauses}`);
});

test("serve exits with 0 when it is stopped while it waits before a restart", async (box) => {
  const server = await box.serve(EXEC);
  for (let i = 0; i < 4; i++) await execute(server, "import os; os._exit(1)");
  await server.stop();
});

test("serve keeps running and reports the errors when a later start of the script fails", async (box) => {
  const server = await box.serve(echo(py`
    import os
    def load(model_dir):
        if os.path.exists(model_dir + "/broken"):
            raise OSError("weights are gone")
    def predict(data, model):
        os._exit(1)
  `));
  box.write({ "model/broken": "" });
  assert.equal((await server.invoke("x")).status, 502);
  await server.program.stderr.waitFor(/ERROR Worker 1 died \(load\(\) raised OSError: weights are gone\)/);
  assert.equal((await server.request("/ping")).status, 503);
  Deno.removeSync(box.path("model/broken"));
  await untilReady(server, 2);
  assert.equal((await server.request("/ping")).status, 200);
  await server.stop();
});

// Scripts that misbehave.

const misbehaving = onOneServer((box) => box.serve(EXEC));

misbehaving("serve logs every line and answers when predict prints 8 MB", async (server) => {
  const answer = await evaluate(
    server,
    py`
      line = "y" * 999
      for i in range(8_000):
          print(line)
      answer = "printed"
    `,
  );
  assert.equal(answer, "printed");
  assert.equal(await evaluate(server, "print('after 8 MB'); answer = 1"), "1");
  await server.program.stderr.waitFor(/after 8 MB$/);
  const log = server.log;
  const line = `[worker 1] ${"y".repeat(999)}\n`;
  const first = log.indexOf(line);
  assert.ok(log.startsWith(line.repeat(8_000), first), "all lines are there, whole");
});

misbehaving(
  "serve answers correctly when the script writes random bytes, and bytes that look like frames, to fd 1 and 2",
  async (server) => {
    const code = py`
      import os, struct
      for i in range(30):
          os.write(1, os.urandom(10_000))
          os.write(2, bytes(range(256)))
          os.write(1, struct.pack("<IIBBH", 5, 1, 6, 0, 0) + b"wrong")
      os.write(1, b"\n\xff\xfe end\n")
      answer = "right"
    `;
    for (let i = 0; i < 3; i++) assert.equal(await evaluate(server, code), "right");
    assert.equal(await evaluate(server, "print('after random bytes')"), "");
    await server.program.stderr.waitFor(/after random bytes$/);
    assert.equal(server.workersReady, 1);
    assert.equal(server.printed.filter((line) => line === "\\xff\\xfe end").length, 3);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(server.log, /[\x00-\x08\x0b-\x1a]/, "a terminal is safe from it");
  },
);

misbehaving("serve answers when the script prints 5 MB without a newline", async (server) => {
  const before = server.log.length;
  assert.equal(await evaluate(server, "print('z' * 5_000_000, end='', flush=True); answer = 1"), "1");
  assert.equal(await evaluate(server, "print('\\nafter 5 MB')"), "");
  await server.program.stderr.waitFor(/after 5 MB$/);
  assert.equal(server.log.slice(before).replaceAll(/[^z]/g, "").length, 5_000_000);
});

misbehaving("serve ends the children of a worker that dies", async (server) => {
  const pid = Number(
    await evaluate(
      server,
      "import subprocess; answer = subprocess.Popen(['sleep', '300'], start_new_session=True).pid",
    ),
  );
  const own = Number(await evaluate(server, "import subprocess; answer = subprocess.Popen(['sleep', '300']).pid"));
  assert.ok(isAlive(pid) && isAlive(own));
  assert.equal((await execute(server, "import os; os._exit(1)")).status, 502);
  await until("its children are gone", () => !isAlive(pid) && !isAlive(own), 5_000);
  assert.equal(await evaluate(server, "answer = 1"), "1");
});

misbehaving("serve recovers when a child that the script forked returns into the bridge", async (server) => {
  // Both processes return from predict, and share the connection.
  const answer = await execute(server, "import os\nanswer = 'child' if os.fork() == 0 else 'parent'");
  assert.ok([200, 502].includes(answer.status), answer.text);
  let last = "";
  await until(
    "it answers rightly again",
    async () => {
      const results = await Promise.all(Array.from({ length: 5 }, (_, i) => execute(server, `answer = ${i}`)));
      last = results.map(({ status, text }) => `${status} ${text}`).join(", ");
      return last === "200 0, 200 1, 200 2, 200 3, 200 4";
    },
    30_000,
    () => `${last}\n${server.log}`,
  );
});

misbehaving(
  "serve answers 502 without a long wait when a worker that has a request closes its sockets and hangs",
  async (server) => {
    const hanging = execute(server, `${SHUT("sock.shutdown(socket.SHUT_RDWR)")}\nimport time\ntime.sleep(300)`);
    assert.equal((await hanging).status, 502);
    assert.equal(await evaluate(server, "answer = 'again'"), "again");
  },
);

test("serve answers when the script forks children that stay, and ends them later", async (box) => {
  const server = await box.serve(EXEC);
  const fork = py`
    import os, time
    children = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            time.sleep(300)
            os._exit(0)
        children.append(child)
    answer = " ".join(map(str, children))
  `;
  const children = (await evaluate(server, fork)).split(" ").map(Number);
  assert.equal(await evaluate(server, "answer = 'still here'"), "still here");
  assert.ok(children.every(isAlive));
  assert.equal(server.workersReady, 1);
  await server.stop();
  assert.ok(!children.some(isAlive), "they end with the worker");
});

const disturbing = onOneServer((box) => box.serve(EXEC));

for (
  const [what, code] of [
    ["closes all file descriptors", "import os; os.closerange(3, 256)"],
    ["closes all of its sockets", SHUT("sock.close()")],
    ["shuts all of its sockets down", SHUT("sock.shutdown(socket.SHUT_RDWR)")],
    ["writes rubbish into the connection", SHUT("sock.sendall(b'\\xff' * 100)")],
    ["closes its output", "import os, sys; sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)"],
    ["puts other objects in place of its output", "import sys; sys.stdout = sys.stderr = None"],
    ["changes directory and empties its environment", "import os; os.chdir('/'); os.environ.clear()"],
    ["sets a limit of 8 open files", "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))"],
    [
      "removes our modules",
      "import sys\nfor name in list(sys.modules):\n  if 'aimodellib' in name: del sys.modules[name]",
    ],
    ["exhausts the recursion limit", "def f(): f()\ntry: f()\nexcept RecursionError: pass"],
    [
      "ignores SIGTERM and SIGINT",
      "import signal; signal.signal(15, signal.SIG_IGN); signal.signal(2, signal.SIG_IGN)",
    ],
  ] as const
) {
  disturbing(`serve answers the next request when the script ${what}`, async (server) => {
    // What the scripts of the tests before have done is over.
    await replaceWorkers(server);
    const { status, text } = await execute(server, `${code}\nanswer = "first"`);
    assert.ok(status === 502 || (status === 200 && text === "first"), `${status} ${text}`);
    assert.equal(await evaluate(server, "answer = 'second'"), "second");
  });
}

/** Python code that does something with each open socket of the process. */
function SHUT(action: string): string {
  return py`
    import os, socket, stat
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            is_socket = stat.S_ISSOCK(os.fstat(fd).st_mode)
        except OSError:
            continue
        if is_socket:
            sock = socket.socket(fileno=os.dup(fd)) if "close" not in ${
    JSON.stringify(action)
  } else socket.socket(fileno=fd)
            ${action}
  `;
}

// The supervisor.

/** Starts a run whose script and child processes do not end by themselves. */
async function startServing(box: Sandbox, code: string): Promise<Server> {
  const server = await box.serve(EXEC);
  // Whether the request is answered before does not matter here.
  server.invoke(code).catch(() => {});
  await server.program.stderr.waitFor(/\[worker 1\] now$/);
  return server;
}

for (
  const [what, code] of [
    ["is idle", "print('now')"],
    ["sleeps in predict", "import time; print('now'); time.sleep(300)"],
    ["computes without end", "print('now')\nwhile True: pass"],
    ["holds the GIL", "import ctypes; print('now'); ctypes.PyDLL(None).sleep(300)"],
    [
      "ignores all signals",
      "import signal, time\nfor n in range(1, 32):\n  if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\n" +
      "print('now')\ntime.sleep(300)",
    ],
    ["is stopped", "import os, signal; print('now', flush=True); os.kill(os.getpid(), signal.SIGSTOP)"],
    [
      "has closed its descriptors",
      "import os, time; print('now', flush=True); os.closerange(0, 256); time.sleep(300)",
    ],
    ["has forked children", "import os, time\nprint('now', flush=True)\nfor _ in range(3): os.fork()\ntime.sleep(300)"],
    [
      "has started a daemon in a session of its own",
      "import subprocess, time\nsubprocess.Popen('setsid sleep 300 & setsid sh -c \"sleep 300; true\" &', shell=True)\n" +
      "print('now')\ntime.sleep(300)",
    ],
    [
      "has daemons that were forked twice and ignore signals",
      py`
        import os, signal, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.closerange(0, 256)
                time.sleep(300)
            os._exit(0)
        os.wait()
        print("now")
      `,
    ],
  ] as const
) {
  test(`no process is left within 2 s of the supervisor's kill -9 when the worker ${what}`, async (box) => {
    const server = await startServing(box, code);
    await until("supervisor, worker and keeper run", () => box.processes().length >= 3);
    server.program.kill("SIGKILL");
    await until(
      "no process is left",
      () => box.processes().length === 0,
      2_000,
      () => JSON.stringify(box.processes(), null, 2),
    );
    assert.deepEqual(box.leftovers(), [], "nor a temporary directory");
  });
}

for (const name of ["SIGKILL", "SIGHUP", "SIGQUIT"] as const) {
  test(`no process is left within 2 s when a training run's supervisor gets ${name}`, async (box) => {
    const module = box.module({
      "train.py": py`
        import ctypes, subprocess
        def train(model_dir):
            subprocess.Popen(["sleep", "300"])
            subprocess.Popen(["sleep", "300"], start_new_session=True)
            print("now", flush=True)
            ctypes.PyDLL(None).sleep(300)
      `,
    });
    const program = box.start(["train", module, "train.py", "model"]);
    await program.stdout.waitFor(/now/);
    // A process that has just been started may still be without its environment, by which the sandbox finds it.
    await until("all five processes run", () => box.processes().length >= 5);
    program.kill(name);
    await until(
      "no process is left",
      () => box.processes().length === 0,
      2_000,
      () => JSON.stringify(box.processes(), null, 2),
    );
    assert.deepEqual(box.leftovers(), []);
  });
}

test("no process is left within 2 s of kill -9 when the supervisor is killed at any time of its start", async (box) => {
  const module = box.module({ "serve.py": echo() });
  Deno.mkdirSync(box.path("model"));
  for (let ms = 20; ms <= 300; ms += 20) {
    const program = box.start(["serve", "--port", "0", module, "serve.py", "model"]);
    await sleep(ms);
    program.kill("SIGKILL");
    await until(
      `no process is left (after ${ms} ms)`,
      () => box.processes().length === 0,
      2_000,
      () => JSON.stringify(box.processes(), null, 2),
    );
  }
  // The directory of a worker that has not started yet may be left: no process could remove it.
  for (const name of box.leftovers()) Deno.removeSync(`${box.path("tmp")}/${name}`, { recursive: true });
});

test("serve ends its worker even if the keeper was killed before", async (box) => {
  const server = await box.serve(EXEC);
  const pid = server.workerPid;
  const keeper = box.processes().find((process) => process.pid !== pid && /_bridge/.test(process.command));
  assert.ok(keeper !== undefined);
  signal(keeper.pid, "SIGKILL");
  assert.equal(await evaluate(server, "answer = 1"), "1");
  await server.stop();
});

// Temporary directories.

test("serve and train leave nothing in TMPDIR, neither while they run nor afterwards", async (box) => {
  const server = await box.serve(EXEC);
  assert.deepEqual([...Deno.readDirSync(box.path("tmp"))], [], "while it runs");
  await server.invoke("x".repeat(300_000)).catch(() => {});
  await execute(server, "import os; os._exit(1)");
  await evaluate(server, "answer = 1");
  assert.deepEqual([...Deno.readDirSync(box.path("tmp"))], [], "after a restart");
  await server.stop();
  assert.equal((await box.train("def train(d): raise ValueError")).code, 1);
  assert.equal((await box.train("import os\ndef train(d): os.kill(os.getpid(), 9)")).code, 137);
  assert.deepEqual([...Deno.readDirSync(box.path("tmp"))], []);
});

for (const [what, runtime] of [["XDG_RUNTIME_DIR is set", true], ["it is not", false]] as const) {
  test(`serve and train work when TMPDIR is too long for a socket's path, and ${what}`, async (box) => {
    const long = `${box.root}/${"long-".repeat(30)}/é`;
    Deno.mkdirSync(long, { recursive: true });
    Deno.mkdirSync(box.path("run"));
    const env = { TMPDIR: long, ...(runtime && { XDG_RUNTIME_DIR: box.path("run") }) };
    const trained = await box.train("import tempfile\ndef train(d): print(tempfile.gettempdir())", [], { env });
    assert.deepEqual([trained.code, trained.stdout, trained.stderr], [0, `${long}\n`, ""]);
    const server = await box.serve(EXEC, { env });
    assert.equal(await evaluate(server, "answer = 1"), "1");
    await server.stop();
    assert.deepEqual([...Deno.readDirSync(long), ...Deno.readDirSync(box.path("run"))], []);
  });
}

test("train and serve work when module, model, token and TMPDIR are in /dev/shm", async (box) => {
  const shm = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "e2e-" });
  try {
    Deno.writeTextFileSync(`${shm}/train.py`, "def train(d): open(d + '/weights', 'w').write('7')");
    Deno.writeTextFileSync(`${shm}/serve.py`, echo("def load(d): return open(d + '/weights', 'rb').read()"));
    Deno.writeTextFileSync(`${shm}/token`, "a-secret-of-this-test");
    const env = { TMPDIR: shm };
    const model = `${shm}/model`;
    const { code, stderr } = await box.run(["train", shm, "train.py", model], { env });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const args = ["serve", "--port", "0", "--token-file", `${shm}/token`, shm, "serve.py", model];
    const server = await Server.attach(box.start(args, { env }), true);
    const answer = await server.invoke("x".repeat(100_000), { authorization: "Bearer a-secret-of-this-test" });
    assert.deepEqual([answer.status, answer.text.length], [200, 100_000]);
    await server.stop();
    assert.deepEqual([...Deno.readDirSync(shm)].filter(({ name }) => name.startsWith("aimodellib")), []);
  } finally {
    Deno.removeSync(shm, { recursive: true });
  }
}, HAS_SHM);

test("train works when TMPDIR is missing or not writable", async (box) => {
  for (const TMPDIR of [box.path("missing"), "/etc/passwd"]) {
    const { code, stdout, stderr } = await box.train("def train(d): print('trained')", [], { env: { TMPDIR } });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "trained\n", stderr: "" });
  }
});

test("only its user can open a worker's directory", async (box) => {
  const python = box.path("python");
  box.write({ python: `#!/bin/sh\nstat -c '%a %F' "$AIMODELLIB_BRIDGE" "$AIMODELLIB_BRIDGE"/* >&2\nexit 3\n` });
  Deno.chmodSync(python, 0o755);
  const { code, stderr } = await box.run(["train", "--python", python, box.module({ "t.py": "" }), "t.py", "model"]);
  assert.equal(code, 1);
  assert.match(stderr, /^700 directory\n/);
  assert.match(stderr, /Error: The Python '.*\/python' ended with exit code 3 before it was ready\n$/);
  assert.match(stderr, /\n600 regular/);
  assert.equal(BIN.length > 0, true);
});
