/** `train` and `serve` of a Model Archive: its manifest, its cache, its log, and what it needs to be installed. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { CAN_CABLE, CAN_GO_OFFLINE } from "./support/needs.ts";
import { BIN, py, PYTHON, ROOT, Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";
import { sh, tool } from "./support/tool.ts";
import { venvWithPip } from "./support/venv.ts";
import { makeWheel } from "./support/wheels.ts";

/** An installer that takes a fraction of pip's time, for tests that are not about pip. */
const FAST = { PIP_CMD: `${PYTHON} ${ROOT}/tests/e2e/support/unpack_wheels.py` };

/** Both scripts in one, as in the specification's example. */
const MAIN = py`
  import os, sys
  def train(model_dir, *args, tensor_board_enabled=False, tensor_board_dir="logs", logger=None):
      logger.log("trained with", args, tensor_board_enabled, os.path.relpath(tensor_board_dir))
      print("to stderr", file=sys.stderr)
      open(os.path.join(model_dir, "factor"), "w").write("3")
  def load(model_dir, logger=None):
      return int(open(os.path.join(model_dir, "factor")).read())
  def deserialize(data, content_type="application/octet-stream", logger=None):
      return data
  def predict(data, model, logger=None):
      print("asked")
      return data * model
  def serialize(data, accepted="*/*", logger=None):
      return data, "text/plain"
`;

/** The specification's example, its comment included, but without a TensorBoard, which would take its port. */
const EXAMPLE = Deno.readTextFileSync(`${ROOT}/tests/fixtures/example_manifest.json`)
  .replace('"enableTensorboard": true', '"enableTensorboard": false');

/** An archive made by hand with tar. */
function tar(box: Sandbox, files: Readonly<Record<string, string>>, name = "model.tar.gz"): void {
  box.write(Object.fromEntries(Object.entries(files).map(([path, text]) => [`${name}.d/${path}`, text])));
  const args = ["-C", box.path(`${name}.d`), "-czf", box.path(name), ...Object.keys(files)];
  tool("tar", args);
}

/** Names in a folder of the sandbox. */
function names(box: Sandbox, folder: string): string[] {
  return [...Deno.readDirSync(box.path(folder))].map(({ name }) => name).sort();
}

/** The log files in a folder. A run that is killed while it writes its record leaves a hidden temporary file as well. */
const logs = (box: Sandbox, folder: string) => names(box, folder).filter((name) => !/^\.?run\./.test(name));

const archives = (box: Sandbox) => names(box, "home/.cache/aimodellib/archives").filter((name) => !name.includes("."));
const environments = (box: Sandbox) =>
  names(box, "home/.cache/aimodellib/environments").filter((name) => !name.includes("."));

test("the specification's example, packed by hand, trains, serves and logs", async (box) => {
  tar(box, { "main.py": MAIN, "manifest.json": EXAMPLE });
  const { code, stdout, stderr } = await box.run(["train", "model.tar.gz", "model", "a", "--b"]);
  const said = "trained with ('a', '--b') False tb_logs\n";
  assert.deepEqual([code, stdout, stderr], [0, said, "to stderr\n"]);
  const [log, ...others] = logs(box, "logs");
  assert.match(log!, /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.log$/);
  assert.deepEqual(others, []);
  assert.deepEqual(box.read(`logs/${log}`).split("\n").sort(), `${said}to stderr\n`.split("\n").sort());
  Deno.removeSync(box.path("logs"), { recursive: true });

  const server = await Server.attach(box.start(["serve", "--port", "0", "model.tar.gz", "model"]), true);
  assert.equal((await server.invoke("ab")).text, "ababab");
  await server.stop();
  assert.equal(box.read(`logs/${logs(box, "logs")[0]}`), server.log);
  assert.match(server.log, /\[worker 1\] asked\n/);
  assert.equal(archives(box).length, 1);
});

test("train accepts a folder with a manifest, and an archive from standard input", async (box) => {
  const folder = box.module({ "main.py": MAIN, "manifest.json": EXAMPLE }, "unpacked");
  assert.equal((await box.run(["train", folder, "model"])).code, 0);
  tar(box, { "main.py": MAIN, "manifest.json": EXAMPLE });
  for (let i = 0; i < 2; i++) {
    const piped = await box.run(["-c", `"$0" train - model x < model.tar.gz`, BIN], { command: "sh" });
    assert.deepEqual([piped.code, piped.stdout], [0, "trained with ('x',) False tb_logs\n"]);
  }
  assert.equal(archives(box).length, 1);
  // As a module, when its script is named.
  const module = await box.run(["train", folder, "main.py", "model", "y"]);
  assert.equal(module.stdout, "trained with ('y',) False tb_logs\n");
});

/** For each key of the manifest: a valid value, a value of a wrong type, and the effect of the valid one. */
const KEYS = [
  ["module", "sub", 7, { "sub/main.py": MAIN.replace("trained", "sub trained") }, /^sub trained/],
  ["trainingScript", "other.py", false, { "other.py": "def train(d): print('other')" }, /^other/],
  ["logDirectory", "a/b", [], {}, /^trained/],
  ["logNamingFormat", "x-%%.log", null, {}, /^trained/],
  ["enableTensorboard", false, "yes", {}, /^trained with \(\) False/],
  ["tensorboardDirectory", "tb/x", 1, {}, /^trained with \(\) False tb\/x/],
] as const;

for (const [key, value, wrong, files, whenSet] of KEYS) {
  test(`train follows ${key} of the manifest, and refuses a value of a wrong type`, async (box) => {
    const run = async (value: unknown) => {
      const manifest = { trainingScript: "main.py", [key]: value };
      tar(box, { "main.py": MAIN, ...files, "manifest.json": JSON.stringify(manifest) });
      return await box.run(["train", "model.tar.gz", "model"]);
    };
    const set = await run(value);
    assert.deepEqual([set.code, set.stdout.search(whenSet)], [0, 0], set.stdout + set.stderr);
    if (key === "logDirectory") assert.equal(logs(box, "a/b").length, 1);
    if (key === "logNamingFormat") assert.deepEqual(logs(box, "logs"), ["x-%.log"]);
    const refused = await run(wrong);
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(
      refused.stderr,
      new RegExp(`'model.tar.gz' has a manifest.json that is invalid at line 1, column \\d+: ${key} must be a `),
    );
  });
}

test("train uses the default of each key that the manifest lacks", async (box) => {
  const run = async (manifest: string) => {
    tar(box, { "main.py": MAIN, "sub/main.py": "", "manifest.json": manifest });
    return await box.run(["train", "model.tar.gz", "model"]);
  };
  const { code, stdout, stderr } = await run(`{"trainingScript": "main.py"}`);
  assert.deepEqual([code, stdout], [0, "trained with () False tb_logs\n"], stderr);
  const [log, ...others] = logs(box, "logs");
  assert.match(log!, /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.log$/);
  assert.deepEqual(others, []);
  const none = await run("{}");
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  assert.match(none.stderr, /can't train/);
});

test("serve and train refuse an archive that has no script for them, and warn about unknown keys", async (box) => {
  tar(box, { "main.py": MAIN, "manifest.json": `{"servingScript": "main.py", "owner": "me"}` });
  const { code, stdout, stderr } = await box.run(["train", "model.tar.gz", "model"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.equal(
    stderr,
    "'model.tar.gz' has the unknown key 'owner' in its manifest.json\n" +
      "Error: 'model.tar.gz' can't train: the trainingScript in its manifest.json is null; it can only serve\n",
  );
});

test("train refuses an archive that verify refuses, and leaves nothing in the cache", async (box) => {
  tar(box, { "main.py": MAIN });
  const { code, stderr } = await box.run(["train", "model.tar.gz", "model"]);
  assert.equal(code, 1);
  assert.match(stderr, /^Error: 'model.tar.gz' has no manifest.json in its root/);
  assert.deepEqual(archives(box), []);
  const missing = await box.run(["train", "missing.tar.gz", "model"]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /^Error: 'missing.tar.gz' can't be read: No such file/);
});

test("train demands a signature with --key", async (box) => {
  tar(box, { "main.py": MAIN, "manifest.json": EXAMPLE });
  await box.run(["keygen", "-W"]);
  const unsigned = await box.run(["train", "-k", "aimodellib.pub", "model.tar.gz", "model"]);
  assert.equal(unsigned.code, 1);
  await box.run(["sign", "model.tar.gz"]);
  const signed = await box.run(["train", "-k", "aimodellib.pub", "model.tar.gz", "model"]);
  assert.equal(signed.code, 0);
  assert.match(signed.stderr, /^Signed with the key [0-9A-F]{16}: /);
  // Also of one that is in the cache.
  Deno.writeTextFileSync(box.path("model.tar.gz.minisig"), box.read("model.tar.gz.minisig").replace("file:", "f:"));
  assert.equal((await box.run(["train", "-k", "aimodellib.pub", "model.tar.gz", "model"])).code, 1);
});

test("run.json contains what is needed to repeat a run, and its outcome; earlier records are kept", async (box) => {
  tar(box, {
    "train.py": "def train(d, *args): 1 / int(args[0])\n",
    "manifest.json": `{"trainingScript": "train.py", "logNamingFormat": "%Y.log"}`,
  });
  for (const divisor of ["0", "1"]) await box.run(["train", "--stop-timeout", "9", "model.tar.gz", "out", divisor]);
  const record = JSON.parse(box.read("logs/run.json"));
  const { sha256 } = JSON.parse((await box.run(["inspect", "--json", "model.tar.gz"])).stdout);
  assert.deepEqual(record.command, ["aimodellib", "train", "--stop-timeout", "9", "model.tar.gz", "out", "1"]);
  assert.deepEqual(record.archive, { name: "model.tar.gz", sha256 });
  assert.deepEqual(record.outcome, { code: 0 });
  assert.equal(record.log, box.path(`logs/${new Date().getFullYear()}.log`));
  assert.equal(record.python.path, PYTHON);
  assert.match(record.python.version, /^3\.\d+\.\d+$/);
  assert.match(record.python.packages.numpy, /^\d/);
  assert.ok(record.host.name.length > 0);
  assert.ok(Date.parse(record.start) < Date.parse(record.end));
  const [former] = names(box, "logs").filter((name) => /^run\.\d.*Z\.json$/.test(name));
  const { outcome } = JSON.parse(box.read(`logs/${former}`));
  assert.equal(outcome.code, 1);
  assert.match(outcome.message, /ZeroDivisionError/);
});

test("run.json contains the versions of packages that are imported, not of those that they hide", async (box) => {
  const distribution = (folder: string, version: string) => ({
    [`${folder}/fox.py`]: `VERSION = "${version}"\n`,
    [`${folder}/fox-${version}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: fox\nVersion: ${version}\n`,
  });
  box.write({
    "module/train.py": "import fox\ndef train(d): print('imported', fox.VERSION)\n",
    ...distribution("first", "2.0"),
    ...distribution("last", "1.0"),
  });
  const trained = await box.run(["train", "module", "train.py", "model"], {
    env: { PYTHONPATH: `${box.path("first")}:${box.path("last")}` },
  });
  assert.equal(trained.stdout, "imported 2.0\n");
  assert.equal(JSON.parse(box.read("model/run.json")).python.packages.fox, "2.0");
});

test("the log contains all lines of a run that is killed", async (box) => {
  tar(box, {
    "train.py": "import time\ndef train(d):\n  for i in range(1000): print(i)\n  print('end'); time.sleep(60)\n",
    "manifest.json": `{"trainingScript": "train.py", "logNamingFormat": "%d.log"}`,
  });
  const program = box.start(["train", "model.tar.gz", "model"]);
  await program.stdout.waitFor(/^end$/);
  program.kill("SIGKILL");
  await program.exited();
  const [log, ...others] = logs(box, "logs");
  assert.deepEqual(others, []);
  assert.equal(box.read(`logs/${log}`), `${Array.from({ length: 1000 }, (_, i) => `${i}\n`).join("")}end\n`);
});

test("--log-dir, --log-name-format and --run-dir log a module too, and names that lead out are refused", async (box) => {
  const module = box.module({ "train.py": "def train(d): print('hello')\n" });
  const run = (...options: string[]) => box.run(["train", ...options, module, "train.py", "model"]);
  assert.equal((await run("--run-dir", "run", "--log-dir", "l", "--log-name-format", "%Y/x.log")).code, 0);
  assert.equal(box.read(`run/l/${new Date().getFullYear()}/x.log`), "hello\n");
  for (const options of [["-l", "../../x.log"], ["-l", "/tmp/x.log"], ["-L", "../x"], ["-L", "/tmp"]]) {
    const { code, stdout, stderr } = await run("--run-dir", "run", ...options);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /leads out of the run's folder|relative path inside --run-dir/);
  }
});

test("requirements.txt is installed once beside what the Python has, and only if something is missing", async (box) => {
  const module = box.module({
    "train.py": "import numpy, tabulate\ndef train(d): print(tabulate.__version__, 'environments' in numpy.__file__)\n",
    "requirements.txt": "tabulate==0.9.0  # a comment\nnumpy\nnever-there; python_version < '3'\n",
  });
  const run = (...options: string[]) => box.run(["train", ...options, module, "train.py", "model"]);
  const first = await run();
  assert.deepEqual([first.code, first.stdout], [0, "0.9.0 False\n"], first.stderr);
  assert.match(first.stderr, /^Installing .*requirements.txt: tabulate is not installed\n[^]*Successfully installed/);
  const second = await run();
  assert.deepEqual([second.code, second.stdout, second.stderr], [0, "0.9.0 False\n", ""]);
  assert.equal(environments(box).length, 1);
  const never = await run("--install", "never");
  assert.equal(never.code, 1);
  assert.match(never.stderr, /No module named 'tabulate'/);

  Deno.writeTextFileSync(`${module}/requirements.txt`, "numpy>=1.0\n");
  Deno.writeTextFileSync(`${module}/train.py`, "def train(d): print('met')\n");
  const met = await run();
  assert.deepEqual([met.code, met.stderr], [0, ""]);
  assert.equal(environments(box).length, 1);
  const always = await run("--install", "always");
  assert.match(always.stderr, /Requirement already satisfied: numpy/);
  assert.equal(environments(box).length, 2);
});

test("the error for a requirement that can't be installed quotes pip, and the next start tries again", async (box) => {
  const module = box.module({ "train.py": "def train(d): ...\n", "requirements.txt": "six==0.0.0.dev0\n" });
  for (let i = 0; i < 2; i++) {
    const { code, stderr } = await box.run(["train", module, "train.py", "model"], { env: { PIP_NO_INDEX: "1" } });
    assert.equal(code, 1);
    assert.match(stderr, /No matching distribution found for six==0.0.0.dev0[^]*pip install .* ended with exit code 1/);
  }
});

test("six concurrent starts create one environment, and all use it correctly", async (box) => {
  const folder = box.module({
    "train.py": "import fox\ndef train(d): print(fox.V)\n",
    "manifest.json": `{"trainingScript": "train.py", "logNamingFormat": "%d.log"}`,
    "requirements.txt": "fox==1.0\n",
  }, "fox.d");
  makeWheel(`${folder}/vendor`, "fox", "1.0", "V = 1");
  tool("tar", ["-C", folder, "-czf", box.path("model.tar.gz"), "."]);
  const start = (i: number) => box.run(["train", "model.tar.gz", `m${i}`], { env: FAST });
  const runs = await Promise.all(Array.from({ length: 6 }, (_, i) => start(i)));
  assert.deepEqual(runs.map(({ code, stdout }) => [code, stdout]), runs.map(() => [0, "1\n"]));
  assert.equal(runs.filter(({ stderr }) => stderr.includes("Installing")).length, 1);
  assert.deepEqual([environments(box).length, archives(box).length], [1, 1]);
});

test("a start recovers from a kill -9 in the middle of an installation", async (box) => {
  const module = box.module({
    "train.py": "import fox\ndef train(d): print(fox.V)\n",
    "requirements.txt": "fox==1.0\n",
  });
  makeWheel(`${module}/vendor`, "fox", "1.0", "V = 1");
  // The same installer both times: environments of different installers are kept apart.
  const installer = `#!/bin/sh\n[ -e '${
    box.path("fast")
  }' ] || { echo begun; exec sleep 60; }\nexec ${FAST.PIP_CMD} "$@"\n`;
  Deno.writeTextFileSync(box.path("pip"), installer, { mode: 0o755 });
  const [train, env] = [["train", module, "train.py", "model"], { PIP_CMD: box.path("pip") }];
  const program = box.start(train, { env });
  await program.stderr.waitFor(/^begun$/);
  program.kill("SIGKILL");
  await program.exited();
  for (const { pid } of box.processes()) Deno.kill(pid, "SIGKILL");
  box.write({ fast: "" });
  const { code, stdout, stderr } = await box.run(train, { env });
  assert.deepEqual([code, stdout], [0, "1\n"], stderr);
});

test("cache lists cached folders, and prunes those that are not in use", async (box) => {
  const files = { "manifest.json": `{"trainingScript": "train.py", "logNamingFormat": "%d.log"}` };
  tar(box, { ...files, "train.py": "import time\ndef train(d): print('up'); time.sleep(60)\n" }, "busy.tar.gz");
  tar(box, { ...files, "train.py": "def train(d): ...\n", "requirements.txt": "fox==1.0\n" }, "idle.tar.gz");
  assert.equal((await box.run(["train", "idle.tar.gz", "model"], { env: FAST })).code, 0);
  const busy = box.start(["train", "busy.tar.gz", "model"]);
  await busy.stdout.waitFor(/^up$/);
  const listed = JSON.parse((await box.run(["cache", "list", "--json"])).stdout);
  const kinds = listed.map(({ kind }: { kind: string }) => kind).sort();
  assert.deepEqual(kinds, ["archive", "archive", "environment"]);
  assert.match((await box.run(["cache"])).stdout, /^archive {6}[0-9a-f]{16} {2}\d{4}-\d\d-\d\dT\d\d:\d\dZ {2}\d+/m);
  const young = await box.run(["cache", "prune", "--older-than", "1"]);
  assert.equal(young.stderr, "Removed 0 entries, 0 B\n");
  const { code, stderr } = await box.run(["cache", "prune"]);
  assert.equal(code, 0);
  assert.match(stderr, /^archive .* is in use and was not removed\nRemoved 2 entries, /);
  assert.deepEqual([archives(box).length, environments(box).length], [1, 0]);
  busy.kill("SIGTERM");
  await busy.finished();
});

test("SIGTERM during an installation ends the run before training", async (box) => {
  const module = box.module({ "train.py": "def train(d): print('no')\n", "requirements.txt": "tabulate==0.9.0\n" });
  Deno.writeTextFileSync(box.path("pip"), "#!/bin/sh\necho begun\nexec sleep 60\n", { mode: 0o755 });
  const program = box.start(["train", module, "train.py", "model"], { env: { PIP_CMD: box.path("pip") } });
  await program.stderr.waitFor(/^begun$/);
  program.kill("SIGTERM");
  const { code, stdout, stderr } = await program.finished();
  assert.deepEqual([code, stdout], [143, ""]);
  assert.match(stderr, /Error: Stopped by SIGTERM before training began\n$/);
});

test("SIGTERM while an unpacked archive is recorded is not lost", async (box) => {
  const manifest = `{"trainingScript": "train.py"}`;
  // A lost signal would leave it running.
  const train = "import time\ndef train(d): time.sleep(60)\n";
  const large = "1".repeat(5 * 2 ** 20);
  tar(box, { "manifest.json": manifest, "train.py": train, "large.txt": large });
  const program = box.start(["train", "model.tar.gz", "model"]);
  // From here on, the record waits for the next second: a large file's later changes must have another time.
  const find = "find home -name large.txt ! -perm /222 2> /dev/null || true";
  await until("the large file is read-only", () => sh(box.root, find).includes("large.txt"));
  program.kill("SIGTERM");
  const { code, stdout, stderr } = await program.finished();
  assert.deepEqual([code, stdout], [143, ""], stderr);
});

/** A model that needs Shapely, whose wheel has a C++ library in it, and which depends on NumPy. */
const CIRCLE = {
  "requirements.txt": "shapely>=2,<3\n",
  "train.py": py`
    import shapely
    def train(model_dir):
        with open(f"{model_dir}/circle.wkb", "wb") as file: file.write(shapely.Point(1, 2).buffer(3).wkb)
  `,
  "serve.py": py`
    import json, os
    import numpy, shapely
    def load(model_dir):
        with open(os.path.join(model_dir, "circle.wkb"), "rb") as file: return shapely.from_wkb(file.read())
    def deserialize(data, content_type): return numpy.asarray(json.loads(data))
    def predict(points, circle): return shapely.contains_xy(circle, points)
    def serialize(inside, accepted): return json.dumps({"inside": inside.tolist()}).encode(), "application/json"
  `,
};

test(
  "an archive with wheels of NumPy and of a library that requires it trains and serves without any network",
  async (box) => {
    // Beside a Python that has neither. Compiling all of NumPy would take as long as the rest of this test.
    const env = { AIMODELLIB_PYTHON: (await venvWithPip(box, "venv")).python, PIP_COMPILE: "0" };
    const packed = await box.run(["package", "-m", box.module(CIRCLE, "model"), "--bundle-wheels"], {
      env,
      limit: 180_000,
    });
    assert.equal(packed.code, 0, packed.stderr);
    const train = ["--net", BIN, "train", "model.tar.gz", "trained"];
    const trained = await box.run(train, { command: "unshare", env, limit: 180_000 });
    assert.equal(trained.code, 0, trained.stderr);
    assert.match(trained.stderr, /Looking in links: .*wheels[^]*Successfully installed numpy\S+ shapely/);
    // With the loopback interface alone.
    const ask = py`
    import urllib.request
    body = b"[[1, 1], [9, 9]]"
    request = urllib.request.Request("http://127.0.0.1:8080/invocations", body, {"Content-Type": "application/json"})
    print(urllib.request.urlopen(request).read().decode())
  `;
    box.write({
      "ask.py": ask,
      "serve.sh": `
      ip link set lo up
      "$1" serve model.tar.gz trained 2> serve.log & server=$!
      until grep 'Ready: POST' serve.log; do kill -0 "$server" || exit 1; sleep 0.1; done
      venv/bin/python ask.py
      kill "$server"; wait "$server"
    `,
    });
    const served = await box.run(["--net", "sh", "serve.sh", BIN], {
      command: "unshare",
      env: { ...env, PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" },
    });
    assert.equal(served.code, 0, served.stdout + served.stderr);
    assert.match(served.stdout, /^\{"inside": \[true, false\]\}$/m, served.stderr);
  },
  CAN_GO_OFFLINE,
  CAN_CABLE,
);
