import assert from "node:assert/strict";
import { FileBeside } from "../../src/atomic_file.ts";

const bytes = new TextEncoder().encode("hello\n");

Deno.test("FileBeside replaces a file once the new one is complete, and never otherwise", () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/file`;
  Deno.writeTextFileSync(path, "before");
  {
    using file = new FileBeside(path);
    file.write(bytes);
  }
  assert.equal(Deno.readTextFileSync(path), "before");
  {
    using file = new FileBeside(path);
    file.write(bytes);
    file.commit();
  }
  assert.equal(Deno.readTextFileSync(path), "hello\n");
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["file"]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("FileBeside writes to a pipe, and does not put a file in its place", async () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/pipe`;
  assert.ok(new Deno.Command("mkfifo", { args: [path] }).outputSync().success);
  const reader = new Deno.Command("cat", { args: [path], stdout: "piped" }).spawn();
  {
    using file = new FileBeside(path);
    file.write(bytes);
    file.commit();
  }
  const { stdout } = await reader.output();
  assert.equal(new TextDecoder().decode(stdout), "hello\n");
  assert.ok(Deno.statSync(path).isFifo);
  Deno.removeSync(folder, { recursive: true });
});
