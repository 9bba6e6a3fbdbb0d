/** Pythons without pip: they run modules whose requirements they meet, and uv installs missing packages. */

import assert from "node:assert/strict";
import { has } from "./support/needs.ts";
import { BIN, PYTHON, Sandbox, test, TOOLS } from "./support/sandbox.ts";
import { makeWheel } from "./support/wheels.ts";

const UV = `${TOOLS}/uv`;
const TRAIN = "import fox\ndef train(d): print('runs', fox.V)\n";

/** Ways to create a Python without pip. */
const MAKERS = [
  ["venv --without-pip", PYTHON, ["-m", "venv", "--without-pip", "base"], true],
  ["uv venv", UV, ["venv", "--quiet", "--no-project", "--offline", "--python", PYTHON, "base"], has(UV)],
] as const;

async function make(box: Sandbox, command: string, args: readonly string[]): Promise<string> {
  const { code, stderr } = await box.run(args, { command });
  assert.equal(code, 0, stderr);
  return box.path("base/bin/python");
}

/** Puts a package into a Python's environment, as an installer would. */
function put(box: Sandbox, name: string, version: string, code: string): void {
  const lib = box.path("base/lib");
  const [python] = [...Deno.readDirSync(lib)].map(({ name }) => name).filter((name) => name.startsWith("python"));
  const site = `base/lib/${python}/site-packages`;
  box.write({
    [`${site}/${name}.py`]: `${code}\n`,
    [`${site}/${name}-${version}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
  });
}

/** Creates a module that requires a package which exists only in a folder of wheels. */
function asking(box: Sandbox): string {
  makeWheel(box.path("dist"), "fox", "1.0", "V = 1");
  return box.module({
    "train.py": TRAIN,
    "requirements.txt": `--no-index\n--find-links ${box.path("dist")}\nfox==1.0\n`,
  });
}

const WITH_UV = { PATH: `${TOOLS}:/usr/bin:/bin`, UV_OFFLINE: "1" };

for (const [what, command, args, need] of MAKERS) {
  test(`no installer is needed when the Python of ${what} meets the requirements`, async (box) => {
    const python = await make(box, command, args);
    put(box, "fox", "1.4.2", "V = 2");
    const requirements = "# pets\nfox~=1.2,!=1.4.1 ; python_version >= '3.8' and sys_platform != 'win32'\n" +
      "owl; python_version < '3'\n";
    const module = box.module({ "train.py": TRAIN, "requirements.txt": requirements });
    const run = await box.run(["train", "--python", python, module, "train.py", "model"]);
    assert.deepEqual([run.code, run.stdout, run.stderr], [0, "runs 2\n", ""]);
    const doctor = await box.run(["doctor", "--python", python, "--module-dir", module]);
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.match(doctor.stdout, /^✓ Installer: none, because the Python has no pip and uv is not on PATH$/m);
    assert.match(doctor.stdout, /^✓ Requirements: .*requirements\.txt is met$/m);
  }, need);

  test(`missing packages of the Python of ${what} end the run with advice when uv is missing`, async (box) => {
    const python = await make(box, command, args);
    const module = box.module({ "train.py": TRAIN, "requirements.txt": "fox>=1\n" });
    const { code, stdout, stderr } = await box.run(["train", "--python", python, module, "train.py", "model"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      `Error: ${module}/requirements.txt is not met (fox is not installed), and there is no installer: the Python '${python}' has no pip, ` +
        "and uv is not on PATH. Install pip into that Python, install uv, or choose a Python with all packages with --python\n",
    );
    const doctor = await box.run(["doctor", "--python", python, "--module-dir", module]);
    assert.equal(doctor.code, 1);
    assert.match(
      doctor.stdout,
      /^✗ Requirements: .*requirements\.txt is not met \(fox is not installed\), and there is no installer/m,
    );
    // No installer is started.
    const never = await box.run(["train", "--install", "never", "--python", python, module, "train.py", "model"]);
    assert.match(never.stderr, /No module named 'fox'/);
  }, need);

  test(
    `uv installs the missing packages of the Python of ${what} once, without changing that Python`,
    async (box) => {
      const python = await make(box, command, args);
      put(box, "owl", "1.0", "V = 3");
      const module = asking(box);
      box.write({ [`${module.slice(box.root.length + 1)}/train.py`]: TRAIN.replace("import fox", "import fox, owl") });
      const before = [...Deno.readDirSync(box.path("base/bin"))].map(({ name }) => name).sort();
      const train = ["train", "--python", python, module, "train.py", "model"];
      const first = await box.run(train, { env: WITH_UV });
      assert.deepEqual([first.code, first.stdout], [0, "runs 1\n"], first.stderr);
      assert.match(first.stderr, /^Installing .*: '--no-index' must be read by the installer$/m);
      const second = await box.run(train, { env: WITH_UV });
      assert.deepEqual([second.code, second.stdout, second.stderr], [0, "runs 1\n", ""]);
      assert.deepEqual([...Deno.readDirSync(box.path("base/bin"))].map(({ name }) => name).sort(), before);
      const doctor = await box.run(["doctor", "--python", python, "--module-dir", module], { env: WITH_UV });
      assert.ok(doctor.stdout.includes(`✓ Installer: uv, ${UV}\n`), doctor.stdout);
    },
    need,
    has(UV),
  );
}

test("uv installs an archive's bundled wheels without a network", async (box) => {
  makeWheel(box.path("dist"), "fox", "1.0", "V = 1");
  const module = box.module({ "train.py": TRAIN, "requirements.txt": "fox==1.0\n" });
  const packed = await box.run(["package", "-m", module, "-o", "model.tar.gz", "--bundle-wheels"], {
    env: { PIP_NO_INDEX: "1", PIP_FIND_LINKS: box.path("dist") },
  });
  assert.equal(packed.code, 0, packed.stderr);
  const python = await make(box, PYTHON, ["-m", "venv", "--without-pip", "base"]);
  Deno.removeSync(box.path("dist"), { recursive: true });
  const { code, stdout, stderr } = await box.run(["train", "--python", python, "model.tar.gz", "model"], {
    env: WITH_UV,
  });
  assert.deepEqual([code, stdout], [0, "runs 1\n"], stderr);
}, has(UV));

test('package --bundle-wheels says that uv makes no wheels when PIP_CMD is "uv pip"', async (box) => {
  const module = box.module({ "train.py": TRAIN, "requirements.txt": "fox==1.0\n" });
  const { code, stderr } = await box.run(["package", "-m", module, "-o", "model.tar.gz", "--bundle-wheels"], {
    env: { PIP_CMD: "uv pip" },
  });
  assert.equal(code, 1);
  assert.match(stderr, /^Error: PIP_CMD is 'uv pip', and uv neither downloads nor builds wheels: unset PIP_CMD, /m);
  assert.throws(() => Deno.statSync(box.path("model.tar.gz")), Deno.errors.NotFound);
});

test('PIP_CMD="uv pip" installs, whether the Python has pip or not', async (box) => {
  const module = asking(box);
  const bare = await make(box, PYTHON, ["-m", "venv", "--without-pip", "base"]);
  for (const [python, words] of [[PYTHON, `${UV} pip`], [bare, `${UV} --offline pip`]] as const) {
    const { code, stdout, stderr } = await box.run(["train", "--python", python, module, "train.py", "model"], {
      // A Python that uv would choose without being told one.
      env: { PIP_CMD: words, UV_SYSTEM_PYTHON: "1", VIRTUAL_ENV: undefined },
    });
    assert.deepEqual([code, stdout], [0, "runs 1\n"], stderr);
    assert.match(stderr, /^Installing /m);
  }
}, has(UV));

test("the uv that the variable UV names is used when PATH has none, as under uv run", async (box) => {
  const module = asking(box);
  const python = await make(box, PYTHON, ["-m", "venv", "--without-pip", "base"]);
  const { code, stdout, stderr } = await box.run(["train", "--python", python, module, "train.py", "model"], {
    env: { UV, UV_OFFLINE: "1" },
  });
  assert.deepEqual([code, stdout], [0, "runs 1\n"], stderr);
}, has(UV));

test("uv creates the environment when the Python lacks the module venv", async (box) => {
  const module = asking(box);
  const real = await make(box, PYTHON, ["-m", "venv", "--without-pip", "base"]);
  put(box, "venv", "0", "raise ImportError('taken away')");
  // This module is found before that of the standard library.
  const hidden = "import sys, importlib.abc\n" +
    "class Hides(importlib.abc.MetaPathFinder):\n" +
    "    def find_spec(self, name, path=None, target=None):\n" +
    "        if name == 'venv': raise ModuleNotFoundError(name, name=name)\n" +
    "sys.meta_path.insert(0, Hides())\n";
  put(box, "hides", "0", hidden);
  put(box, "sitecustomize", "0", "import hides");
  const without = await box.run(["train", "--python", real, module, "train.py", "model"]);
  assert.equal(without.code, 1);
  const { code, stdout, stderr } = await box.run(["train", "--python", real, module, "train.py", "model"], {
    env: WITH_UV,
  });
  assert.deepEqual([code, stdout], [0, "runs 1\n"], stderr);
}, has(UV));

for (const [installer, env, need] of [["pip", {}, true], ["uv", { PIP_CMD: `${UV} pip` }, has(UV)]] as const) {
  test(
    `${installer} under a umask of 0 creates an environment that is reused, and that other users can't write to`,
    async (box) => {
      const module = asking(box);
      const train = ["-c", 'umask 0; exec "$@"', "sh", BIN, "train", module, "train.py", "model"];
      const first = await box.run(train, { command: "sh", env });
      assert.deepEqual([first.code, first.stdout], [0, "runs 1\n"], first.stderr);
      const second = await box.run(train, { command: "sh", env });
      assert.deepEqual([second.code, second.stdout, second.stderr], [0, "runs 1\n", ""]);
      const environments = box.path("home/.cache/aimodellib/environments");
      const found = await box.run([
        environments,
        "-mindepth",
        "1",
        "-perm",
        "/022",
        "!",
        "-type",
        "l",
        "!",
        "-name",
        "*.lock",
      ], {
        command: "find",
      });
      assert.equal(found.stdout, "");
    },
    need,
  );
}
