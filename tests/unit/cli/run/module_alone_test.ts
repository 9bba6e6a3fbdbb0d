import assert from "node:assert/strict";
import { absolute, resolveModule } from "../../../../src/cli/run/module.ts";
import { TempDir } from "../../helper/temp_dir.ts";

/** Changes the working directory until disposed. */
function workIn(path: string): Disposable {
  const before = Deno.cwd();
  Deno.chdir(path);
  return { [Symbol.dispose]: () => Deno.chdir(before) };
}

Deno.test("resolveModule() finds a script by its path from the module directory", () => {
  using directory = new TempDir();
  const script = directory.write("my módulo/scripts/serve it.py");
  const module = `${directory.path}/my módulo`;
  for (const name of ["scripts/serve it.py", "./scripts/serve it.py", "scripts//serve it.py", script]) {
    assert.deepEqual(resolveModule(module, name), { module, script });
  }
});

Deno.test("resolveModule() returns absolute paths for a relative module", () => {
  using directory = new TempDir();
  const script = directory.write("module/serve.py");
  using _ = workIn(directory.path);
  const expected = { module: `${Deno.cwd()}/module`, script: `${Deno.cwd()}/module/serve.py` };
  for (const module of ["module", "./module/", "module/."]) {
    assert.deepEqual(resolveModule(module, "serve.py"), expected);
  }
  Deno.chdir("module");
  assert.deepEqual(resolveModule(".", "serve.py"), expected);
  assert.ok(script.endsWith("/module/serve.py"));
});

Deno.test("resolveModule() prefers the script in the module to one in the working directory", () => {
  using directory = new TempDir();
  directory.write("module/both.py");
  directory.write("both.py");
  directory.write("module/module/only.py");
  using _ = workIn(directory.path);
  assert.equal(resolveModule("module", "both.py").script, `${Deno.cwd()}/module/both.py`);
  assert.equal(resolveModule("module", "module/only.py").script, `${Deno.cwd()}/module/module/only.py`);
});

Deno.test("resolveModule() finds a script relative to the working directory if it is not in the module", () => {
  using directory = new TempDir();
  directory.write("module/serve.py");
  using _ = workIn(directory.path);
  assert.equal(resolveModule("module", "module/serve.py").script, `${Deno.cwd()}/module/serve.py`);
});

Deno.test("resolveModule() keeps .. in a path, because it may lead through a link", () => {
  using directory = new TempDir();
  directory.write("elsewhere/shared/serve.py");
  directory.folder("elsewhere/module");
  Deno.symlinkSync(`${directory.path}/elsewhere/module`, `${directory.path}/module`);
  const module = `${directory.path}/module`;
  const { script } = resolveModule(module, "../shared/serve.py");
  assert.equal(script, `${module}/../shared/serve.py`);
  assert.ok(Deno.statSync(script).isFile);
});

Deno.test("resolveModule() throws a UsageError when the module does not exist", () => {
  using directory = new TempDir();
  for (const module of [`${directory.path}/missing`, `${directory.write("file")}/below`]) {
    assert.throws(() => resolveModule(module, "serve.py"), {
      name: "UsageError",
      message: `The module directory '${module}' does not exist`,
    });
  }
});

Deno.test("resolveModule() throws a UsageError when the module is a file", () => {
  using directory = new TempDir();
  const module = directory.write("serve.py");
  assert.throws(() => resolveModule(module, "serve.py"), {
    name: "UsageError",
    message: `The module '${module}' is not a directory`,
  });
});

Deno.test("resolveModule() throws a UsageError that lists the scripts when the script does not exist", () => {
  using directory = new TempDir();
  const module = directory.folder("module");
  const message = (advice: string) => ({
    name: "UsageError",
    message: `The module directory '${module}' has no script 'nope.py'${advice}`,
  });
  assert.throws(() => resolveModule(module, "nope.py"), message("; it contains no .py file"));
  directory.write("module/b.py");
  directory.write("module/a.py");
  directory.write("module/a.txt");
  directory.folder("module/c.py");
  assert.throws(() => resolveModule(module, "nope.py"), message("; it contains 'a.py', 'b.py'"));
  directory.folder("module/nope.py");
  assert.throws(
    () => resolveModule(module, "nope.py"),
    message("; it contains 'a.py', 'b.py'"),
    "A folder is not a script",
  );
});

Deno.test("resolveModule() lists at most ten scripts", () => {
  using directory = new TempDir();
  for (let i = 10; i < 40; i++) directory.write(`s${i}.py`);
  assert.throws(() => resolveModule(directory.path, "nope.py"), (error: Error) => {
    assert.match(error.message, /'s10\.py', .*'s19\.py'$/);
    return true;
  });
});

Deno.test("resolveModule() suggests the script when only .py is missing", () => {
  using directory = new TempDir();
  directory.write("serve.py");
  assert.throws(() => resolveModule(directory.path, "serve"), {
    message: `The module directory '${directory.path}' has no script 'serve'; did you mean 'serve.py'?`,
  });
});

for (
  const [path, expected] of [
    ["/a/b", "/a/b"],
    ["/a//b/./c/", "/a/b/c"],
    ["/a/../b", "/a/../b"],
    ["/", "/"],
    ["a b/ü", `${Deno.cwd()}/a b/ü`],
    [".", Deno.cwd()],
    ["../x", `${Deno.cwd()}/../x`],
  ] as const
) {
  Deno.test(`absolute() returns a path to the same file for '${path}'`, () => {
    assert.equal(absolute(path), expected);
  });
}
