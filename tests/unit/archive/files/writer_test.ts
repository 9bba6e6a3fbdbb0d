import assert from "node:assert/strict";
import { Writer } from "../../../../src/archive/files/writer.ts";
import type { SafeEntry } from "../../../../src/archive/rules.ts";
import { equalBytes, pattern } from "../../helper/bytes.ts";
import { TempDir } from "../../helper/temp_dir.ts";

/** More files than are written without threads. */
const MANY = 1500;

function entry(path: string, size: number, more: Partial<SafeEntry> = {}): SafeEntry {
  return { path, kind: "file", size, executable: false, mtime: 7, target: "", ...more };
}

/** Passes a file to the writer as a decoder does, with its content in two parts. */
async function add(writer: Writer, entry: SafeEntry, bytes: Uint8Array): Promise<void> {
  writer.onEntry(entry);
  if (bytes.length > 0) {
    writer.onData(bytes, 0, 1);
    writer.onData(bytes, 1, bytes.length);
  }
  writer.onEnd();
  await writer.ready();
}

Deno.test("Writer writes many small and large files unchanged", async () => {
  using directory = new TempDir();
  const sizeOf = (i: number) => i % 100 === 0 ? 70_000 + i : i % 7 === 0 ? 0 : i * 13 % 5000;
  {
    await using writer = new Writer(directory.path);
    writer.onEntry(entry("links/hard", 0, { kind: "hardlink", target: "d3/1003" }));
    writer.onEnd();
    writer.onEntry(entry("links/soft", 0, { kind: "symlink", target: "../d4/1004" }));
    writer.onEnd();
    for (let i = 0; i < MANY; i++) {
      await add(writer, entry(`d${i % 10}/${i}`, sizeOf(i), { executable: i % 3 === 0, mtime: i }), pattern(sizeOf(i)));
    }
    await writer.finish();
  }
  for (let i = 0; i < MANY; i++) {
    const path = `${directory.path}/d${i % 10}/${i}`;
    assert.ok(equalBytes(Deno.readFileSync(path), pattern(sizeOf(i))), path);
    const { mode, mtime } = Deno.statSync(path);
    assert.equal(mode! & 0o100, i % 3 === 0 ? 0o100 : 0, path);
    assert.equal(mtime!.getTime(), i * 1000, path);
  }
  assert.ok(equalBytes(Deno.readFileSync(`${directory.path}/links/hard`), pattern(sizeOf(1003))));
  assert.ok(equalBytes(Deno.readFileSync(`${directory.path}/links/soft`), pattern(sizeOf(1004))));
});

for (const index of [3, MANY - 1]) {
  Deno.test(`Writer names the file that can't be written, even if it is number ${index}`, async () => {
    using directory = new TempDir();
    directory.write(`f${index}`, "in the way");
    await using writer = new Writer(directory.path);
    await assert.rejects(async () => {
      for (let i = 0; i < MANY; i++) await add(writer, entry(`f${i}`, 1), pattern(1));
      await writer.finish();
    }, new RegExp(`^ArchiveError: The archive can't be unpacked: 'f${index}' can't be written: File exists`));
  });
}

Deno.test("Writer writes nothing more when it is disposed in the middle", async () => {
  using directory = new TempDir();
  {
    await using writer = new Writer(directory.path);
    for (let i = 0; i < MANY; i++) await add(writer, entry(`f${i}`, 1), pattern(1));
  }
  const count = () => [...Deno.readDirSync(directory.path)].length;
  const before = count();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(count(), before);
});
