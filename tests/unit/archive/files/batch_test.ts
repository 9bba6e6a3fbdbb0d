import assert from "node:assert/strict";
import { Batch, BatchReader, type SmallFile } from "../../../../src/archive/files/batch.ts";
import { BatchWriter, FileError } from "../../../../src/archive/files/write_batch.ts";
import { equalBytes, pattern } from "../../helper/bytes.ts";
import { TempDir } from "../../helper/temp_dir.ts";

function file(path: string, size: number, more: Partial<SmallFile> = {}): SmallFile {
  return { path, size, executable: false, mtime: 7, ...more };
}

function batchOf(...files: readonly SmallFile[]): Batch {
  const batch = new Batch();
  for (const each of files) {
    assert.ok(batch.hasRoom(each), each.path);
    batch.add(each);
    const content = pattern(each.size);
    const middle = Math.min(2, each.size);
    batch.append(content, 0, middle);
    batch.append(content, middle, each.size);
  }
  return batch;
}

const FILES = [
  file("a", 0),
  file("ä/日本語 🙂", 3, { executable: true }),
  file("b", 5, { mtime: 2 ** 32 + 5 }),
  file("c".repeat(255), 60_000, { mtime: 0 }),
];

Deno.test("Batch gives back the files that were added", () => {
  const { bytes, used } = batchOf(...FILES);
  const found: SmallFile[] = [];
  for (const reader = new BatchReader(bytes, used); reader.next();) {
    const { path, content, executable, mtime } = reader;
    assert.ok(equalBytes(content, pattern(content.length)));
    found.push({ path: new TextDecoder().decode(path), size: content.length, executable, mtime });
  }
  assert.deepEqual(found, FILES.map((each) => ({ ...each, path: `${each.path}\0` })));
});

Deno.test("Batch refuses files beyond its capacity", () => {
  const large = file("日".repeat(1000), 64 * 1024);
  assert.ok(Batch.fits(large));
  assert.ok(!Batch.fits(file("日".repeat(100_000), 1)));
  const batch = new Batch();
  let count = 0;
  while (batch.hasRoom(large)) batch.add({ ...large, path: `${large.path.slice(1)}${count++}` });
  assert.ok(count > 0);
  const reader = new BatchReader(batch.bytes, batch.used);
  while (reader.next()) count--;
  assert.equal(count, 0);
});

Deno.test("BatchWriter writes files with their times and modes, through Deno and through the C library", () => {
  for (const hasLibrary of [true, false]) {
    using directory = new TempDir();
    Deno.mkdirSync(`${directory.path}/ä`);
    using writer = hasLibrary ? new BatchWriter(directory.path) : new BatchWriter(directory.path, null);
    const { bytes, used } = batchOf(...FILES);
    writer.write(bytes, used);
    for (const { path, size, executable, mtime } of FILES) {
      const info = Deno.statSync(`${directory.path}/${path}`);
      assert.ok(equalBytes(Deno.readFileSync(`${directory.path}/${path}`), pattern(size)), path);
      assert.equal(info.mtime!.getTime(), mtime * 1000, path);
      assert.equal((info.mode! & 0o100) !== 0, executable, path);
    }
  }
});

for (
  const { what, path, reason } of [
    { what: "is there already", path: "taken", reason: /File exists/ },
    { what: "is a link that leads nowhere", path: "dangling", reason: /File exists/ },
    { what: "has a name that is too long", path: "x".repeat(256), reason: /File name too long/ },
    { what: "lies in no folder", path: "none/file", reason: /No such file/ },
  ]
) {
  Deno.test(`BatchWriter names a file that ${what}`, () => {
    using directory = new TempDir();
    directory.write("taken", "as it was");
    Deno.symlinkSync(`${directory.path}/nowhere`, `${directory.path}/dangling`);
    using writer = new BatchWriter(directory.path);
    const { bytes, used } = batchOf(file("first", 1), file(path, 1), file("last", 1));
    assert.throws(() => writer.write(bytes, used), (error) => {
      assert.ok(error instanceof FileError);
      assert.equal(error.path, path);
      assert.match(String((error.cause as Error).message), reason);
      return true;
    });
    assert.equal(Deno.readTextFileSync(`${directory.path}/taken`), "as it was");
    assert.deepEqual(directory.list("."), ["dangling", "first", "taken"]);
  });
}
