import assert from "node:assert/strict";
import { hasSchema, listSamples, readSample, readSchema } from "../../../src/web/samples.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** A module with samples and other files. */
function moduleWith(...paths: readonly string[]): TempDir {
  const directory = new TempDir();
  for (const path of paths) directory.write(`module/${path}`);
  return directory;
}

const names = (directory: TempDir) => listSamples(`${directory.path}/module`).map(({ name }) => name);

Deno.test("listSamples() finds sample.* and samples/, JSON first, and nothing else", () => {
  using directory = moduleWith(
    "sample.csv",
    "sample.json",
    "samples/cat.png",
    "samples/.hidden",
    "samples/deep/x.png",
    ".sample.txt",
    "sample",
    "sampler.json",
    "serve.py",
    "secret.json",
  );
  assert.deepEqual(names(directory), ["sample.json", "sample.csv", "samples/cat.png"]);
  assert.deepEqual(listSamples(`${directory.path}/nothing`), []);
});

Deno.test("listSamples() follows links within the module alone", () => {
  using directory = moduleWith("data.csv", "sample.txt");
  directory.write("outside.json");
  const module = `${directory.path}/module`;
  Deno.symlinkSync("data.csv", `${module}/sample.csv`);
  Deno.symlinkSync("../outside.json", `${module}/sample.json`);
  Deno.symlinkSync("gone", `${module}/sample.gone`);
  Deno.symlinkSync("..", `${module}/samples`);
  assert.deepEqual(names(directory), ["sample.csv", "sample.txt"]);
});

Deno.test("listSamples() lists 50 files at most, and none over 16 MiB", () => {
  using directory = moduleWith(...Array.from({ length: 60 }, (_, index) => `samples/${index}.txt`));
  Deno.truncateSync(`${directory.path}/module/samples/0.txt`, 16 * 2 ** 20 + 1);
  const found = names(directory);
  assert.equal(found.length, 50);
  assert.ok(!found.includes("samples/0.txt"));
});

Deno.test("readSample() reads what is listed, and nothing else", async () => {
  using directory = moduleWith("sample.json", "serve.py", "samples/a.txt");
  directory.write("outside");
  const module = `${directory.path}/module`;
  Deno.writeTextFileSync(`${module}/sample.json`, "{}");
  assert.deepEqual(await readSample(module, "sample.json"), new TextEncoder().encode("{}"));
  for (const name of ["serve.py", "../outside", "samples/../serve.py", "./sample.json", "samples", "", "/etc/passwd"]) {
    assert.equal(await readSample(module, name), undefined, name);
  }
});

Deno.test("readSchema() reads schema.json unless it is over 1 MiB", async () => {
  using directory = moduleWith("serve.py");
  const module = `${directory.path}/module`;
  assert.equal(hasSchema(module), false);
  assert.equal(await readSchema(module), undefined);
  Deno.writeTextFileSync(`${module}/schema.json`, "{}");
  assert.equal(hasSchema(module), true);
  assert.equal((await readSchema(module))?.length, 2);
  Deno.truncateSync(`${module}/schema.json`, 2 ** 20 + 1);
  assert.equal(hasSchema(module), false);
  assert.equal(await readSchema(module), undefined);
});
