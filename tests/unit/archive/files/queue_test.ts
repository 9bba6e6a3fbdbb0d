import assert from "node:assert/strict";
import { Batch } from "../../../../src/archive/files/batch.ts";
import { BatchQueue } from "../../../../src/archive/files/queue.ts";
import { BatchWriter, FileError } from "../../../../src/archive/files/write_batch.ts";
import { TempDir } from "../../helper/temp_dir.ts";

/** Fills an empty batch with one empty file. */
function put(queue: BatchQueue, path: string): void {
  const slot = queue.empty()!;
  const batch = new Batch(queue.bytes(slot));
  batch.add({ path, size: 0, executable: false, mtime: 7 });
  queue.put(slot, batch.used);
}

Deno.test("BatchQueue has each batch written once, by any of the threads that share it", () => {
  using directory = new TempDir();
  using writer = new BatchWriter(directory.path);
  const queue = new BatchQueue();
  const other = new BatchQueue(queue.shared);
  const names: string[] = [];
  while (queue.empty() !== undefined) put(queue, names[names.length] = `f${names.length}`);
  assert.ok(names.length > 1);
  assert.ok(other.wait());
  for (const [i] of names.entries()) assert.ok((i % 2 === 0 ? queue : other).writeNext(writer));
  assert.ok(!queue.writeNext(writer) && !other.writeNext(writer));
  assert.deepEqual(directory.list("."), names.toSorted());
  assert.equal(queue.empty(), 0);
  queue.close();
  assert.equal(other.wait(), false);
});

Deno.test("BatchQueue hands out what waits when it is closed, unless it is cleared", () => {
  using directory = new TempDir();
  using writer = new BatchWriter(directory.path);
  const queue = new BatchQueue();
  put(queue, "first");
  queue.close();
  assert.ok(queue.wait() && queue.writeNext(writer));
  put(queue, "second");
  queue.clear();
  assert.ok(!queue.wait() && !queue.writeNext(writer));
  assert.deepEqual(directory.list("."), ["first"]);
});

Deno.test("BatchQueue tells all threads when one can't write a file", () => {
  using directory = new TempDir();
  directory.write("taken", "as it was");
  using writer = new BatchWriter(directory.path);
  const queue = new BatchQueue();
  const other = new BatchQueue(queue.shared);
  put(queue, "taken");
  assert.ok(!queue.hasFailed() && !queue.isBusy());
  assert.throws(() => other.writeNext(writer), FileError);
  assert.ok(queue.hasFailed());
  assert.ok(!queue.isBusy(), "nobody waits for a batch that was given up");
});
