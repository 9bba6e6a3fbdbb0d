import assert from "node:assert/strict";
import { findPython } from "../../../src/environment/find_python.ts";
import { fakeEnv } from "../helper/env.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** A machine with a Python in each of the seven places. */
class Machine implements Disposable {
  readonly directory = new TempDir();
  readonly named = this.#program("named/python3.12");
  readonly byVariable = this.#program("variable/python");
  readonly moduleDir = this.directory.folder("module");
  readonly venv = this.#program("module/.venv/bin/python");
  readonly virtualEnv = this.#program("virtual/bin/python");
  readonly conda = this.#program("conda/bin/python");
  readonly python3 = this.#program("path1/python3");
  readonly python = this.#program("path2/python");
  readonly variables: Record<string, string> = {
    AIMODELLIB_PYTHON: this.byVariable,
    VIRTUAL_ENV: `${this.directory.path}/virtual`,
    CONDA_PREFIX: `${this.directory.path}/conda`,
    PATH: `${this.directory.path}/path2::${this.directory.path}/path1:/nowhere`,
  };

  #program(name: string): string {
    return this.directory.write(name, "#!/bin/sh\n", 0o755);
  }

  find(options: { readonly python?: string; readonly moduleDir?: string } = { moduleDir: this.moduleDir }) {
    return findPython({ ...options, env: fakeEnv(this.variables) });
  }

  [Symbol.dispose](): void {
    this.directory[Symbol.dispose]();
  }
}

Deno.test("findPython() tries the seven places in order", () => {
  using machine = new Machine();
  const { variables, moduleDir } = machine;
  const options: { python?: string; moduleDir?: string } = { python: machine.named, moduleDir };
  const found: [path: string, source: string][] = [];
  const look = () => {
    const { path, source } = machine.find(options);
    found.push([path, source]);
  };
  look();
  delete options.python;
  look();
  delete variables["AIMODELLIB_PYTHON"];
  look();
  delete options.moduleDir;
  look();
  delete variables["VIRTUAL_ENV"];
  look();
  delete variables["CONDA_PREFIX"];
  look();
  Deno.removeSync(machine.python3);
  look();
  assert.deepEqual(found, [
    [machine.named, "--python"],
    [machine.byVariable, "AIMODELLIB_PYTHON"],
    [machine.venv, "the module's .venv"],
    [machine.virtualEnv, "VIRTUAL_ENV"],
    [machine.conda, "CONDA_PREFIX"],
    [machine.python3, "python3 on PATH"],
    [machine.python, "python on PATH"],
  ]);
});

Deno.test("findPython() lists the places that it tried before", () => {
  using machine = new Machine();
  machine.variables["AIMODELLIB_PYTHON"] = "";
  Deno.removeSync(machine.venv);
  Deno.chmodSync(machine.virtualEnv, 0o644);
  delete machine.variables["CONDA_PREFIX"];
  const { path, tried } = machine.find();
  assert.equal(path, machine.python3);
  assert.deepEqual(tried, [
    "--python: not set",
    "AIMODELLIB_PYTHON: not set",
    `the module's .venv: '${machine.venv}' does not exist`,
    `VIRTUAL_ENV: '${machine.virtualEnv}' is not executable`,
    "CONDA_PREFIX: not set",
  ]);
});

Deno.test("findPython() looks a name up on PATH when --python has no slash", () => {
  using machine = new Machine();
  assert.equal(machine.find({ python: "python3" }).path, machine.python3);
  machine.variables["AIMODELLIB_PYTHON"] = "python";
  assert.equal(machine.find({}).path, machine.python);
});

Deno.test("findPython() takes the first Python on PATH, and skips files that can't be run", () => {
  using machine = new Machine();
  const first = machine.directory.write("path2/python3", "", 0o755);
  machine.variables["AIMODELLIB_PYTHON"] = "python3";
  assert.equal(machine.find().path, first);
  Deno.chmodSync(first, 0o644);
  assert.equal(machine.find().path, machine.python3);
  Deno.removeSync(first);
  machine.directory.folder("path2/python3");
  assert.equal(machine.find().path, machine.python3);
});

Deno.test("findPython() returns an absolute path without resolving links", () => {
  using machine = new Machine();
  const link = `${machine.directory.path}/link`;
  Deno.symlinkSync(machine.named, link);
  const before = Deno.cwd();
  Deno.chdir(machine.directory.path);
  try {
    assert.equal(machine.find({ python: "./link" }).path, `${Deno.cwd()}/./link`);
    assert.equal(machine.find({ python: link }).path, link);
    delete machine.variables["AIMODELLIB_PYTHON"];
    assert.equal(machine.find({ moduleDir: "module" }).path, `${Deno.cwd()}/module/.venv/bin/python`);
    machine.variables["PATH"] = "path1";
    assert.equal(machine.find({ python: "python3" }).path, `${Deno.cwd()}/path1/python3`);
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("findPython() throws a UsageError when the named Python can't be run, even if there is another one", () => {
  using machine = new Machine();
  const { directory } = machine;
  const folder = directory.folder("folder");
  const file = directory.write("file", "", 0o644);
  for (
    const [python, problem] of [
      [`${directory.path}/missing`, `'${directory.path}/missing' does not exist`],
      [folder, `'${folder}' is not a file`],
      [file, `'${file}' is not executable`],
      ["python9", "there is no such program on PATH"],
    ] as const
  ) {
    assert.throws(() => machine.find({ python }), {
      name: "UsageError",
      message: `--python names the Python '${python}', but ${problem}`,
    });
    machine.variables["AIMODELLIB_PYTHON"] = python;
    assert.throws(() => machine.find(), {
      name: "UsageError",
      message: `AIMODELLIB_PYTHON names the Python '${python}', but ${problem}`,
    });
  }
});

Deno.test("findPython() throws a UsageError that lists what it tried when there is no Python", () => {
  using directory = new TempDir();
  const VIRTUAL_ENV = directory.write("file");
  const env = fakeEnv({ VIRTUAL_ENV, PATH: directory.path });
  assert.throws(() => findPython({ moduleDir: directory.path, env }), (error: Error) => {
    assert.equal(error.name, "UsageError");
    const lines = error.message.split("\n");
    assert.match(lines[4]!, /^ {2}VIRTUAL_ENV: '.*\/file\/bin\/python' can't be accessed: /);
    assert.deepEqual(lines.toSpliced(4, 1), [
      "No Python was found. Tried:",
      "  --python: not set",
      "  AIMODELLIB_PYTHON: not set",
      `  the module's .venv: '${directory.path}/.venv/bin/python' does not exist`,
      "  CONDA_PREFIX: not set",
      "  python3: not on PATH",
      "  python: not on PATH",
      "Install Python 3.8 or later, or choose one with --python or AIMODELLIB_PYTHON",
    ]);
    return true;
  });
});

Deno.test("findPython() finds nothing on PATH when there is no PATH", () => {
  assert.throws(() => findPython({ env: fakeEnv() }), { name: "UsageError" });
});
