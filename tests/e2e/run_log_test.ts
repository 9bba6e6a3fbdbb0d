/** Logs and records of runs: their content, and that a run succeeds even if they can't be written. */

import assert from "node:assert/strict";
import { CAN_MOUNT } from "./support/needs.ts";
import { BIN, echo, py, PYTHON, ROOT, type Sandbox, test } from "./support/sandbox.ts";

/** Prints 2000 lines to both streams, one after the other. */
const BOTH = py`
  import sys
  def train(model_dir):
      for i in range(1000):
          print("out", i)
          print("error", i, file=sys.stderr)
`;
const LINES = Array.from({ length: 1000 }, (_, i) => `out ${i}\nerror ${i}\n`).join("");

/** The only log. */
function logOf(box: Sandbox, folder = "logs"): string {
  const [name] = names(box, folder).filter((name) => !/^\.?run\./.test(name));
  return box.read(`${folder}/${name}`);
}

function names(box: Sandbox, folder: string): string[] {
  return [...Deno.readDirSync(box.path(folder))].map(({ name }) => name).sort();
}

/** Returns the records in a folder, without links, with their outcomes. */
function outcomes(box: Sandbox, folder: string): (number | undefined)[] {
  return names(box, folder).filter((name) => name.startsWith("run.") && name !== "run.json")
    .map((name) => JSON.parse(box.read(`${folder}/${name}`)).outcome?.code);
}

/** Returns the command line of a training run with a log. */
function loggedTraining(box: Sandbox, script: string, options: readonly string[]): string[] {
  return [BIN, "train", "--log-dir", "logs", ...options, box.module({ "train.py": script }), "train.py", "model"];
}

/** Runs a shell script in which `"$@"` is a training command with a log. */
async function trainIn(box: Sandbox, shell: string, script: string, options: readonly string[] = []) {
  return await box.run(["-c", shell, "sh", ...loggedTraining(box, script, options)], { command: "/bin/sh" });
}

/** The same in a mount namespace of its own. */
async function trainMounted(box: Sandbox, shell: string, script: string, options: readonly string[] = []) {
  Deno.mkdirSync(box.path("logs"));
  return await box.run(["--mount", "sh", "-c", shell, "sh", ...loggedTraining(box, script, options)], {
    command: "unshare",
  });
}

test("train with a log keeps the order of standard output and standard error when both go to one pipe", async (box) => {
  const { code, stdout } = await trainIn(box, `exec "$@" 2>&1`, BOTH);
  assert.equal(code, 0);
  assert.equal(stdout, LINES);
  assert.equal(logOf(box), LINES);
});

/** Runs the command with a terminal for these streams; `stdout` is the terminal's output. */
async function trainAtTerminal(box: Sandbox, which: string, script: string, options = ["--log-dir", "logs"]) {
  const helper = `${ROOT}/tests/e2e/support/logged_terminal.py`;
  const words = [BIN, "train", ...options, box.module({ "train.py": script }), "train.py", "model"];
  const finished = await box.run([helper, which, ...words], { command: PYTHON, env: { TERM: "xterm" } });
  // Remove the text that the program shows at a terminal in addition to the script's output.
  return { ...finished, stdout: finished.stdout.replace(/^Trained in .* has nothing new\n$/m, "") };
}

const AT_TERMINAL = py`
  import os, signal, sys, time

  def size(stream):
      return tuple(os.get_terminal_size(stream.fileno())) if stream.isatty() else None

  def train(model_dir):
      told = []
      signal.signal(signal.SIGWINCH, lambda *args: told.append(args))
      print("out", size(sys.stdout), "error", size(sys.stderr), file=sys.stderr)
      for i in range(101):
          print(f"\r\x1b[32m{i}%\x1b[0m", end="", file=sys.stderr, flush=True)
      print(file=sys.stderr)
      print("\x1b[1mresize\x1b[0m", file=sys.stdout if sys.stdout.isatty() else sys.stderr)
      stream = sys.stdout if sys.stdout.isatty() else sys.stderr
      while size(stream) != (66, 22) or not told:
          time.sleep(0.01)
      print("resized")
`;
const BAR = Array.from({ length: 101 }, (_, i) => `\r\x1b[32m${i}%\x1b[0m`).join("");
const BAR_LOGGED = "0%\n100%\n";

test("train with a log gives the script a terminal of the same size when it has one itself", async (box) => {
  const { code, stdout } = await trainAtTerminal(box, "12", AT_TERMINAL);
  assert.equal(code, 0, stdout);
  const first = "out (111, 33) error (111, 33)\n";
  assert.equal(stdout.trimStart(), `${first}${BAR}\n\x1b[1mresize\x1b[0m\nresized\n`);
  assert.equal(logOf(box), `${first}${BAR_LOGGED}resize\nresized\n`);
});

test("train with a log gives the script a terminal for the one stream that is a terminal", async (box) => {
  const error = await trainAtTerminal(box, "2", AT_TERMINAL);
  assert.equal(error.code, 0, error.stdout);
  assert.equal(error.stdout.trimStart(), `out None error (111, 33)\n${BAR}\n\x1b[1mresize\x1b[0m\n`);
  assert.equal(box.read("1.txt"), "resized\n");
  assert.equal(logOf(box), `out None error (111, 33)\n${BAR_LOGGED}resize\nresized\n`);
  Deno.removeSync(box.path("logs"), { recursive: true });

  const out = await trainAtTerminal(box, "1", AT_TERMINAL);
  assert.equal(out.stdout.trimStart(), `\x1b[1mresize\x1b[0m\nresized\n`);
  assert.equal(box.read("2.txt"), `out (111, 33) error None\n${BAR}\n`);
});

test("train with a log shows the last output on a terminal, and ends though a child of the script keeps the terminal open", async (box) => {
  const script = py`
    import os, subprocess, sys
    def train(model_dir):
        subprocess.Popen(["sleep", "60"])
        sys.stdout.write("x" * 100_000 + "\n")
        print("last")
        sys.stdout.flush()
        os._exit(3)
  `;
  const { code, stdout } = await trainAtTerminal(box, "12", script);
  assert.equal(code, 3);
  assert.match(stdout, /x{100000}\nlast\nError: Training ended with exit code 3\n$/);
});

test("--log-max-size holds for a progress bar that has no newline", async (box) => {
  const script = py`
    def train(model_dir):
        for i in range(20_000):
            print(f"\r{i:06}", end="", flush=i % 100 == 0)
  `;
  const { code, stderr } = await trainIn(box, `exec "$@" > /dev/null`, script, ["--log-max-size", "20000"]);
  assert.equal(code, 0, stderr);
  const logs = names(box, "logs").filter((name) => !/^\.?run\./.test(name));
  const order = logs.sort((a, b) => Number(b.split(".")[2] ?? 0) - Number(a.split(".")[2] ?? 0));
  for (const name of order) assert.ok(Deno.statSync(box.path(`logs/${name}`)).size <= 20_000, name);
  const whole = order.map((name) => box.read(`logs/${name}`)).join("");
  assert.equal(whole, Array.from({ length: 20_000 }, (_, i) => `\r${String(i).padStart(6, "0")}`).join(""));
});

for (const format of ["%Y-%m-%dT%H-%M-%S.log", "%Y.log"]) {
  test(`concurrent runs in one folder write separate logs and records when logs are named ${format}`, async (box) => {
    const script = py`
      import sys, time
      def train(model_dir, name):
          for i in range(10):
              print(name, i)
              time.sleep(0.05)
          if name == "a":
              raise SystemExit(5)
    `;
    const module = box.module({ "train.py": script });
    const run = (name: string) =>
      box.run(["train", "--log-dir", "logs", "--log-name-format", format, module, "train.py", "model", name]);
    const finished = await Promise.all(["a", "b", "c"].map(run));
    assert.deepEqual(finished.map(({ code }) => code), [5, 0, 0]);
    const logs = names(box, "logs").filter((name) => !/^\.?run\./.test(name));
    assert.equal(logs.length, 3, logs.join());
    for (const name of logs) {
      const lines = box.read(`logs/${name}`).split("\n").filter((line) => /^[abc] \d$/.test(line));
      assert.deepEqual(lines.map((line) => line.slice(1)), Array.from({ length: 10 }, (_, i) => ` ${i}`));
      assert.equal(new Set(lines.map((line) => line[0])).size, 1, "one run's lines");
    }
    assert.deepEqual(outcomes(box, "logs").sort(), [0, 0, 5]);
    const newest = names(box, "logs").filter((name) => /^run\..+\.json$/.test(name))
      .map((name) => JSON.parse(box.read(`logs/${name}`)).start).sort().at(-1);
    assert.equal(JSON.parse(box.read("logs/run.json")).start, newest);
    // All runs share the model directory as well.
    const all = names(box, "model").filter((name) => name.startsWith("run."));
    assert.deepEqual(all.map((name) => JSON.parse(box.read(`model/${name}`)).outcome?.code).sort(), [0, 0, 5]);
  });
}

test("train continues its log when a full disk has room again, and exits with 0", async (box) => {
  const script = py`
    import os, time
    def train(model_dir):
        print("begin")
        for i in range(200):
            print("x" * 999)
        os.remove("logs/filler")
        time.sleep(1.2)
        print("end")
  `;
  const shell = `mount -t tmpfs -o size=160k tmpfs logs && head -c 100000 /dev/zero > logs/filler && "$@" > out.txt
    code=$?; cat logs/*.log > log.txt; cat logs/run.json > record.txt; exit $code`;
  const { code, stderr } = await trainMounted(box, shell, script);
  assert.equal(code, 0, stderr);
  assert.equal(
    stderr.match(/^Warning: The log '.*\/logs\/.*\.log' can't be written: .*; the run continues/gm)?.length,
    1,
  );
  const log = box.read("log.txt");
  assert.match(log, /^begin\nx{999}\n/);
  assert.match(log, /\n\[aimodellib: \d+ bytes are missing here: No space left on device.*\]\nend\n$/);
  assert.match(box.read("out.txt"), /^begin\n(x{999}\n){200}end\n$/);
  assert.equal(JSON.parse(box.read("record.txt")).outcome.code, 0);
}, CAN_MOUNT);

test(
  "train exits with 0, and warns, when the folder of its log is read-only or on a full disk",
  async (box) => {
    for (
      const mount of [
        "mount --bind logs logs && mount -o remount,ro,bind logs",
        "mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs logs && head -c 9000 /dev/zero > logs/x 2> /dev/null",
      ]
    ) {
      const { code, stdout, stderr } = await trainMounted(
        box,
        `${mount}; exec "$@"`,
        "def train(d): print('trained')\n",
      );
      assert.deepEqual([code, stdout], [0, "trained\n"], stderr);
      assert.match(stderr, /^Warning: The log '.*' can't be written: /m);
      assert.match(stderr, /^Warning: the record of the run can't be updated: /m);
      assert.equal(stderr.match(/^Warning/gm)?.length, 2, stderr);
      assert.equal(JSON.parse(box.read("model/run.json")).outcome.code, 0);
      Deno.removeSync(box.path("logs"), { recursive: true });
    }
  },
  CAN_MOUNT,
);

test("train continues without its log when the log reaches the limit of file sizes (ulimit -f)", async (box) => {
  const script = "def train(d):\n    for i in range(3000): print('x' * 999)\n";
  const shell = `ulimit -f 2000 && exec "$@" | cat > /dev/null`;
  const { stderr } = await trainIn(box, `(${shell}); true`, script);
  assert.match(stderr, /^Warning: The log '.*' can't be written: File too large/m);
  assert.equal(JSON.parse(box.read("model/run.json")).outcome.code, 0);
});

test("train continues with its log when its output is closed or a full device", async (box) => {
  for (const where of ["| true", "> /dev/full"]) {
    const { stderr } = await trainIn(box, `"$@" ${where}`, BOTH);
    assert.match(stderr, /^Warning: standard output can't be written: .*; the run and its log continue$/m);
    assert.deepEqual(logOf(box).split("\n").filter((line) => line.startsWith("out")).length, 1000);
    assert.deepEqual(outcomes(box, "logs"), [0]);
    Deno.removeSync(box.path("logs"), { recursive: true });
  }
});

/** Serves, and drains at once. Standard error goes to `error.txt`. */
const DRAIN = `"$@" 2>> error.txt & pid=$!
  for i in $(seq 600); do [ -e model/loaded ] && break; sleep 0.1; done; kill -TERM $pid; wait $pid`;
const LOADED = echo(py`
  import os
  def load(model_dir):
      os.close(os.open(os.path.join(model_dir, "loaded"), os.O_CREAT | os.O_WRONLY))
`);

for (
  const [what, mount] of [
    ["a log in a read-only folder", "mount --bind logs logs && mount -o remount,ro,bind logs"],
    [
      "a log and standard error on a full disk",
      "mount -t tmpfs -o size=4k tmpfs logs && ln -s logs/error.txt error.txt && (cat /dev/zero > logs/x; true)",
    ],
  ] as const
) {
  test(`serve starts with ${what}, and exits with 0 on SIGTERM`, async (box) => {
    for (const name of ["logs", "model"]) Deno.mkdirSync(box.path(name));
    const words = [
      BIN,
      "serve",
      "--port",
      "0",
      "--log-dir",
      "logs",
      box.module({ "serve.py": LOADED }),
      "serve.py",
      "model",
    ];
    const { code, stdout, stderr } = await box.run([
      "--mount",
      "sh",
      "-c",
      `${mount} 2> /dev/null; ${DRAIN}`,
      "sh",
      ...words,
    ], {
      command: "unshare",
    });
    assert.equal(code, 0, `${stdout}${stderr}`);
  }, CAN_MOUNT);
}

test("train and serve work where only TMPDIR can be written to", async (box) => {
  const manifest = `{"trainingScript": "train.py", "servingScript": "serve.py", "logNamingFormat": "x.log"}`;
  const script = "def train(d, *a):\n    open(d + '/weights', 'w').close()\n    print('trained')\n";
  const module = box.module({ "train.py": script, "serve.py": LOADED, "manifest.json": manifest });
  const { code } = await box.run(["-C", module, "-czf", box.path("x.tar.gz"), "."], { command: "tar" });
  assert.equal(code, 0);
  const shell = `
    mkdir -p tmp/model && ln -s tmp/model model
    mount --bind tmp tmp || exit 9
    for place in $(awk '{print $2}' /proc/mounts | sort -u); do
      case $place in /proc*|/sys*|/dev*|*/tmp) continue;; esac
      mount -o remount,ro,bind "$place" 2> /dev/null
    done
    mount --bind . . && mount -o remount,ro,bind . && cd "$PWD" && mount --bind tmp tmp && mount -o remount,rw,bind tmp || exit 9
    touch x 2> /dev/null && exit 8
    "$1" train x.tar.gz tmp/model > tmp/train.txt 2>&1 || { cat tmp/train.txt; exit 7; }
    set -- "$1" serve --port 0 x.tar.gz tmp/model
    cd "$PWD"; ${DRAIN.replaceAll("error.txt", "tmp/error.txt").replaceAll("model/loaded", "tmp/model/loaded")}`;
  const finished = await box.run(["--mount", "sh", "-c", shell, "sh", BIN], { command: "unshare" });
  const error = () => box.read("tmp/error.txt");
  assert.equal(finished.code, 0, `${finished.stdout}${finished.stderr}`);
  assert.match(box.read("tmp/train.txt"), /^Warning: The log '.*\/logs\/x\.log' can't be written: /m);
  assert.match(box.read("tmp/train.txt"), /^trained$/m);
  assert.match(error(), /Warning: The log|WARNING The log '.*' can't be written/);
  assert.equal(JSON.parse(box.read("tmp/model/run.json")).outcome.code, 0);
}, CAN_MOUNT);

test("serve lists the packages for its record when the model is ready, so that nothing delays it", async (box) => {
  const wrapper = box.path("python");
  const loaded = box.path("model/loaded");
  const lists = box.path("lists");
  Deno.writeTextFileSync(
    wrapper,
    `#!/bin/sh
if [ "$2 $3" = "requirements list" ]; then [ -e '${loaded}' ] && echo ready >> '${lists}' || echo loading >> '${lists}'; fi
exec '${PYTHON}' "$@"
`,
  );
  Deno.chmodSync(wrapper, 0o755);
  const server = await box.serve(LOADED, {
    args: ["--port", "0", "--python", wrapper, "--log-dir", "logs"],
  });
  await server.stop();
  assert.equal(box.read("lists"), "ready\n");
  const { python, outcome } = JSON.parse(box.read("logs/run.json"));
  assert.match(python.packages.numpy, /^\d/);
  assert.deepEqual(outcome, { code: 0 });
});

test("the record of a serve that could not load its model has the packages", async (box) => {
  const module = box.module({
    "serve.py": "def load(model_dir): raise OSError('no model')\ndef predict(data, model): pass\n",
  });
  Deno.mkdirSync(box.path("model"));
  const args = ["serve", "--port", "0", "--max-restarts", "0", "--log-dir", "logs", module, "serve.py", "model"];
  const { code } = await box.run(args);
  assert.notEqual(code, 0);
  const { python, outcome } = JSON.parse(box.read("logs/run.json"));
  assert.match(python.packages.numpy, /^\d/);
  assert.equal(outcome.code, code);
});
