import assert from "node:assert/strict";
import { changeBetween, type Inputs, inputsOf } from "../../../src/environment/key.ts";
import { fakeEnv } from "../helper/env.ts";
import { TempDir } from "../helper/temp_dir.ts";

const SHA256 = "0".repeat(64);

/** The inputs of a module in the folder `m`, as a folder or as an archive. */
function inputs(directory: TempDir, variables: Record<string, string> = {}, isArchive = false): Inputs {
  const module = `${directory.path}/m`;
  const archive = isArchive ? { sha256: SHA256, signed: false, root: module } : undefined;
  return inputsOf({ module, base: "Python", env: fakeEnv(variables), archive });
}

/** The lines of `requirements.txt`, the file that they name, and variables. Words of the lines are formed with the test's folder. */
const NAMED: readonly (readonly [
  what: string,
  lines: (folder: string) => string,
  file: string,
  variables?: (folder: string) => Record<string, string>,
])[] = [
  ["requirements.txt itself", () => "fox\n", "m/requirements.txt"],
  ["a file of -r outside", (folder) => `-r ${folder}/outside.txt\n`, "outside.txt"],
  ["a file of -c beside", () => "fox\n-c more/limits.txt\n", "m/more/limits.txt"],
  ["a wheel", () => "./fox-1.0-py3-none-any.whl\n", "m/fox-1.0-py3-none-any.whl"],
  ["a wheel of --find-links outside", (folder) => `--find-links ${folder}/dist\nfox\n`, "dist/fox.whl"],
  ["a source folder outside", (folder) => `${folder}/lib\n`, "lib/fox.py"],
  ["a source folder by URL", (folder) => `fox @ file://${folder}/lib\n`, "lib/fox.py"],
  [
    "a file of PIP_CONSTRAINT",
    () => "fox\n",
    "limits.txt",
    (folder) => ({ PIP_CONSTRAINT: `/x ${folder}/limits.txt` }),
  ],
  ["a file of UV_OVERRIDE", () => "fox\n", "limits.txt", (folder) => ({ UV_OVERRIDE: `${folder}/limits.txt` })],
  ["a wheel of PIP_FIND_LINKS", () => "fox\n", "dist/a.whl", (folder) => ({ PIP_FIND_LINKS: `file://${folder}/dist` })],
  ["a wheel of UV_FIND_LINKS", () => "fox\n", "dist/a.whl", (folder) => ({ UV_FIND_LINKS: `/x,${folder}/dist` })],
];

for (const isArchive of [false, true]) {
  for (const [what, lines, file, variables = () => ({})] of NAMED) {
    Deno.test(`inputsOf() has another key when ${what} was changed, ${isArchive ? "in an archive" : "in a module"}`, () => {
      using directory = new TempDir();
      directory.write("m/requirements.txt", lines(directory.path));
      if (file !== "m/requirements.txt") directory.write(file, "fox<2\n");
      const before = inputs(directory, variables(directory.path), isArchive);
      assert.equal(changeBetween(before, inputs(directory, variables(directory.path), isArchive)), undefined);
      directory.write(file, "fox<1\n");
      const after = inputs(directory, variables(directory.path), isArchive);
      assert.equal(changeBetween(before, after), `'${directory.path}/${file}'`);
      assert.notEqual(before.key, after.key);
    });
  }
}

Deno.test("inputsOf() has the key of an archive's digest when a line names a folder of the archive", () => {
  using directory = new TempDir();
  directory.write("m/requirements.txt", "./lib\n");
  directory.write("m/lib/setup.py");
  const { key } = inputs(directory, {}, true);
  directory.write("m/lib/setup.py", "edited");
  assert.equal(inputs(directory, {}, true).key, key);
  assert.notEqual(inputs(directory).key, key);
});

Deno.test("changeBetween() names a file that was changed and changed back, and one that is new or gone", () => {
  using directory = new TempDir();
  const path = directory.write("m/requirements.txt", "fox\n-r more.txt\n--find-links dist\n");
  directory.folder("m/dist");
  const before = inputs(directory);
  Deno.removeSync(path);
  directory.write("m/requirements.txt", "fox\n-r more.txt\n--find-links dist\n");
  Deno.utimeSync(path, 0, 0);
  const back = inputs(directory);
  assert.equal(back.key, before.key);
  assert.equal(changeBetween(before, back), `'${path}'`);
  const more = directory.write("m/more.txt");
  assert.equal(changeBetween(back, inputs(directory)), `'${more}'`);
  Deno.removeSync(more);
  const wheel = directory.write("m/dist/fox.whl");
  assert.equal(changeBetween(back, inputs(directory)), `'${wheel}'`);
});
