/** An environment contains what its module requires, and nothing that another module required. */

import assert from "node:assert/strict";
import { writeProject } from "./support/projects.ts";
import { py, PYTHON, ROOT, Sandbox, test } from "./support/sandbox.ts";
import { tool } from "./support/tool.ts";
import { bareVenv, venvWithPip } from "./support/venv.ts";
import { makeWheel } from "./support/wheels.ts";

const TRAIN = "import fox\ndef train(d): print('runs', fox.V)\n";
const MANIFEST = `{"trainingScript": "train.py", "logNamingFormat": "%d.log"}`;

/** An archive whose requirements name a wheel or a folder that is in it. */
function archive(box: Sandbox, name: string, requirements: string, fill: (folder: string) => void): string {
  const folder = box.module(
    { "train.py": TRAIN, "manifest.json": MANIFEST, "requirements.txt": requirements },
    `${name}.d`,
  );
  fill(folder);
  const args = ["-C", folder, "-czf", box.path(`${name}.tar.gz`), "."];
  tool("tar", args);
  return `${name}.tar.gz`;
}

/** An installer that takes a fraction of pip's time, for tests of which environment a run gets. */
const FAST = { PIP_CMD: `${PYTHON} ${ROOT}/tests/e2e/support/unpack_wheels.py` };

/** What a run prints. */
async function trained(box: Sandbox, ...args: string[]): Promise<string> {
  return await trainedWith(box, {}, ...args);
}

async function trainedWith(box: Sandbox, env: Record<string, string>, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await box.run(["train", ...args], { env });
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

const LOCAL = [
  ["a wheel in the module", "vendor/fox-1.0-py3-none-any.whl\n", "vendor", FAST],
  ["a wheel with a marker", "./vendor/fox-1.0-py3-none-any.whl ; python_version > '3'\n", "vendor", FAST],
  ["a folder of wheels", "--no-index\n--find-links vendor\nfox==1.0\n", "vendor", FAST],
  ["a folder of wheels in a nested file", "-r more/requirements.txt\n", "more/vendor", {}],
] as const;

for (const [what, requirements, place, env] of LOCAL) {
  test(`two archives that require ${what} in the same words run their own code`, async (box) => {
    const make = (value: number) =>
      archive(box, `a${value}`, requirements, (folder) => {
        makeWheel(`${folder}/${place}`, "fox", "1.0", `V = ${value}`);
        if (place.startsWith("more")) {
          Deno.writeTextFileSync(`${folder}/more/requirements.txt`, "--no-index\n--find-links vendor\nfox==1.0\n");
        }
      });
    for (const value of [1, 2]) assert.equal(await trainedWith(box, env, make(value), "model"), `runs ${value}`);
    assert.equal(await trainedWith(box, env, "a1.tar.gz", "model"), "runs 1");
  });
}

test("archives with bundled wheels of the same name and size run their own code, signed or not", async (box) => {
  const make = (value: number) =>
    archive(box, `b${value}`, "fox==1.0\n", (folder) => makeWheel(`${folder}/wheels`, "fox", "1.0", `V = ${value}`));
  for (const value of [4, 5]) assert.equal(await trainedWith(box, FAST, make(value), "model"), `runs ${value}`);
  await box.run(["keygen", "-W"]);
  make(6);
  await box.run(["sign", "b6.tar.gz"]);
  assert.equal(await trainedWith(box, FAST, "--key", "aimodellib.pub", "b6.tar.gz", "model"), "runs 6");
});

test("a signed archive shares no environment with one that is not signed", async (box) => {
  const unsigned = archive(box, "u", "fox==1.0\n", (folder) => makeWheel(`${folder}/wheels`, "fox", "1.0", "V = 1"));
  await trainedWith(box, FAST, unsigned, "model");
  await box.run(["keygen", "-W"]);
  await box.run(["sign", unsigned]);
  const signed = await box.run(["train", "--key", "aimodellib.pub", unsigned, "model"], { env: FAST });
  assert.match(signed.stderr, /Installing /);
});

test("a local folder in the requirements is installed again only after it was edited", async (box) => {
  const edit = (code: string) => writeProject(box.path("lib"), { name: "fox", code });
  edit("V = 1\n");
  const module = box.module({ "train.py": TRAIN, "requirements.txt": "../lib\n" });
  const run = () => box.run(["train", module, "train.py", "model"]);
  const first = await run();
  assert.deepEqual([first.code, first.stdout], [0, "runs 1\n"], first.stderr);
  const second = await run();
  assert.deepEqual([second.stdout, second.stderr], ["runs 1\n", ""]);
  edit("V = 2\n");
  const third = await run();
  assert.equal(third.stdout, "runs 2\n", third.stderr);
});

test("a start notices that the packages of the base Python have changed", async (box) => {
  const { python, site } = await bareVenv(box, "base");
  makeWheel(box.path("dist"), "fox", "1.0", "V = 1");
  tool(PYTHON, ["-m", "zipfile", "-e", box.path("dist/fox-1.0-py3-none-any.whl"), site]);
  const module = box.module({
    "train.py": "import fox, owl\ndef train(d): print(fox.V, owl.V)\n",
    "requirements.txt": "--no-index\n--find-links vendor\nfox\nowl\n",
  });
  makeWheel(`${module}/vendor`, "owl", "1.0", "V = 2");
  const run = async (expected: string) => {
    const { stdout, stderr } = await box.run(["train", "--python", python, module, "train.py", "model"], { env: FAST });
    assert.equal(stdout, expected, stderr);
    return /^Installing /m.test(stderr);
  };
  assert.equal(await run("1 2\n"), true);
  assert.equal(await run("1 2\n"), false);
  Deno.renameSync(`${site}/fox-1.0.dist-info`, `${site}/fox-2.0.dist-info`);
  assert.equal(await run("1 2\n"), true);
});

for (const how of ["a path", "an import hook"] as const) {
  test(`packages that the base Python finds by ${how} in a .pth file are visible in an environment`, async (box) => {
    const { python, site } = await (how === "a path" ? bareVenv(box, "base") : venvWithPip(box, "base"));
    box.write({ "elsewhere/fox.py": "V = 7\n" });
    // The hook also notes the command line of each Python.
    const line = how === "a path"
      ? box.path("elsewhere")
      : `import sys; sys.path.append(${JSON.stringify(box.path("elsewhere"))}); ` +
        `open(${JSON.stringify(box.path("commands"))}, "a").write(open("/proc/self/cmdline").read() + "\\n")`;
    Deno.writeTextFileSync(`${site}/fox.pth`, `${line}\n`);
    const module = box.module({
      "train.py": "import fox, owl\ndef train(d): print(fox.V, owl.V)\n",
      "requirements.txt": "--no-index\n--find-links vendor\nowl\n",
    });
    makeWheel(`${module}/vendor`, "owl", "1.0", "V = 2");
    // A setting of pip's that names another Python changes nothing.
    const env = how === "a path" ? FAST : { PIP_PYTHON: box.path("no-python") };
    const { code, stdout: said, stderr } = await box.run(["train", "--python", python, module, "train.py", "model"], {
      env,
    });
    assert.deepEqual([code, said], [0, "7 2\n"], stderr);
    if (how === "an import hook") {
      // Python may run a hook twice.
      const commands = [...new Set(box.read("commands").replaceAll("\0", " ").split("\n"))];
      const pips = commands.filter((command) => /pip\S* install /.test(command) && !command.includes(" supervise "));
      assert.equal(pips.length, 1, commands.join("\n"));
    }
  });
}

test("--install always creates a new environment while a run uses the previous one", async (box) => {
  const module = box.module({
    "train.py": py`
      import fox, os, sys, time
      def train(d, *args):
          print("runs", fox.V, sys.prefix, flush=True)
          if args: time.sleep(60)
          import importlib; importlib.reload(fox)
    `,
    "requirements.txt": "--no-index\n--find-links vendor\nfox\n",
  });
  makeWheel(`${module}/vendor`, "fox", "1.0", "V = 1");
  const env = FAST;
  const busy = box.start(["train", module, "train.py", "model", "wait"], { env });
  await busy.stdout.waitFor(/^runs 1/);
  const again = await box.run(["train", "--install", "always", module, "train.py", "model"], { env });
  assert.match(again.stderr, /Installing /);
  const prefix = (text: string) => text.trim().split(" ")[2]!;
  assert.notEqual(prefix(again.stdout), prefix(busy.stdout.text));
  assert.ok(Deno.statSync(prefix(busy.stdout.text)).isDirectory, "what is used stays");
  const next = await box.run(["train", module, "train.py", "model"], { env });
  assert.equal(prefix(next.stdout), prefix(again.stdout));
  busy.kill("SIGKILL");
  await busy.finished();
});

test("programs of installed requirements come first on PATH, then those of the base's own environment", async (box) => {
  const { python } = await venvWithPip(box, "base");
  makeWheel(box.path("dist"), "fox", "1.0", "V = 1");
  for (const [name, says] of [["fox", "another fox"], ["owl", "2"]]) {
    Deno.writeTextFileSync(box.path(`base/bin/${name}-program`), `#!/bin/sh\necho ${says}\n`, { mode: 0o755 });
  }
  const module = box.module({
    "train.py": py`
      import subprocess
      def train(d):
          for name in ("fox-program", "owl-program"):
              subprocess.run([name], check=True)
    `,
    "requirements.txt": `--no-index\n--find-links ${box.path("dist")}\nfox\n`,
  });
  assert.equal(await trained(box, "--python", python, module, "train.py", "model"), "1\n2");
});

const FOX = new TextEncoder().encode("fox==1.0\n");
/** Encodings of requirements.txt. pip itself reads one of them; what counts is whether this program reads them. */
const ENCODED = [
  ["UTF-16", [0xff, 0xfe, ...[...FOX].flatMap((byte) => [byte, 0])], {}],
  ["UTF-8 with a byte order mark", [0xef, 0xbb, 0xbf, ...FOX], FAST],
  [
    "Latin-1 with a coding line",
    [...new TextEncoder().encode("# -*- coding: latin-1 -*-\n# caf"), 0xe9, 10, ...FOX],
    FAST,
  ],
] as const;

for (const [what, bytes, env] of ENCODED) {
  test(`requirements.txt may be ${what}`, async (box) => {
    const name = archive(box, "x", "", (folder) => {
      Deno.writeFileSync(`${folder}/requirements.txt`, new Uint8Array(bytes));
      makeWheel(`${folder}/wheels`, "fox", "1.0", "V = 3");
    });
    const { code, stdout, stderr } = await box.run(["train", name, "model"], { env });
    assert.deepEqual([code, stdout], [0, "runs 3\n"], stderr);
    assert.match(stderr, /^Installing the requirements\.txt of 'x\.tar\.gz': fox is not installed$/m);
  });
}

test("settings of pip for another place do not move the packages of an environment, or of wheels that are tried", async (box) => {
  const module = box.module({ "train.py": TRAIN, "requirements.txt": "--no-index\n--find-links vendor\nfox\n" });
  makeWheel(`${module}/vendor`, "fox", "1.0", "V = 1");
  box.write({ "pip.conf": "[install]\nuser = true\n" });
  const [target, prefix, root] = ["target", "prefix", "root"].map((name) => box.path(name)) as [string, string, string];
  for (const more of [{ PIP_TARGET: target }, { PIP_PREFIX: prefix, PIP_ROOT: root }]) {
    const env = { PIP_CONFIG_FILE: box.path("pip.conf"), ...more };
    assert.equal(await trainedWith(box, env, "--install", "always", module, "train.py", "model"), "runs 1");
    const packed = await box.run(["package", "-m", module, "--bundle-wheels"], { env: { ...env, PIP_USER: "1" } });
    assert.equal(packed.code, 0, packed.stderr);
  }
  for (const place of [target, prefix, root]) assert.throws(() => Deno.statSync(place), Deno.errors.NotFound);
});

test("a start that is killed with kill -9 during installation leaves no installer behind", async (box) => {
  const module = box.module({ "train.py": "def train(d): ...\n", "requirements.txt": "fox==1.0\n" });
  Deno.writeTextFileSync(box.path("pip"), "#!/bin/sh\necho begun\nsleep 60 &\nwait\n", { mode: 0o755 });
  const program = box.start(["train", module, "train.py", "model"], { env: { PIP_CMD: box.path("pip") } });
  await program.stderr.waitFor(/^begun$/);
  program.kill("SIGKILL");
  await program.exited();
  // The sandbox checks that no process is left.
});

/**
 * An installer whose package says what all inputs contained when it read them. Before the first installation of a run it appends a line to
 * the file `APPEND`. With `BACK`, it does so before each one, and takes the line away afterwards.
 */
const READER = py`
  import glob, json, os
  path, run, back = (os.environ.get(name) for name in ("APPEND", "RUN", "BACK"))
  text = path and open(path).read()
  if path and (back or not os.path.exists(run)):
      with open(path, "a") as file: file.write("wasp\n")
      open(run, "w").close()
  seen = [open(name).read() for name in json.loads(os.environ["INPUTS"])]
  (site,) = glob.glob(os.environ["VIRTUAL_ENV"] + "/lib/python*/site-packages")
  with open(site + "/fox.py", "w") as file: file.write(f"import json\nV = json.dumps({seen!r})\n")
  if back:
      with open(path, "w") as file: file.write(text)
`;

test("an environment whose inputs change during the installation is not cached under the key of the earlier inputs", async (box) => {
  const inputs = ["outside.txt", "lib/fox.py"];
  box.write({
    "module/train.py": TRAIN,
    "module/requirements.txt": "-r ../outside.txt\n../lib\n",
    "outside.txt": "fox\n",
    "lib/fox.py": "V = 1\n",
    "pip.py": READER,
  });
  const environments = box.path("home/.cache/aimodellib/environments");
  let runs = 0;
  const run = async (append?: string, back?: string) => {
    const { code, stdout, stderr } = await box.run([
      "train",
      "--install",
      append ? "always" : "auto",
      box.path("module"),
      "train.py",
      "model",
    ], {
      env: {
        PIP_CMD: `${PYTHON} ${box.path("pip.py")}`,
        INPUTS: JSON.stringify(inputs.map((name) => box.path(name))),
        RUN: box.path(`run-${++runs}`),
        APPEND: append,
        BACK: back,
      },
    });
    assert.equal(code, 0, stderr);
    const seen: string[] = JSON.parse(stdout.replace("runs ", ""));
    return {
      stderr,
      isNow: inputs.every((name, i) => box.read(name) === seen[i]),
      installs: stderr.split("Installing ").length - 1,
    };
  };
  for (const name of inputs) {
    const path = box.path(name);
    const before = Deno.readTextFileSync(path);
    const changed = await run(path);
    assert.equal(box.read(name), `${before}wasp\n`);
    assert.deepEqual([changed.isNow, changed.installs], [true, 2], changed.stderr);
    assert.match(changed.stderr, new RegExp(`^'${path}' changed during the installation, which is repeated$`, "m"));
    Deno.writeTextFileSync(path, before);
    const again = await run();
    assert.deepEqual([again.isNow, again.installs], [true, name === inputs[0] ? 1 : 0], again.stderr);
  }
  box.write({ "outside.txt": "bee\n" });
  const { stderr } = await run(box.path("outside.txt"), "each time");
  assert.match(stderr, /outside\.txt' changed during the installation: the environment is used for this run only$/m);
  // One for the files as they are, and one for each change.
  assert.equal([...Deno.readDirSync(environments)].filter(({ isDirectory }) => isDirectory).length, 1 + inputs.length);
  const fresh = await run();
  assert.deepEqual([fresh.isNow, fresh.installs], [true, 1], "What was used once is not kept");
});
