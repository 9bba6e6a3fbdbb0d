/** The Python that the executable chooses, and that it needs nothing else. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { HAS_PYPY, PYPY } from "./support/needs.ts";
import { BIN, echo, py, PYTHON, ROOT, type RunOptions, Sandbox, test } from "./support/sandbox.ts";

/** A training script that reports which of the Pythons runs it. */
const TELL = "import os\ndef train(model_dir): print(os.environ['PYTHON_OF'])\n";

/** Writes a Python that passes its name to the script. */
function python(box: Sandbox, path: string, name = path): string {
  box.write({ [path]: `#!/bin/sh\nPYTHON_OF='${name}' exec '${PYTHON}' "$@"\n` });
  Deno.chmodSync(box.path(path), 0o755);
  return box.path(path);
}

/** The seven places, in order. */
const PLACES = ["--python", "AIMODELLIB_PYTHON", ".venv", "VIRTUAL_ENV", "CONDA_PREFIX", "python3", "python"] as const;

/** Creates a module, and Pythons in these places; returns the command that trains, and its options. */
function withPlaces(box: Sandbox, places: readonly string[]): { words: string[]; options: RunOptions } {
  const has = (place: string) => places.includes(place);
  const module = box.module({ "train.py": TELL }, "module");
  python(box, "named", "--python");
  python(box, "variable", "AIMODELLIB_PYTHON");
  if (has(".venv")) python(box, "module/.venv/bin/python", ".venv");
  python(box, "venv/bin/python", "VIRTUAL_ENV");
  python(box, "conda/bin/python", "CONDA_PREFIX");
  // These scripts need no PATH: they start the Python by its absolute path.
  for (const name of ["python3", "python"]) if (has(name)) python(box, `bin/${name}`, name);
  Deno.mkdirSync(box.path("bin"), { recursive: true });
  return {
    words: ["train", ...(has("--python") ? ["--python", box.path("named")] : []), module, "train.py", "model"],
    options: {
      env: {
        PATH: box.path("bin"),
        AIMODELLIB_PYTHON: has("AIMODELLIB_PYTHON") ? box.path("variable") : undefined,
        VIRTUAL_ENV: has("VIRTUAL_ENV") ? box.path("venv") : undefined,
        CONDA_PREFIX: has("CONDA_PREFIX") ? box.path("conda") : undefined,
      },
    },
  };
}

for (const [index, place] of PLACES.entries()) {
  test(`train uses the Python of ${place} when the places before it have none`, async (box) => {
    const { words, options } = withPlaces(box, PLACES.slice(index));
    const { code, stdout, stderr } = await box.run(words, options);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${place}\n`, stderr: "" });
  });
}

test("train lists the places that it tried when there is no Python", async (box) => {
  const { words, options } = withPlaces(box, []);
  const { code, stdout, stderr } = await box.run(words, options);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.equal(
    stderr,
    `Error: No Python was found. Tried:
  --python: not set
  AIMODELLIB_PYTHON: not set
  the module's .venv: '${box.path("module/.venv/bin/python")}' does not exist
  VIRTUAL_ENV: not set
  CONDA_PREFIX: not set
  python3: not on PATH
  python: not on PATH
Install Python 3.8 or later, or choose one with --python or AIMODELLIB_PYTHON
`,
  );
});

for (const source of ["--python", "AIMODELLIB_PYTHON"] as const) {
  test(`train refuses a missing Python of ${source}, even if there is another one`, async (box) => {
    const { words, options } = withPlaces(box, PLACES.slice(PLACES.indexOf(source)));
    Deno.removeSync(box.path(source === "--python" ? "named" : "variable"));
    const { code, stderr } = await box.run(words, options);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^Error: ${source} names the Python '.*', but '.*' does not exist\n$`));
  });
}

test("train and serve refuse a Python that is too old", async (box) => {
  // Everything that the first lines of the embedded file read.
  const site = `import sys; sys.version_info = (3, 7, 17); sys.argv = sys.argv[1:]
import runpy; runpy.run_path(sys.argv[0], run_name="__main__")`;
  box.write({ "old.py": site, old: `#!/bin/sh\nexec '${PYTHON}' '${box.path("old.py")}' "$(eval echo \\$$#)"\n` });
  Deno.chmodSync(box.path("old"), 0o755);
  const module = box.module({ "train.py": TELL, "serve.py": "" });
  Deno.mkdirSync(box.path("model"));
  for (const command of ["train", "serve"]) {
    const { code, stdout, stderr } = await box.run([
      command,
      "--python",
      box.path("old"),
      module,
      `${command}.py`,
      "model",
    ]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /Python 3.8 or later is needed; .* is Python 3.7.17/);
  }
});

test("doctor exits with 0 when it finds no problem, and shows all paths", async (box) => {
  const { code, stdout, stderr } = await box.run(["doctor"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 7);
  assert.ok(lines.every((line) => line.startsWith("✓ ")), stdout);
  for (
    const pattern of [
      /^✓ aimodellib \d+\.\d+\.\d+ \(Deno /,
      new RegExp(`^✓ Embedded Python files: ${box.path("home")}/.cache/aimodellib/python-`),
      new RegExp(`^✓ Python: ${PYTHON} \\(from AIMODELLIB_PYTHON\\)$`),
      /^✓ Python version: 3\.\d+\.\d+$/,
      /^✓ Packages of that Python: .*site-packages$/,
      /^✓ Unix sockets: a worker started and connected$/,
      /^✓ Installer: /,
    ]
  ) assert.ok(lines.some((line) => pattern.test(line)), `${pattern} in\n${stdout}`);
});

test("doctor exits with 1 when a finding would stop a run", async (box) => {
  const { code, stdout } = await box.run(["doctor"], { env: { AIMODELLIB_PYTHON: "/bin/false" } });
  assert.equal(code, 1);
  assert.match(stdout, /^✗ Python does not run/m);
  const none = await box.run(["doctor"], { env: { AIMODELLIB_PYTHON: undefined, PATH: box.path("empty") } });
  assert.equal(none.code, 1);
  assert.match(none.stdout, /^✗ No Python was found/m);
});

test("the executable trains and serves without other files, and with only a Python on PATH", async (box) => {
  Deno.mkdirSync(box.path("alone"));
  Deno.copyFileSync(BIN, box.path("alone/aimodellib"));
  Deno.mkdirSync(box.path("bin"));
  Deno.symlinkSync(PYTHON, box.path("bin/python3"));
  const options = {
    command: box.path("alone/aimodellib"),
    env: { PATH: box.path("bin"), AIMODELLIB_PYTHON: undefined },
  };
  const script = "import os\ndef train(model_dir): open(os.path.join(model_dir, 'weights'), 'w').write('7')\n";
  const load = "import os\ndef load(model_dir): return open(os.path.join(model_dir, 'weights')).read()\n";
  const module = box.module({
    "train.py": script,
    "serve.py": echo(`${load}def predict(data, model): return model.encode() + bytes(data)\n`),
  });
  const trained = await box.run(["train", module, "train.py", "model"], options);
  assert.equal(trained.code, 0, trained.stderr);
  const server = await box.serve({ module }, options);
  assert.equal((await server.invoke("x")).text, "7x");
  await server.stop();
  assert.deepEqual([...Deno.readDirSync(box.path("alone"))].map(({ name }) => name), ["aimodellib"]);
});

test("the cache of Python files is repaired when a file in it was changed, emptied or removed", async (box) => {
  const module = box.module({ "train.py": "def train(d): print('trained')\n" });
  const files = () => {
    const cache = box.path("home/.cache/aimodellib");
    const [{ name } = { name: "" }] = [...Deno.readDirSync(cache)].filter(({ name }) => name.startsWith("python-"));
    return `${cache}/${name}/aimodellib/_bridge`;
  };
  for (
    const damage of [
      () => {},
      () => Deno.writeTextFileSync(`${files()}/train.py`, "raise SystemExit('changed')\n"),
      () => Deno.truncateSync(`${files()}/__main__.py`),
      () => Deno.removeSync(`${files()}/frames.py`),
      () => Deno.removeSync(box.path("home/.cache"), { recursive: true }),
    ]
  ) {
    damage();
    const { code, stdout, stderr } = await box.run(["train", module, "train.py", "model"]);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "trained\n", stderr: "" });
  }
});

for (
  const [what, env] of [
    ["HOME is not set", { HOME: undefined }],
    ["HOME does not exist", { HOME: "/nonexistent/home" }],
    ["HOME can't be written to", { HOME: "/proc" }],
    ["AIMODELLIB_CACHE_DIR can't be written to", { AIMODELLIB_CACHE_DIR: "/etc/passwd" }],
  ] as const
) {
  test(`train works when ${what}, and leaves no files behind`, async (box) => {
    const module = box.module({ "train.py": "def train(d): print('trained')\n" });
    const { code, stdout, stderr } = await box.run(["train", module, "train.py", "model"], { env });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "trained\n", stderr: "" });
  });
}

const VERSIONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"];

for (const version of VERSIONS) {
  const found = pythonOf(version);
  test(`train and serve work with Python ${version}`, async (box) => {
    const env = { AIMODELLIB_PYTHON: found };
    const module = box.module({
      "train.py": "import sys\ndef train(model_dir, *args): print('%d.%d' % sys.version_info[:2])\n",
      "serve.py": Deno.readTextFileSync(`${ROOT}/tests/fixtures/modules/echo/serve.py`),
    });
    const trained = await box.run(["train", module, "train.py", "model"], { env });
    assert.deepEqual([trained.code, trained.stdout, trained.stderr], [0, `${version}\n`, ""]);
    const server = await box.serve({ module }, { env });
    assert.equal((await server.invoke("hello")).text, "hello");
    await server.stop();
  }, found !== undefined || `there is no python${version} here`);
}

/** Finds a Python of a version on PATH or in pyenv's folder. */
function pythonOf(version: string): string | undefined {
  const home = Deno.env.get("HOME") ?? "";
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  try {
    for (const { name } of Deno.readDirSync(`${home}/.pyenv/versions`)) {
      folders.push(`${home}/.pyenv/versions/${name}/bin`);
    }
  } catch {
    // There is no pyenv.
  }
  for (const folder of folders) {
    try {
      const ask = new Deno.Command(`${folder}/python${version}`, {
        args: ["-c", "import sys; print(sys.executable)"],
        stderr: "null",
      }).outputSync();
      const path = new TextDecoder().decode(ask.stdout).trim();
      if (ask.success && path !== "") return path;
    } catch {
      // It is not in this folder.
    }
  }
  return undefined;
}

/** Answers with the process id; or starts a child that leaves the process group, and dies. */
const LEAVES_A_CHILD = echo(py`
  import os, subprocess
  def predict(data, model):
      if data == b"die":
          subprocess.Popen(["setsid", "sleep", "300"], stdin=-3, stdout=-3, stderr=-3)
          os._exit(3)
      return bytearray(data)
`);

/** Serves with a Python until a worker has died, and checks that the worker's child ends. */
async function serveOnce(box: Sandbox, options: Parameters<Sandbox["serve"]>[1]): Promise<void> {
  const server = await box.serve(LEAVES_A_CHILD, options);
  assert.equal((await server.invoke("x")).text, "x");
  assert.equal((await server.invoke("die")).status, 502);
  await until("the child is gone", () => !box.processes().some(({ command }) => command === "sleep 300"), 10_000);
  assert.equal((await server.invoke("y")).text, "y");
  await server.stop();
}

test("serve works on PyPy without features that only CPython has", async (box) => {
  const lacks = {
    gc: ["freeze", "unfreeze"],
    os: ["pidfd_open", "sched_getaffinity", "waitid"],
    select: ["POLLRDHUP"],
    signal: ["pidfd_send_signal"],
  };
  const deletions = Object.entries(lacks).flatMap(([module, names]) =>
    names.map((name) => `import ${module}\nif hasattr(${module}, "${name}"): del ${module}.${name}\n`)
  );
  box.write({ "site/sitecustomize.py": deletions.join("") });
  await serveOnce(box, { env: { PYTHONPATH: box.path("site") } });
});

test("the children of a worker end with it on PyPy", async (box) => {
  await serveOnce(box, { args: ["--port", "0", "--python", PYPY] });
}, HAS_PYPY);

/** Ways to execute requests, with their options. */
const WAYS: Readonly<Record<string, readonly [script: string, ...args: string[]]>> = {
  "one after the other": ["def predict(data, model):\n    return data\n"],
  "in batches": ["def predict_batch(inputs, model):\n    return list(inputs)\n"],
  "in tasks": ["async def predict(data, model):\n    return data\n"],
  "in threads": ["def predict(data, model):\n    return data\n", "--threads", "4"],
  "in parts": ["def predict(data, model):\n    yield data[:1]\n    yield data[1:]\n"],
};

for (const [way, [script, ...args]] of Object.entries(WAYS)) {
  test(`serve executes requests ${way} on PyPy`, async (box) => {
    const server = await box.serve(echo(script), { args: ["--port", "0", "--python", PYPY, ...args] });
    const bodies = [1, 100, 20_000, 200_000, 3_000_000].flatMap((size) => Array<string>(3).fill("x".repeat(size)));
    const answers = await Promise.all(bodies.map(async (body) => (await server.invoke(body)).text === body));
    assert.deepEqual(answers, bodies.map(() => true));
    await server.stop();
  }, HAS_PYPY);
}

test("train runs on PyPy", async (box) => {
  const script = py`
    import platform
    def train(model_dir):
        print(platform.python_implementation())
  `;
  const { code, stdout } = await box.train(script, [], {
    env: { AIMODELLIB_PYTHON: PYPY, PATH: Deno.env.get("PATH") },
  });
  assert.deepEqual([code, stdout], [0, "PyPy\n"]);
}, HAS_PYPY);
