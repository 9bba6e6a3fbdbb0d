/** The cache: no run changes its content, starts that wait for each other say so, and other users can't put code into it. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { CAN_MOUNT, CAN_TRACE, HAS_ROOT } from "./support/needs.ts";
import { BIN, echo, py, PYTHON, ROOT, Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";
import { tool } from "./support/tool.ts";
import { makeWheel } from "./support/wheels.ts";

const manifest = (role: "training" | "serving") =>
  `{"${role}Script": "${role.replace("ing", "").replace("serv", "serve")}.py", "logNamingFormat": "%d.log"}`;

/** An archive made by hand with tar. */
function tar(box: Sandbox, files: Readonly<Record<string, string>>, name = "model.tar.gz"): void {
  const role = "train.py" in files ? "training" : "serving";
  const folder = box.module({ "manifest.json": manifest(role), ...files }, `${name}.d`);
  const args = ["-C", folder, "-czf", box.path(name), "."];
  tool("tar", args);
}

/** Returns the cached folders of archives, without locks. */
function kept(box: Sandbox): string[] {
  const shelf = box.path("home/.cache/aimodellib/archives");
  return [...Deno.readDirSync(shelf)].filter(({ isDirectory }) => isDirectory).map(({ name }) =>
    `${shelf}/${name}/root`
  );
}

const WRITES = py`
  import json, os, time
  HERE = os.path.dirname(os.path.abspath(__file__))
  def train(d, *args):
      path = os.path.join(HERE, "config.json")
      with open(path) as file: config = json.load(file)
      print(config["lr"], sorted(os.listdir(HERE)), flush=True)
      with open(path, "w") as file: json.dump({"lr": config["lr"] / 2}, file)
      open(os.path.join(HERE, "vocabulary.txt"), "w").close()
      os.remove(os.path.join(HERE, "gone.txt"))
      if args: time.sleep(60)
`;

test("three runs of an archive start with the same files, whatever a script writes into its folder", async (box) => {
  tar(box, { "train.py": WRITES, "config.json": `{"lr": 0.1}`, "gone.txt": "" });
  const busy = box.start(["train", "model.tar.gz", "out", "wait"]);
  await busy.stdout.waitFor(/^0\.1/);
  // Python has cached the script's bytecode in this folder.
  const expected = "0.1 ['__pycache__', 'config.json', 'gone.txt', 'manifest.json', 'train.py']\n";
  for (let i = 0; i < 2; i++) {
    const { code, stdout, stderr } = await box.run(["train", "model.tar.gz", "out"]);
    assert.deepEqual([code, stdout], [0, expected], stderr);
  }
  assert.equal(busy.stdout.text, expected);
  busy.kill("SIGTERM");
  await busy.finished();
  const runs = [...Deno.readDirSync(box.path("home/.cache/aimodellib/runs"))];
  assert.deepEqual(runs, [], "copies are removed");
});

test("runs with a umask of 0 use the same Python files, with the bytecode that the first has cached", async (box) => {
  const module = box.module({
    "train.py": py`
      import os, aimodellib
      def train(d):
          print(os.stat(aimodellib.__file__).st_ino, os.path.dirname(aimodellib.__cached__))
    `,
  });
  const seen: string[] = [];
  for (let i = 0; i < 3; i++) {
    const script = `umask 0; exec "${BIN}" train "${module}" train.py out`;
    const { code, stdout, stderr } = await box.run(["-c", script], { command: "sh" });
    assert.equal(code, 0, stderr);
    seen.push(stdout);
  }
  assert.match(seen[0]!, new RegExp(` ${box.path("home")}/.cache/aimodellib/python-[^/]+/aimodellib/__pycache__\n$`));
  assert.deepEqual(seen, Array(3).fill(seen[0]));
});

test("a later run removes the copy of a run that was killed", async (box) => {
  tar(box, { "train.py": "import time\ndef train(d, *args):\n  print('up', flush=True)\n  if args: time.sleep(60)\n" });
  const busy = box.start(["train", "model.tar.gz", "out", "wait"]);
  await busy.stdout.waitFor(/^up/);
  busy.kill("SIGKILL");
  await busy.exited();
  const runs = box.path("home/.cache/aimodellib/runs");
  assert.equal([...Deno.readDirSync(runs)].length, 2);
  assert.equal((await box.run(["cache", "prune"])).code, 0);
  assert.deepEqual([...Deno.readDirSync(runs)], []);
});

/** Ways to change a cached folder. */
const CHANGES: readonly (readonly [string, (root: string) => void])[] = [
  ["an edited script of the same size", (root) => edit(`${root}/train.py`, (text) => text.replace("good", "evil"))],
  ["an edited script of the same size and time", (root) => {
    const { mtime } = Deno.statSync(`${root}/train.py`);
    edit(`${root}/train.py`, (text) => text.replace("good", "evil"));
    Deno.utimeSync(`${root}/train.py`, mtime!, mtime!);
  }],
  ["an edited manifest", (root) => edit(`${root}/manifest.json`, (text) => text.replace("train.py", "evil.py"))],
  ["another script in its place", (root) => {
    Deno.writeTextFileSync(`${root}/evil.py`, EVIL);
    Deno.renameSync(`${root}/evil.py`, `${root}/train.py`);
  }],
  ["a link in its place", (root) => {
    Deno.writeTextFileSync(`${root}/../evil.py`, EVIL);
    Deno.removeSync(`${root}/train.py`);
    Deno.symlinkSync("../evil.py", `${root}/train.py`);
  }],
  ["a module of the standard library's name", (root) => Deno.writeTextFileSync(`${root}/json.py`, EVIL)],
  ["a folder of a module's name", (root) => {
    Deno.mkdirSync(`${root}/helper`);
    Deno.writeTextFileSync(`${root}/helper/__init__.py`, "VALUE = 'evil'\n");
  }],
  ["a file that is gone", (root) => Deno.removeSync(`${root}/helper.py`)],
  ["an edited large file", (root) => {
    Deno.chmodSync(`${root}/weights.bin`, 0o644);
    edit(`${root}/weights.bin`, (text) => `evil${text.slice(4)}`);
  }],
  ["an edited large file of the same time", (root) => {
    const { mtime } = Deno.statSync(`${root}/weights.bin`);
    Deno.chmodSync(`${root}/weights.bin`, 0o644);
    edit(`${root}/weights.bin`, (text) => `evil${text.slice(4)}`);
    Deno.utimeSync(`${root}/weights.bin`, mtime!, mtime!);
  }],
  ["a link for the whole folder", (root) => {
    Deno.renameSync(root, `${root}-old`);
    Deno.mkdirSync(`${root}-evil`);
    Deno.writeTextFileSync(`${root}-evil/train.py`, EVIL);
    Deno.writeTextFileSync(`${root}-evil/manifest.json`, manifest("training"));
    Deno.symlinkSync(`${root}-evil`, root);
  }],
  ["a list of its content that is rubbish", (root) => Deno.writeTextFileSync(`${root}/../content.json`, "{")],
  ["a list of its content that is gone", (root) => Deno.removeSync(`${root}/../content.json`)],
];

const GOOD = py`
  import json, os, helper
  def train(d):
      with open(os.path.join(os.path.dirname(__file__), "weights.bin")) as file: weights = file.read(4)
      print("good", helper.VALUE, weights, json.__name__)
`;
const EVIL = "def train(d): print('evil')\n";

function edit(path: string, change: (text: string) => string): void {
  Deno.writeTextFileSync(path, change(Deno.readTextFileSync(path)));
}

test("a run uses the content of the archive even if its cached files were changed", async (box) => {
  tar(box, { "train.py": GOOD, "helper.py": "VALUE = 'good'\n", "weights.bin": "good".repeat(1_500_000) });
  const run = () => box.run(["train", "model.tar.gz", "out"]);
  assert.equal((await run()).stdout, "good good good json\n");
  for (const [what, change] of CHANGES) {
    assert.equal(kept(box).length, 1, what);
    change(kept(box)[0]!);
    const { code, stdout, stderr } = await run();
    assert.deepEqual([code, stdout], [0, "good good good json\n"], `${what}: ${stderr}`);
  }
});

test("large files are not copied for a run", async (box) => {
  const script =
    "import os\ndef train(d): print(os.path.islink(os.path.join(os.path.dirname(__file__), 'weights.bin')))\n";
  tar(box, { "train.py": script, "weights.bin": "x".repeat(8_000_000) });
  assert.equal((await box.run(["train", "model.tar.gz", "out"])).stdout, "True\n");
});

test("serve accepts an archive from standard input while the same one is served", async (box) => {
  tar(box, { "serve.py": echo() });
  Deno.mkdirSync(box.path("out"));
  const first = await Server.attach(box.start(["serve", "--port", "0", "model.tar.gz", "out"]), true);
  const args = ["-c", `exec "$0" serve --port 0 - out < model.tar.gz`, BIN];
  const second = await Server.attach(box.start(args, { command: "sh" }), true);
  for (const server of [first, second]) assert.equal((await server.invoke("ab")).text, "ab");
  await first.stop();
  await second.stop();
});

test("train reads an archive from a pipe, such as <(curl …) of a shell", async (box) => {
  tar(box, { "train.py": "def train(d): print('ran')\n" });
  const script = `mkfifo pipe; cat model.tar.gz > pipe & "$0" train pipe out`;
  const { code, stdout, stderr } = await box.run(["-c", script, BIN], { command: "sh" });
  assert.deepEqual([code, stdout], [0, "ran\n"], stderr);
});

for (
  const [words, begun, expected] of [
    ["train - out", "home/.cache/aimodellib/archives", [143, "Error: Stopped by SIGTERM before training began\n"]],
    ["unpack - out", ".", [1, "Error: standard input was not unpacked: stopped by SIGTERM\n"]],
  ] as const
) {
  test(`${words} ends on SIGTERM while standard input sends nothing`, async (box) => {
    tar(box, { "train.py": "def train(d): ...\n" });
    const script = `mkfifo pipe; exec 3<> pipe; head -c 100 model.tar.gz >&3; exec "$0" ${words} < pipe`;
    const program = box.start(["-c", script, BIN], { command: "sh" });
    const names = () => [...Deno.readDirSync(box.path(begun))].map(({ name }) => name);
    await until("the first bytes were read", () => {
      try {
        return names().some((name) => name.endsWith(".tmp"));
      } catch {
        return false;
      }
    });
    program.kill("SIGTERM");
    const { code, stderr } = await program.finished();
    assert.deepEqual([code, stderr], expected);
    assert.ok(!names().some((name) => name.endsWith(".tmp")));
  });
}

test("three concurrent starts of an archive with requirements all become ready", async (box) => {
  makeWheel(box.path("model.tar.gz.d/vendor"), "fox", "1.0", "V = 1");
  tar(box, { "serve.py": `import fox\n${echo()}`, "requirements.txt": "fox==1.0\n" });
  Deno.mkdirSync(box.path("out"));
  const env = { PIP_CMD: `${PYTHON} ${ROOT}/tests/e2e/support/unpack_wheels.py` };
  const start = () => Server.attach(box.start(["serve", "--port", "0", "model.tar.gz", "out"], { env }), true);
  const servers = await Promise.all([start(), start(), start()]);
  for (const server of servers) assert.equal((await server.invoke("ab")).text, "ab");
  for (const server of servers) await server.stop();
});

test("a start that waits for an installation names the installing process, and ends on SIGTERM", async (box) => {
  const module = box.module({ "train.py": "def train(d): ...\n", "requirements.txt": "fox==1.0\n" });
  Deno.writeTextFileSync(box.path("pip"), "#!/bin/sh\necho begun\nexec sleep 60\n", { mode: 0o755 });
  const env = { PIP_CMD: box.path("pip") };
  const first = box.start(["train", module, "train.py", "out"], { env });
  await first.stderr.waitFor(/^begun$/);
  const second = box.start(["train", module, "train.py", "out"], { env });
  await second.stderr.waitFor(new RegExp(`^Waiting for process ${first.pid}, which installs .*requirements\\.txt`));
  second.kill("SIGTERM");
  const { code, stderr } = await second.finished();
  assert.equal(code, 143);
  assert.match(stderr, /Stopped by SIGTERM/);
  first.kill("SIGTERM");
  await first.finished();
});

test("a cache that other users can write to is reported and not used", async (box) => {
  const cache = box.path("shared");
  Deno.mkdirSync(cache);
  Deno.chmodSync(cache, 0o777);
  tar(box, { "train.py": "def train(d): print(__file__)\n" });
  const { code, stdout, stderr } = await box.run(["train", "model.tar.gz", "out"], {
    env: { AIMODELLIB_CACHE_DIR: cache },
  });
  assert.equal(code, 0, stderr);
  assert.ok(stdout.startsWith(box.path("tmp/")), stdout);
  assert.match(stderr, /The cache '.*shared.*' is not used, since '.*' may be written to by others/);
});

test("files that another user has put into the cache are neither run nor imported", async (box) => {
  const cache = box.path("home/.cache/aimodellib");
  tar(box, { "train.py": "import json\ndef train(d): print(json.__file__)\n" });
  const run = () => box.run(["train", "model.tar.gz", "out"]);
  const { stdout } = await run();
  const plant = (folder: string) => {
    Deno.writeTextFileSync(`${folder}/json.py`, "print('planted')\n");
    Deno.chownSync(`${folder}/json.py`, 65534, 65534);
  };
  for (const { name } of Deno.readDirSync(cache)) if (name.startsWith("python-")) plant(`${cache}/${name}`);
  for (const root of kept(box)) plant(root);
  assert.equal((await run()).stdout, stdout);
  // A folder that replaced one of ours.
  for (const root of kept(box)) Deno.chownSync(root, 65534, 65534);
  assert.equal((await run()).stdout, stdout);
}, HAS_ROOT);

test("a full cache disk is reported, and a temporary folder is used instead", async (box) => {
  tar(box, { "train.py": "def train(d): print('ran')\n", "data.bin": "x".repeat(6_000_000) });
  box.write({
    "full.sh": `
      mkdir small && mount -t tmpfs -o size=3m,mode=700 small small || exit 99
      AIMODELLIB_CACHE_DIR=$PWD/small/cache "$1" train model.tar.gz out; code=$?
      find small/cache/archives -mindepth 1 -name '*.tmp' -o -name root
      exit $code
    `,
  });
  const { code, stdout, stderr } = await box.run(["--mount", "sh", "full.sh", BIN], { command: "unshare" });
  assert.deepEqual([code, stdout], [0, "ran\n"], stderr);
  assert.match(stderr, /The cache '.*small\/cache\/archives' is full; this run uses a temporary folder/);
}, CAN_MOUNT);

test("train and predict work on a file system without locks", async (box) => {
  const lockless = ["-f", "-qqq", "-o", "/dev/null", "-e", "trace=flock", "-e", "inject=flock:error=ENOSYS", BIN];
  const run = (...args: string[]) => box.run([...lockless, ...args], { command: "strace" });
  makeWheel(box.path("model.tar.gz.d/vendor"), "fox", "1.0", "V = 1");
  tar(box, {
    "train.py": "import fox\ndef train(d): print(fox.V)\n",
    "requirements.txt": "./vendor/fox-1.0-py3-none-any.whl\n",
  });
  const { code, stdout, stderr } = await run("train", "model.tar.gz", "out");
  assert.deepEqual([code, stdout], [0, "1\n"], stderr);
  assert.match(stderr, /^The cache '.*archives' is on a file system without file locks; this run uses a temporary/);
  assert.match(stderr, /^The cache '.*environments' is on a file system without file locks/m);
  box.write({ "in.jsonl": "1\n2\n" });
  const predicted = await run(
    "predict",
    box.module({ "serve.py": echo() }),
    "serve.py",
    ".",
    "in.jsonl",
    "-o",
    "o.jsonl",
  );
  assert.equal(predicted.code, 0, predicted.stderr);
  assert.equal(Deno.readTextFileSync(box.path("o.jsonl")), "1\n2\n");
}, CAN_TRACE);
