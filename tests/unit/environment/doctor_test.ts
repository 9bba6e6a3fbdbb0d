import assert from "node:assert/strict";
import type { Checked } from "../../../src/environment/check_requirements.ts";
import { examine, type Finding } from "../../../src/environment/doctor.ts";
import { VERSION } from "../../../src/version.ts";
import { fakeEnv } from "../helper/env.ts";
import { fakePython, shellPython } from "../helper/fake_python.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** Returns all findings about this Python. */
async function findings(directory: TempDir, python: string | undefined): Promise<Finding[]> {
  const env = fakeEnv({ TMPDIR: directory.folder("tmp"), PATH: directory.path });
  return await Array.fromAsync(examine({ python, moduleDir: directory.path }, env));
}

/** The answer of a Python that meets the requirements. */
const ANSWER: Checked = { unmet: null, site: [], bare: false, pip: true, venv: true };

/** A Python that prints its version, and runs `rest` as a worker. */
function versioned(directory: TempDir, version: string, rest: string, checked = ANSWER): string {
  return shellPython(
    directory,
    `[ "$1" = -c ] && { printf '%s\\n' '${version}' '/opt/site packages'; exit; }
[ "$2" = requirements ] && { cat > '${directory.path}/asked'; echo '${JSON.stringify(checked)}'; exit; }
${rest}`,
  );
}

const bad = (found: readonly Finding[]) => found.filter(({ ok }) => !ok).map(({ text }) => text);

Deno.test("examine() reports no problem when Python is new enough and a worker connects", async () => {
  using directory = new TempDir();
  const worker = fakePython(directory, async (FakeBridge) => {
    await FakeBridge.begin();
  });
  const python = versioned(directory, "3.12.1", `exec '${worker}' "$@"`);
  const found = await findings(directory, python);
  assert.deepEqual(found.map(({ ok }) => ok), found.map(() => true));
  const root = new URL("../../../python", import.meta.url).pathname;
  assert.deepEqual(found.map(({ text }) => text), [
    `aimodellib ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.target})`,
    `Embedded Python files: ${root}`,
    `Python: ${python} (from --python)`,
    "Python version: 3.12.1",
    "Packages of that Python: /opt/site packages",
    "Unix sockets: a worker started and connected",
    "Installer: the Python's pip",
  ]);
  assert.deepEqual(directory.list("tmp"), []);
});

Deno.test("examine() reports a module directory that does not exist or is no folder", async () => {
  using directory = new TempDir();
  directory.write("file", "");
  const python = versioned(directory, "2.7.18", "exit 1");
  const env = fakeEnv({ TMPDIR: directory.folder("tmp"), PATH: directory.path });
  for (
    const [moduleDir, problem] of [["none", "The module directory 'PATH' does not exist"], [
      "file",
      "'PATH' is not a folder: name the folder of a module",
    ]]
  ) {
    const path = `${directory.path}/${moduleDir}`;
    const found = await Array.fromAsync(examine({ python, moduleDir: path }, env));
    assert.ok(bad(found).includes(problem!.replace("PATH", path)), JSON.stringify(found));
  }
});

for (
  const [what, checked, uv, expected] of [
    ["are met", {}, false, ["✓ Installer: the Python's pip", "✓ Requirements: MODULE/requirements.txt is met"]],
    ["are not met, and pip is there", { unmet: "fox is not installed" }, false, [
      "✓ Installer: the Python's pip",
      "✓ Requirements: MODULE/requirements.txt is not met (fox is not installed): a run installs what is missing",
    ]],
    ["are met, and there is no installer", { pip: false }, false, [
      "✓ Installer: none, because the Python has no pip and uv is not on PATH",
      "✓ Requirements: MODULE/requirements.txt is met",
    ]],
    ["are not met, and uv is there", { unmet: "fox is not installed", pip: false }, true, [
      "✓ Installer: uv, MODULE/uv",
      "✓ Requirements: MODULE/requirements.txt is not met (fox is not installed): a run installs what is missing",
    ]],
    ["are not met, and there is no installer", { unmet: "fox is not installed", pip: false }, false, [
      "✓ Installer: none, because the Python has no pip and uv is not on PATH",
      "✗ Requirements: MODULE/requirements.txt is not met (fox is not installed), and there is no installer: the Python 'PYTHON' has no pip, " +
      "and uv is not on PATH. Install pip into that Python, install uv, or choose a Python with all packages with --python",
    ]],
  ] as const
) {
  Deno.test(`examine() reports that requirements ${what}`, async () => {
    using directory = new TempDir();
    const worker = fakePython(directory, async (FakeBridge) => {
      await FakeBridge.begin();
    });
    const python = versioned(directory, "3.12.1", `exec '${worker}' "$@"`, { ...ANSWER, ...checked });
    directory.write("requirements.txt", "# pets\nfox>=1\n");
    if (uv) directory.write("uv", "#!/bin/sh\n", 0o755);
    const found = (await findings(directory, python)).slice(-2);
    const shown = found.map(({ ok, text }) =>
      `${ok ? "✓" : "✗"} ${text.replaceAll(python, "PYTHON").replaceAll(directory.path, "MODULE")}`
    );
    assert.deepEqual(shown, expected);
    assert.equal(Deno.readTextFileSync(`${directory.path}/asked`), "fox>=1");
  });
}

for (
  const [version, isGood] of [["2.7.18", false], ["3.7.17", false], ["3.8.0", true], ["3.14.0", true], [
    "4.0.0",
    true,
  ]] as const
) {
  Deno.test(`examine() finds Python ${version} ${isGood ? "new enough" : "too old"}`, async () => {
    using directory = new TempDir();
    const found = await findings(directory, versioned(directory, version, "exit 3"));
    const text = `Python version: ${version}`;
    assert.deepEqual(
      found.filter((finding) => finding.text.startsWith("Python version")),
      [isGood ? { ok: true, text } : { ok: false, text: `${text}; 3.8 or later is needed` }],
    );
  });
}

Deno.test("examine() shows a worker's output when it can't be started", async () => {
  using directory = new TempDir();
  const python = versioned(directory, "3.12.1", "echo 'no module named encodings' >&2; exit 1");
  assert.deepEqual(bad(await findings(directory, python)), [
    `A worker can't be started: The Python '${python}' ended with exit code 1 before it was ready\n` +
    "  no module named encodings",
  ]);
});

Deno.test("examine() shows Python's output when it does not run", async () => {
  using directory = new TempDir();
  const python = shellPython(directory, "echo 'cannot open shared object' >&2; exit 127");
  assert.equal(bad(await findings(directory, python))[0], "Python does not run: cannot open shared object");
});

Deno.test("examine() reports a program that is not a Python", async () => {
  using directory = new TempDir();
  const python = directory.write("python3", "#!/no/such/interpreter\n", 0o755);
  const found = bad(await findings(directory, python));
  assert.equal(found.length, 2);
  assert.match(found[0]!, /^Python does not run: /);
  assert.match(found[1]!, /^A worker can't be started: Can't start the Python /);
});

Deno.test("examine() lists what it tried, and stops, when there is no Python", async () => {
  using directory = new TempDir();
  const found = await findings(directory, undefined);
  assert.match(found.at(-1)!.text, /^No Python was found\. Tried:\n/);
  assert.equal(found.at(-1)!.ok, false);
  assert.equal(found.length, 3);
});
