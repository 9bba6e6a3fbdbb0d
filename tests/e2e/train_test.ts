/** `aimodellib train`, with the executable and a real Python. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { CAN_GO_OFFLINE, CAN_MOUNT } from "./support/needs.ts";
import { isAlive } from "./support/processes.ts";
import { BIN, MODULES, py, PYTHON, type RunOptions, type Sandbox, test } from "./support/sandbox.ts";
import { tool } from "./support/tool.ts";

/** What `record/train.py` writes. */
interface Record {
  readonly model_dir: string;
  readonly made: boolean;
  readonly args: readonly string[];
  readonly argv: readonly string[];
  readonly tensor_board_enabled: boolean;
  readonly tensor_board_dir: string;
  readonly logger: string;
  readonly cwd: string;
  readonly path: readonly string[];
  readonly environment: Readonly<{ [name: string]: string }>;
}

/** Runs the script that records what it is given. */
async function record(
  box: Sandbox,
  { options = [], modelDir = "model", args = [], run = {} }: {
    readonly options?: readonly string[];
    readonly modelDir?: string;
    readonly args?: readonly string[];
    readonly run?: RunOptions;
  } = {},
): Promise<Record> {
  const words = ["train", ...options, `${MODULES}/record`, "train.py", modelDir, ...args];
  const { code, stdout, stderr } = await box.run(words, run);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
  const folder = modelDir.startsWith("/") ? modelDir : `${run.cwd ?? box.root}/${modelDir}`;
  return JSON.parse(Deno.readTextFileSync(`${folder}/record.json`));
}

// Arguments.

// The unit tests have more lists of arguments: these show that the executable and the bridge change no argument.
for (
  const args of [
    [],
    ["-h", "--help", "--version", "--epochs=3", "-v", "--unknown-option", "--", "a", "--stop-timeout"],
    ["--", "--", "a", "--", "--python", "x", "--enable-tensorboard", "-T", "elsewhere", "-"],
    ["", "", "x", "", "with space", "ünïcødé 模型 🦕", "line\nbreak\ttab", "'\"\\$HOME`id`*?", "model", "train.py", ""],
  ]
) {
  test(`train passes the arguments ${JSON.stringify(args)} after model_dir to the script`, async (box) => {
    const { args: got, argv } = await record(box, { args });
    assert.deepEqual(got, args);
    assert.deepEqual(argv, [`${MODULES}/record/train.py`, ...args], "sys.argv is what a script of its own would see");
  });
}

test("train passes 5,000 arguments of 200 characters to the script", async (box) => {
  const args = Array.from({ length: 5_000 }, (_, i) => `--${i}=`.padEnd(200, "x"));
  assert.deepEqual((await record(box, { args })).args, args);
});

test("train reads its own options when they come before the training module", async (box) => {
  const options = ["--enable-tensorboard", "--tensorboard-dir", "board", "--python", PYTHON, "--stop-timeout", "5"];
  const { tensor_board_enabled, tensor_board_dir, args } = await record(box, { options, args: ["--python", "x"] });
  assert.deepEqual({ tensor_board_enabled, tensor_board_dir }, {
    tensor_board_enabled: true,
    tensor_board_dir: `${box.root}/board`,
  });
  assert.deepEqual(args, ["--python", "x"]);
});

test("train suggests an option when one before the module is misspelt", async (box) => {
  const { code, stdout, stderr } = await box.run(["train", "--enable-tensorbord", "m", "train.py", "model"]);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /--enable-tensorbord/);
  assert.match(stderr, /--enable-tensorboard/);
});

test("train names a missing positional argument", async (box) => {
  const { code, stderr } = await box.run(["train", "module"]);
  assert.equal(code, 2);
  assert.match(stderr, /training_script/);
});

// What the script is given.

test("train creates model_dir and the folders above it", async (box) => {
  const { model_dir, made } = await record(box, { modelDir: "a/b/c" });
  assert.deepEqual({ model_dir, made }, { model_dir: box.path("a/b/c"), made: true });
});

test("train keeps the content of an existing model_dir", async (box) => {
  box.write({ "model/weights": "old" });
  await record(box);
  assert.equal(box.read("model/weights"), "old");
});

test("train ends with a message when model_dir is a file", async (box) => {
  box.write({ "model": "" });
  const { code, stdout, stderr } = await box.train("def train(model_dir): pass");
  assert.notEqual(code, 0);
  assert.equal(stdout, "");
  assert.match(stderr, /^Error: [^\n]*model[^\n]*\n$/);
});

test("train names the model directory and the reason when it can't be created", async (box) => {
  const { code, stdout, stderr } = await box.run([
    "train",
    box.module({ "train.py": "def train(model_dir): pass" }),
    "train.py",
    "/proc/model",
  ]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(
    stderr,
    /^Error: The model directory '\/proc\/model' can't be created: No such file or directory[^\n]*\n$/,
  );
});

test("train gives the documented defaults to the script when no option is set", async (box) => {
  const { tensor_board_enabled, tensor_board_dir, logger, cwd } = await record(box);
  assert.deepEqual({ tensor_board_enabled, tensor_board_dir, logger, cwd }, {
    tensor_board_enabled: false,
    tensor_board_dir: `${box.root}/tb_logs`,
    logger: "PrintLogger",
    cwd: box.root,
  });
  assert.ok(!await exists(`${box.root}/tb_logs`), "the script makes it, if it wants it");
});

test("train gives a logger that prints when the script logs", async (box) => {
  const { code, stdout, stderr } = await box.train(py`
    from aimodellib.utils import Logger, PrintLogger
    def train(model_dir, logger: "Logger | None" = None):
        assert isinstance(logger, PrintLogger)
        logger.log("epoch", 1)
        logger.log("a", "b", sep="-", end="!\n", level=Logger.WARNING, flush=True)
        logger.flush(suppress_errors=True)
  `);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "epoch 1\n[WARNING] a-b!\n", stderr: "" });
});

// `tests/python/test_training.py` has all forms of train().
for (
  const [what, script] of [
    ["takes only keywords that it knows", "def train(d, *, tensor_board_dir): print('trained')"],
    [
      "is an async method",
      "import asyncio\nclass T:\n  async def train(self, d, *args):\n    await asyncio.sleep(0)\n    print('trained')\nt = T()",
    ],
  ] as const
) {
  test(`train runs the script's train when it ${what}`, async (box) => {
    const { code, stdout, stderr } = await box.train(script);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "trained\n", stderr: "" });
  });
}

test("train lets a script import the same objects as aimodellib.util and aimodellib.utils", async (box) => {
  const { code, stdout, stderr } = await box.train(py`
    import aimodellib.util, aimodellib.utils, aimodellib.util.types, aimodellib.utils.types, sys
    from aimodellib.util.types import TrainingModule, InferenceModule
    def train(model_dir):
        for name in ("TrainingModule", "InferenceModule", "Logger"):
            assert getattr(aimodellib.util.types, name) is getattr(aimodellib.utils.types, name)
            assert getattr(aimodellib.util, name) is getattr(aimodellib.utils, name)
        assert aimodellib.util.PrintLogger is aimodellib.utils.PrintLogger
        this = sys.modules[__name__]
        print(TrainingModule.validate(this), InferenceModule.validate(this))
  `);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "True False\n", stderr: "" });
});

test("train puts the module directory on sys.path when the script, and processes that it starts, import neighbours", async (box) => {
  const module = box.module({
    "sub/train.py": py`
      import multiprocessing, subprocess, sys
      import neighbour
      def double(x):
          return neighbour.FACTOR * x
      def train(model_dir):
          print(neighbour.FACTOR, sys.path[0], flush=True)
          code = "import neighbour, aimodellib.utils; print(neighbour.FACTOR)"
          subprocess.run([sys.executable, "-c", code], check=True)
          with multiprocessing.get_context("spawn").Pool(2) as pool:
              print(pool.map(double, [1, 2, 3]))
    `,
    "neighbour.py": "FACTOR = 2\n",
  });
  const { code, stdout, stderr } = await box.run(["train", module, "sub/train.py", "model"]);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `2 ${module}\n2\n[2, 4, 6]\n`, stderr: "" });
});

test("train hides the variables of the bridge from the script", async (box) => {
  const { environment } = await record(box, { run: { env: { MY_SECRET: "kept", AIMODELLIB_OWN: "kept too" } } });
  assert.equal(environment["MY_SECRET"], "kept");
  assert.equal(environment["AIMODELLIB_OWN"], "kept too");
  assert.equal(environment["AIMODELLIB_BRIDGE"], undefined);
  assert.equal(environment["AIMODELLIB_STREAMS"], undefined);
});

test("train lets the script read standard input when there is some", async (box) => {
  const { code, stdout } = await box.train("def train(d): print(input().upper(), input())", [], {
    stdin: "first\nsecond\n",
  });
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "FIRST second\n" });
});

// Output.

test("train shows each line of the script without delay", async (box) => {
  const program = box.start([
    "train",
    box.module({
      "train.py": py`
        import os, sys, time
        def train(model_dir):
            print("to stdout")
            print("to stderr", file=sys.stderr)
            os.system("echo from a child")
            while not os.path.exists("go"):
                time.sleep(0.01)
            print("at the end")
      `,
    }),
    "train.py",
    "model",
  ]);
  await program.stdout.waitFor(/^to stdout$/);
  await program.stderr.waitFor(/^to stderr$/);
  await program.stdout.waitFor(/^from a child$/);
  assert.equal(program.isOver, false);
  assert.doesNotMatch(program.stdout.text, /at the end/);
  box.write({ go: "" });
  const { code, stdout, stderr } = await program.finished();
  assert.deepEqual({ code, stdout, stderr }, {
    code: 0,
    stdout: "to stdout\nfrom a child\nat the end\n",
    stderr: "to stderr\n",
  });
});

test("train keeps the order of stdout, stderr and a child's output in one file", async (box) => {
  const module = box.module({
    "train.py": py`
      import os, subprocess, sys
      def train(model_dir, logger=None):
          for i in range(50):
              print("out", i)
              print("err", i, file=sys.stderr)
              subprocess.run(["/bin/echo", "child", str(i)])
              logger.log("log", i)
              os.write(1, b"raw %d\n" % i)
          raise ValueError("last")
    `,
  });
  const shell = `"$0" train "$1" train.py model > all.txt 2>&1`;
  const { code } = await box.run(["-c", shell, BIN, module], { command: "/bin/sh" });
  assert.equal(code, 1);
  const lines = box.read("all.txt").split("\n");
  const expected = Array.from({ length: 50 }, (_, i) => ["out", "err", "child", "log", "raw"].map((w) => `${w} ${i}`));
  assert.deepEqual(lines.slice(0, 250), expected.flat());
  assert.deepEqual([lines[250], ...lines.slice(-3)], [
    "Traceback (most recent call last):",
    "ValueError: last",
    "Error: Training raised ValueError: last",
    "",
  ]);
});

test("train passes every byte on when the script prints 8 MB", async (box) => {
  const module = box.module({
    "train.py": py`
      import os, sys
      def train(model_dir):
          line = "x" * 98
          for i in range(40_000):
              print(line, i % 10, sep="")
          block = bytes(range(256)) * 4096
          for i in range(4):
              sys.stdout.buffer.write(block)
    `,
  });
  const program = box.start(["train", module, "train.py", "model"]);
  const { code, stderr } = await program.finished();
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  const bytes = program.stdout.bytes;
  assert.equal(bytes.length, 40_000 * 100 + 4 * 2 ** 20);
  assert.equal(new TextDecoder().decode(bytes.subarray(39_999 * 100, 40_000 * 100)), `${"x".repeat(98)}9\n`);
  assert.ok(bytes.subarray(40_000 * 100).every((byte, i) => byte === (i & 255)));
});

for (const [what, redirect] of [["alone", ""], ["with stderr", "2>&1"]]) {
  test(`train ends when the reader of its output is gone (stdout ${what})`, async (box) => {
    const module = box.module({
      "train.py": "import itertools\ndef train(model_dir):\n  for i in itertools.count(): print('line', i)\n",
    });
    const shell = `{ "$0" train "$1" train.py model ${redirect}; echo $? > code; } | head -n 3`;
    const { stdout } = await box.run(["-c", shell, BIN, module], { command: "/bin/sh" });
    assert.equal(stdout, "line 0\nline 1\nline 2\n");
    assert.equal(box.read("code"), "1\n", "BrokenPipeError is an exception of the script");
  });
}

test("train prints non-ASCII text in the locale C", async (box) => {
  const { code, stdout } = await box.train("def train(d): print('模型 é 🦕', '\\udcff')", [], {
    env: { LANG: undefined, LC_ALL: "C" },
  });
  assert.deepEqual({ code, stdout: stdout.slice(0, 8) }, { code: 0, stdout: "模型 é 🦕 " });
});

// Exit codes.

for (
  const [what, body, code, stderr] of [
    ["returns", "return 5", 0, /^$/],
    ["calls sys.exit()", "sys.exit()", 0, /^$/],
    ["calls sys.exit(0)", "sys.exit(0)", 0, /^$/],
    ["calls sys.exit(3)", "sys.exit(3)", 3, /exit code 3/],
    ["calls sys.exit(7)", "sys.exit(7)", 7, /exit code 7/],
    ["calls sys.exit('words')", "sys.exit('words')", 1, /^words\n/],
    ["calls os._exit(5)", "os._exit(5)", 5, /exit code 5/],
    ["calls os._exit(0)", "os._exit(0)", 0, /Warning: .*before train\(\) returned/],
    ["is ended by SIGTERM of another", "os.kill(os.getpid(), 15)\n  time.sleep(9)", 143, /SIGTERM/],
    ["is ended by SIGUSR1", "os.kill(os.getpid(), signal.SIGUSR1)", 138, /SIGUSR1/],
    [
      "is ended by SIGKILL",
      "os.kill(os.getpid(), 9)",
      137,
      /SIGKILL \(by the system when memory runs out, or by somebody\)/,
    ],
    ["reads address 0", "ctypes.string_at(0)", 139, /Segmentation fault[\s\S]*SIGSEGV \(a crash in native code\)/],
    ["calls abort()", "os.abort()", 134, /SIGABRT \(native code gave up\)/],
  ] as const
) {
  test(`train ends with ${code} and the cause when the script ${what}`, async (box) => {
    const script = `import ctypes, os, signal, sys, time\ndef train(d):\n  print('begun')\n  ${body}\n`;
    const finished = await box.train(script);
    assert.equal(finished.stdout, "begun\n", "what was printed before is not lost");
    assert.match(finished.stderr, stderr);
    assert.equal(finished.code, code);
    assert.equal(finished.signal, null);
  });
}

test("train ends with 1 and the traceback from the script on when train raises", async (box) => {
  const module = box.module({
    "train.py": "import helper\ndef train(d):\n  helper.fail()\n",
    "helper.py":
      "def fail():\n  try:\n    {}['key']\n  except KeyError as e:\n    raise RuntimeError('größer') from e\n",
  });
  const { code, stdout, stderr } = await box.run(["train", module, "train.py", "model"]);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
  assert.match(stderr, /^KeyError: 'key'$/m);
  assert.match(stderr, /The above exception was the direct cause/);
  assert.match(stderr, new RegExp(`File "${module}/train.py", line 3, in train`));
  assert.match(stderr, new RegExp(`File "${module}/helper.py", line 5, in fail`));
  assert.match(stderr, /RuntimeError: größer\nError: Training raised RuntimeError: größer\n$/);
  assert.doesNotMatch(stderr, /_bridge/, "our own frames are of no interest");
});

// `tests/python/test_training.py` has more of these scripts.
for (
  const [what, script, expected] of [
    ["raises when it is imported", "1 / 0", /train\.py", line 1[\s\S]*ZeroDivisionError/],
    ["is no Python", "def train(", /train\.py", line 1[\s\S]*SyntaxError/],
    ["imports what is not installed", "import no_such_package", /ModuleNotFoundError: .*no_such_package/],
    ["has no train", "def fit(model_dir): pass", /^Error: '.*train\.py' must define train\(\)/],
  ] as const
) {
  test(`train ends with 1 and says why when the script ${what}`, async (box) => {
    const { code, stdout, stderr } = await box.train(script);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /_bridge/);
  });
}

test("train explains the required signature when the script's train accepts no training arguments", async (box) => {
  const { code, stderr } = await box.train("def train(model_dir, logger=None): pass", ["--epochs", "3"]);
  assert.equal(code, 1);
  assert.match(stderr, /line 1: train\(model_dir, logger=None\) must be callable as .* with 2 training arguments/);
});

for (
  const [what, args, expected] of [
    [
      "the module is missing",
      ["nowhere", "train.py", "model"],
      /^Error: The module directory 'nowhere' does not exist\n$/,
    ],
    ["the module is a file", ["file", "train.py", "model"], /^Error: The module 'file' is not a directory\n$/],
    [
      "the script is missing",
      ["m", "trian.py", "model"],
      /^Error: The module directory 'm' has no script 'trian.py'; it contains 'other.py', 'train.py'\n$/,
    ],
    ["the suffix is missing", ["m", "train", "model"], /did you mean 'train\.py'\?/],
    ["the script is a folder", ["m", "sub", "model"], /The module directory 'm' has no script 'sub'/],
  ] as const
) {
  test(`train ends with 2 and one line when ${what}`, async (box) => {
    box.write({ "m/train.py": "", "m/other.py": "", "m/sub/x.txt": "", "file": "" });
    const { code, stdout, stderr } = await box.run(["train", ...args]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, expected);
    assert.ok(!await exists(box.path("model")), "nothing is made for a run that can't be");
  });
}

// Signals.

for (const [name, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  test(`train raises KeyboardInterrupt in the script, and ends with ${code}, when ${name} comes`, async (box) => {
    const program = box.start([
      "train",
      box.module({
        "train.py": py`
          import atexit, time
          atexit.register(lambda: print("at exit"))
          def train(model_dir):
              try:
                  print("sleeping")
                  time.sleep(60)
              except KeyboardInterrupt:
                  print("caught")
                  raise
              finally:
                  open(model_dir + "/checkpoint", "w").close()
        `,
      }),
      "train.py",
      "model",
    ]);
    await program.stdout.waitFor(/sleeping/);
    program.kill(name);
    const finished = await program.finished();
    assert.equal(finished.stdout, "sleeping\ncaught\nat exit\n");
    assert.match(finished.stderr, /KeyboardInterrupt[\s\S]*Error: Training was stopped by /);
    assert.match(finished.stderr, new RegExp(`stopped by ${name}\n$`));
    assert.equal(finished.code, code);
    assert.ok(await exists(box.path("model/checkpoint")));
  });
}

test("train exits with the script's own code when the script catches KeyboardInterrupt and continues", async (box) => {
  const script = (end: string) =>
    `import sys, time\ndef train(d):\n  try:\n    print('sleeping')\n    time.sleep(60)\n` +
    `  except KeyboardInterrupt:\n    print('saved')\n    ${end}\n`;
  for (const [end, code] of [["return", 0], ["sys.exit(4)", 4]] as const) {
    const program = box.start(["train", box.module({ "train.py": script(end) }), "train.py", "model"]);
    await program.stdout.waitFor(/sleeping/);
    program.kill("SIGINT");
    const finished = await program.finished();
    assert.deepEqual([finished.stdout, finished.code], ["sleeping\nsaved\n", code]);
  }
});

test("train runs the finally blocks of an async script when SIGTERM comes", async (box) => {
  const program = box.start([
    "train",
    box.module({
      "train.py": py`
        import asyncio
        async def helper():
            try:
                await asyncio.sleep(60)
            finally:
                print("helper cleaned up")
        async def train(model_dir):
            task = asyncio.create_task(helper())
            await asyncio.sleep(0)
            # Both wait when this is printed: the signal comes while the event loop itself runs.
            asyncio.get_running_loop().call_soon(print, "sleeping")
            try:
                await task
            finally:
                await asyncio.sleep(0.01)
                print("cleaned up")
      `,
    }),
    "train.py",
    "model",
  ]);
  await program.stdout.waitFor(/sleeping/);
  program.kill("SIGTERM");
  const { code, stdout } = await program.finished();
  assert.equal(stdout, "sleeping\nhelper cleaned up\ncleaned up\n");
  assert.equal(code, 143);
});

/** A script that ignores all signals, with a child in its group and another that has left it. */
const STUBBORN = py`
  import os, signal, subprocess, sys, time
  def train(model_dir):
      for number in (signal.SIGINT, signal.SIGTERM):
          signal.signal(number, signal.SIG_IGN)
      ignore = "import signal, time; signal.signal(2, signal.SIG_IGN); signal.signal(15, signal.SIG_IGN); time.sleep(300)"
      child = subprocess.Popen([sys.executable, "-c", ignore])
      daemon = subprocess.Popen([sys.executable, "-c", ignore], start_new_session=True)
      print("pids", os.getpid(), child.pid, daemon.pid)
      while True:
          try:
              time.sleep(300)
          except KeyboardInterrupt:
              pass
`;

async function stubborn(box: Sandbox, ...options: string[]) {
  const program = box.start(["train", ...options, box.module({ "train.py": STUBBORN }), "train.py", "model"]);
  const [, ...pids] = await program.stdout.waitFor(/^pids (\d+) (\d+) (\d+)$/);
  return { program, pids: pids.map(Number) };
}

test("train kills the script and its children when the script ignores SIGTERM for --stop-timeout 1", async (box) => {
  const { program, pids } = await stubborn(box, "--stop-timeout", "1");
  const start = performance.now();
  program.kill("SIGTERM");
  await sleep(300);
  assert.ok(pids.every(isAlive), "it is given its time");
  const { code, stderr } = await program.finished();
  assert.ok(performance.now() - start > 900);
  assert.equal(code, 143);
  assert.match(stderr, /Error: Training was killed: it did not end within 1 s of SIGTERM\n$/);
  await until("all of its processes are gone", () => !pids.some(isAlive), 2_000);
});

test("train kills the script and its children at once on a second signal", async (box) => {
  const { program, pids } = await stubborn(box, "--stop-timeout", "300");
  program.kill("SIGINT");
  // Within a second, it would be the same stop.
  await sleep(1_100);
  assert.equal(program.isOver, false);
  program.kill("SIGINT");
  const { code, stderr } = await program.finished();
  assert.equal(code, 130);
  assert.match(stderr, /Error: Training was killed: a second SIGINT\n$/);
  await until("all of its processes are gone", () => !pids.some(isAlive), 2_000);
});

test("train ends with 143 when SIGTERM comes while the script is imported", async (box) => {
  const program = box.start([
    "train",
    box.module({ "train.py": "import time\nprint('importing', flush=True)\ntime.sleep(60)\n" }),
    "train.py",
    "model",
  ]);
  await program.stdout.waitFor(/importing/);
  program.kill("SIGTERM");
  assert.equal((await program.finished()).code, 143);
});

test("train leaves no process behind when SIGTERM arrives at any time of its start", async (box) => {
  const module = box.module({ "train.py": "import time\ndef train(d): time.sleep(60)\n" });
  for (let ms = 0; ms <= 300; ms += 25) {
    const program = box.start(["train", module, "train.py", "model"]);
    await sleep(ms);
    program.kill("SIGTERM");
    const { code } = await program.finished();
    // Before a handler is set it dies of the signal itself, for which Deno says the same code.
    assert.equal(code, 143, `after ${ms} ms`);
  }
  await box.assertClean();
});

test("train ends the children of the script when they outlive it", async (box) => {
  const { code, stdout } = await box.train(py`
    import subprocess
    def train(model_dir):
        subprocess.Popen(["sleep", "300"])
        subprocess.Popen(["sleep", "300"], start_new_session=True)
        print("done")
  `);
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "done\n" });
  await until("no process is left", () => box.processes().length === 0, 2_000);
});

// Places.

test("train works when every path contains spaces and non-ASCII characters", async (box) => {
  const odd = "mit Leerzeichen é 模型 🦕 'quote\" $HOME *";
  const module = box.module({
    [`${odd}.py`]: "import sys\ndef train(d, *a, tensor_board_dir=''): print(d, tensor_board_dir, *a, sep='\\n')\n",
  }, odd);
  const folders = Object.fromEntries(["bin", "home", "tmp", "cwd"].map((name) => [name, `${box.root}/${odd} ${name}`]));
  for (const folder of Object.values(folders)) Deno.mkdirSync(folder!);
  const bin = `${folders["bin"]}/aimodellib`;
  Deno.copyFileSync(BIN, bin);
  const venv = box.path(`${odd} venv`);
  box.write({ [`${odd} venv/pyvenv.cfg`]: pyvenvCfg() });
  Deno.mkdirSync(`${venv}/bin`);
  Deno.symlinkSync(PYTHON, `${venv}/bin/python`);
  const { code, stdout, stderr } = await box.run(
    ["train", "--python", `${venv}/bin/python`, "-T", `${odd}/tb`, module, `${odd}.py`, `${odd}/model`, odd],
    { command: bin, cwd: folders["cwd"]!, env: { HOME: folders["home"]!, TMPDIR: folders["tmp"]! } },
  );
  assert.deepEqual({ code, stdout, stderr }, {
    code: 0,
    stdout: `${folders["cwd"]}/${odd}/model\n${folders["cwd"]}/${odd}/tb\n${odd}\n`,
    stderr: "",
  });
  assert.deepEqual([...Deno.readDirSync(folders["tmp"]!)], []);
});

test("train works when the module directory is mounted read-only", async (box) => {
  const module = box.module({
    "train.py": py`
      import helper, os
      def train(model_dir):
          try:
              open(os.path.join(os.path.dirname(__file__), "x"), "w")
          except OSError as error:
              print(error.strerror)
          helper.save(model_dir)
    `,
    "helper.py": "def save(d): open(d + '/weights', 'w').close()\n",
  });
  const shell = `mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$0" train "$1" train.py model`;
  const { code, stdout, stderr } = await box.run(["--mount", "sh", "-c", shell, BIN, module], { command: "unshare" });
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "Read-only file system\n", stderr: "" });
  assert.ok(await exists(box.path("model/weights")));
}, CAN_MOUNT);

test("train works without a network", async (box) => {
  const { code, stdout, stderr } = await box.run([
    "--net",
    BIN,
    "train",
    box.module({
      "train.py": py`
        import socket
        def train(model_dir):
            try:
                socket.create_connection(("127.0.0.1", 80), 5)
            except OSError as error:
                print(error.strerror)
      `,
    }),
    "train.py",
    "model",
  ], { command: "unshare" });
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "Network is unreachable\n", stderr: "" });
}, CAN_GO_OFFLINE);

// The unit tests of `resolveModule()` have more paths.
for (
  const [what, cwd, module, script, model] of [
    ["all are relative to another directory", "cwd/deep", "../../m", "train.py", "../../out"],
    [
      "the module is a link, and the script is relative to the working directory",
      "cwd",
      "../link/",
      "../m/sub/train.py",
      "../out/",
    ],
    [
      "all are absolute, and the script lies outside of the module",
      "cwd",
      "{root}/m",
      "{root}/elsewhere/train.py",
      "{root}/out",
    ],
    ["the module is the working directory", "m", ".", "train.py", "../out"],
  ] as const
) {
  test(`train finds module, script and model_dir when ${what}`, async (box) => {
    const text = "import helper, os\ndef train(d): print(os.getcwd()); open(d + '/weights', 'w').close()\n";
    box.write({
      "m/train.py": text,
      "m/sub/train.py": text,
      "m/helper.py": "",
      "elsewhere/train.py": text,
      "cwd/deep/x": "",
    });
    Deno.symlinkSync("m", box.path("link"));
    const args = [module, script, model].map((word) => word.replace("{root}", box.root));
    const { code, stdout, stderr } = await box.run(["train", ...args], { cwd: box.path(cwd) });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${box.path(cwd)}\n`, stderr: "" });
    assert.ok(await exists(box.path("out/weights")));
  });
}

test("train lets the script read from a terminal, and passes on Ctrl+C", async (box) => {
  const module = box.module({
    "train.py": py`
      import time
      def train(model_dir):
          print("name was", input("name? "))
          try:
              time.sleep(60)
          except KeyboardInterrupt:
              print("interrupted")
    `,
  });
  const { code, stdout } = await box.runAtTerminal([["name? ", "bob\n"], ["name was bob", "\x03"]], [
    "train",
    module,
    "train.py",
    "model",
  ]);
  assert.match(stdout, /name was bob\r?\n[\s\S]*interrupted/);
  assert.equal(code, 0, stdout);
});

function pyvenvCfg(): string {
  const code = "import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))";
  return `home = ${
    new TextDecoder().decode(tool(PYTHON, ["-I", "-c", code])).trim()
  }\ninclude-system-site-packages = false\n`;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
