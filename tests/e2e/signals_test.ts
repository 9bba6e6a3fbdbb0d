/** The effect of signals and terminals on `aimodellib train` and its processes. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { HAS_BASH, imports } from "./support/needs.ts";
import { isAlive, signal } from "./support/processes.ts";
import { BIN, echo, py, PYTHON, ROOT, type Sandbox, test } from "./support/sandbox.ts";

/** Saves a checkpoint of 20,000 bytes on an interrupt, which takes a second and a half. */
const SAVING = py`
  import os, time
  def train(model_dir, *args):
      try:
          open(model_dir + "/training", "w").close()
          print("training")
          time.sleep(60)
      except KeyboardInterrupt:
          print("saving")
          with open(model_dir + "/checkpoint", "w") as file:
              for i in range(20):
                  file.write("x" * 1000)
                  file.flush()
                  time.sleep(0.075)
          print("saved")
          raise
`;

test("a checkpoint is complete when SIGTERM is sent to the group and to every process of the job", async (box) => {
  for (let run = 0; run < 3; run++) {
    // A process group of its own, as process managers create for a job.
    const words = ["train", box.module({ "train.py": SAVING }), "train.py", `model-${run}`];
    const program = box.start([BIN, ...words], { command: "setsid" });
    await program.stdout.waitFor(/^training$/);
    for (const target of [-program.pid, ...box.processes().map(({ pid }) => pid)]) signal(target, "SIGTERM");
    const { code, stdout, stderr } = await program.finished();
    assert.equal(box.read(`model-${run}/checkpoint`).length, 20_000);
    assert.deepEqual({ code, stdout }, { code: 143, stdout: "training\nsaving\nsaved\n" });
    assert.equal([...stderr.matchAll(/^KeyboardInterrupt/gm)].length, 1, stderr);
    assert.doesNotMatch(stderr, /_bridge/);
  }
});

test("several signals of one stop count as one, and a later one kills", async (box) => {
  const words = ["train", box.module({ "train.py": SAVING.replaceAll("0.075", "3") }), "train.py", "model"];
  const program = box.start(words);
  await program.stdout.waitFor(/^training$/);
  for (let i = 0; i < 4; i++) {
    program.kill("SIGTERM");
    await sleep(50);
  }
  await program.stdout.waitFor(/^saving$/);
  await sleep(1_200);
  assert.equal(program.isOver, false);
  program.kill("SIGTERM");
  const { code, stderr } = await program.finished();
  assert.equal(code, 143);
  assert.match(stderr, /Error: Training was killed: a second SIGTERM\n$/);
});

test(
  "PyTorch's data loaders do not disturb a script that saves its work when SIGTERM is sent to train, and then to every process",
  async (box) => {
    const script = py`
      import time
      from torch.utils.data import DataLoader
      class Data:
          def __len__(self): return 100_000
          def __getitem__(self, i):
              time.sleep(0.001)
              return i
      def train(model_dir):
          loader = DataLoader(Data(), num_workers=2)
          try:
              for i, batch in enumerate(loader):
                  if i == 3: print("training")
          except KeyboardInterrupt:
              print("saving")
              for _ in range(20): time.sleep(0.05)
              print("saved")
    `;
    const program = box.start(["train", box.module({ "train.py": script }), "train.py", "model"]);
    await program.stdout.waitFor(/^training$/);
    program.kill("SIGTERM");
    // If a data loader ends before the script is stopped, the script fails, as with plain Python.
    await program.stdout.waitFor(/^saving$/);
    await sleep(300);
    for (const { pid } of box.processes()) signal(pid, "SIGTERM");
    const { code, stdout, stderr } = await program.finished();
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "training\nsaving\nsaved\n" }, stderr);
    // A data loader may still report that it could not pass on its data.
    assert.doesNotMatch(stderr, /RuntimeError/);
  },
  imports(PYTHON, "torch"),
);

test("train ignores a signal that it was started to ignore", async (box) => {
  const script = py`
    import os, signal, subprocess, sys, time
    ask = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    def train(model_dir):
        print("training")
        while not os.path.exists(model_dir + "/go"): time.sleep(0.02)
        subprocess.run([sys.executable, "-c", ask])
  `;
  const words = ["train", box.module({ "train.py": script }), "train.py", "model"];
  const program = box.start(["-c", 'trap "" INT HUP; exec "$@"', "sh", BIN, ...words], { command: "sh" });
  await program.stdout.waitFor(/^training$/);
  for (const name of ["SIGINT", "SIGHUP"] as const) {
    for (const { pid } of box.processes()) signal(pid, name);
  }
  await sleep(500);
  box.write({ "model/go": "" });
  const { code, stdout, stderr } = await program.finished();
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "training\nTrue\n", stderr: "" });
});

test("train exits with 129 on SIGHUP if the script does not handle it", async (box) => {
  const program = box.start(["train", box.module({ "train.py": SAVING }), "train.py", "model"]);
  await program.stdout.waitFor(/^training$/);
  program.kill("SIGHUP");
  const { code, stdout, stderr } = await program.finished();
  assert.deepEqual({ code, stdout, stderr }, {
    code: 129,
    stdout: "training\n",
    stderr: "Error: Training was stopped by SIGHUP\n",
  });
});

// Terminals.

/** Runs a command in a shell on a terminal that is closed after training has begun. */
async function closeTerminal(box: Sandbox, command: string): Promise<void> {
  const script = `${ROOT}/tests/e2e/support/close_terminal.py`;
  const { code, stderr } = await box.run([script, command, box.path("model/training")], { command: PYTHON });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
}

/** Waits for the end of the run, and returns its outcome. */
async function outcome(box: Sandbox): Promise<unknown> {
  await until("no process is left", () => box.processes().length === 0);
  return JSON.parse(box.read("model/run.json")).outcome;
}

for (const [where, end] of [["in front", ""], ["behind", " &"]] as const) {
  test(`train ends when its terminal is closed (${where})`, async (box) => {
    const module = box.module({ "train.py": SAVING });
    await closeTerminal(box, `${BIN} train ${module} train.py model${end}`);
    assert.deepEqual(await outcome(box), { code: 129, message: "Training was stopped by SIGHUP" });
  }, HAS_BASH);
}

test("train continues when its terminal is closed if the script handles SIGHUP", async (box) => {
  const script = py`
    import os, signal, time
    def train(model_dir):
        signal.signal(signal.SIGHUP, lambda *_: open(model_dir + "/heard", "w").close())
        open(model_dir + "/training", "w").close()
        while not os.path.exists(model_dir + "/heard"): time.sleep(0.02)
        time.sleep(0.5)
        open(model_dir + "/weights", "w").close()
  `;
  await closeTerminal(box, `${BIN} train ${box.module({ "train.py": script })} train.py model`);
  assert.deepEqual(await outcome(box), { code: 0 });
  box.read("model/weights");
}, HAS_BASH);

test("train under nohup continues when its terminal is closed, and SIGTERM stops it", async (box) => {
  const module = box.module({ "train.py": SAVING });
  await closeTerminal(box, `nohup ${BIN} train ${module} train.py model > log 2>&1 &`);
  await sleep(500);
  const program = box.processes().find(({ command }) => command.startsWith(`${BIN} train`))!;
  assert.ok(isAlive(program.pid), box.read("log"));
  signal(program.pid, "SIGTERM");
  assert.deepEqual(await outcome(box), { code: 143, message: "Training was stopped by SIGTERM" });
  assert.equal(box.read("model/checkpoint").length, 20_000);
  assert.match(box.read("log"), /^training\nsaving\nsaved$/m);
}, HAS_BASH);

/** Writes process ids to `model/pids`: its own, a child's, that of a child in another session, and the supervisor's. */
const JOB = (handler: string) =>
  py`
    import os, signal, subprocess, time
    def train(model_dir):
        ${handler}
        child = subprocess.Popen(["sleep", "300"])
        daemon = subprocess.Popen(["sleep", "300"], start_new_session=True)
        with open(model_dir + "/pids", "w") as file: file.write(f"{os.getpid()} {child.pid} {daemon.pid} {os.getppid()}")
        print("training", flush=True)
        last = time.monotonic()
        while True:
            time.sleep(0.05)
            if time.monotonic() - last > 1: print("was stopped", flush=True)
            last = time.monotonic()
  `;

/** Types a command that shows the states of all processes in angle brackets: `T` is stopped, `S` sleeps (proc_pid_stat(5)). */
const STATES =
  "sleep 1.5; echo \"<$(for p in $(cat model/pids); do cut -d' ' -f3 /proc/$p/stat; done | tr -d '\\n')>\"\n";

for (
  const [what, handler] of [
    ["does nothing about it", "pass"],
    ["ignores SIGTSTP", "signal.signal(signal.SIGTSTP, signal.SIG_IGN)"],
    [
      "handles SIGTSTP and stops itself",
      "signal.signal(signal.SIGTSTP, lambda *_: (print('stopping', flush=True), os.kill(os.getpid(), signal.SIGSTOP)))",
    ],
  ] as const
) {
  test(`Ctrl+Z stops the whole job, and fg continues it, when the script ${what}`, async (box) => {
    const module = box.module({ "train.py": JOB(handler) });
    const dialogue = [
      ["$ ", `${BIN} train ${module} train.py model; echo "code is $?"\n`],
      ["training\r\n", "\x1a"],
      ["Stopped  ", STATES],
      ["<TTTT>", "fg\n"],
      ["was stopped", "\x03"],
      ["stopped by SIGINT", "exit\n"],
    ];
    const script = `${ROOT}/tests/e2e/support/terminal.py`;
    const { stdout } = await box.run([script, JSON.stringify(dialogue), "/bin/bash", "--norc", "-i"], {
      command: PYTHON,
      env: { PS1: "$ " },
    });
    assert.match(stdout, /<TTTT>[\s\S]*was stopped[\s\S]*KeyboardInterrupt\r?\nError: Training was stopped by SIGINT/);
    assert.equal(stdout.includes("stopping"), what.startsWith("handles"));
  }, HAS_BASH);
}

test("serve continues with new workers when its terminal is closed", async (box) => {
  const script = py`
    import os
    def load(model_dir):
        with open(model_dir + "/training", "w") as file: file.write(f"{os.getpid()} {os.getppid()}")
    def deserialize(data, content_type): return data
    def predict(data, model):
        print("predicting")
        return data
    def serialize(data, accepted): return data, "x/y"
  `;
  Deno.mkdirSync(box.path("model"));
  await closeTerminal(box, `${BIN} serve --unix sock ${box.module({ "serve.py": script })} serve.py model`);
  const pids = () => box.read("model/training").split(" ").map(Number);
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path: box.path("sock") } });
  const ask = async () =>
    await (await fetch("http://localhost/invocations", { method: "POST", body: "body", client })).text();
  const [worker, supervisor] = pids() as [number, number];
  assert.equal(await ask(), "body");
  await until("a worker of its own takes over", () => pids()[0] !== worker);
  assert.equal(await ask(), "body");
  signal(supervisor, "SIGTERM");
  await until("no process is left", () => box.processes().length === 0);
}, HAS_BASH);

test("SIGTSTP is ignored without a shell that could continue the job", async (box) => {
  const words = ["train", box.module({ "train.py": JOB("pass") }), "train.py", "model"];
  const program = box.start([BIN, ...words], { command: "setsid" });
  await program.stdout.waitFor(/^training$/);
  program.kill("SIGTSTP");
  await sleep(500);
  for (const { pid, command } of box.processes()) {
    assert.doesNotMatch(Deno.readTextFileSync(`/proc/${pid}/stat`), /\) T /, command);
  }
  program.kill("SIGINT");
  assert.equal((await program.finished()).code, 130);
});

test("no process is left when a stopped job is killed", async (box) => {
  const words = ["train", box.module({ "train.py": JOB("pass") }), "train.py", "model"];
  // With job control, a shell runs the job in its own process group, whose parent is in the same session, as SIGTSTP requires.
  const shell = ["-c", 'set -m; "$@" & echo "pid $!"; exec sleep 300', "bash"];
  const program = box.start([...shell, BIN, ...words], { command: "/bin/bash" });
  const [, pid] = await program.stdout.waitFor(/^pid (\d+)$/);
  await program.stdout.waitFor(/^training$/);
  const pids = box.read("model/pids").split(" ").map(Number);
  signal(Number(pid), "SIGTSTP");
  const stopped = (pid: number) => / T /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  await until("all processes are stopped", () => pids.every(stopped));
  signal(Number(pid), "SIGKILL");
  await until("all processes are gone", () => !pids.some(isAlive));
  program.kill("SIGKILL");
}, HAS_BASH);

test("serve exits with 0 at once when SIGTERM arrives while requirements are installed", async (box) => {
  const module = box.module({ "serve.py": echo(), "requirements.txt": "fox==1.0\n" });
  Deno.writeTextFileSync(box.path("pip"), "#!/bin/sh\necho begun\nsleep 60 &\nwait\n", { mode: 0o755 });
  box.write({ "model/weights": "" });
  const env = { PIP_CMD: box.path("pip") };
  const program = box.start(["serve", "--port", "0", module, "serve.py", "model"], { env });
  await program.stderr.waitFor(/^begun$/);
  program.kill("SIGTERM");
  const { code, stderr } = await program.finished();
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /Error|^ +at /m);
});
