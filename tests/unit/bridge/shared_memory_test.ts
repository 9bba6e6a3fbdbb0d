import assert from "node:assert/strict";
import fc from "fast-check";
import { AnswerMemory } from "../../../src/bridge/answer_memory.ts";
import { Lease } from "../../../src/lease.ts";
import { MIN_SHARED_BYTES, RequestMemory } from "../../../src/bridge/request_memory.ts";
import { SharedMemory } from "../../../src/bridge/shared_memory.ts";
import {
  ANSWER_ROOM,
  ANSWER_SLOTS,
  REQUEST_SLOTS,
  SHARED,
  SHARED_SLOT_BYTES,
  SLOTS_START,
} from "../../../src/bridge/shared_slots.ts";
import { Slots } from "../../../src/bridge/slots.ts";
import { ProtocolError } from "../../../src/errors.ts";
import { equalBytes, pattern } from "../helper/bytes.ts";

const MIB = 2 ** 20;
const LARGE = MIN_SHARED_BYTES;

// The C library stays open, which must not count as a leak of the first test that opens it.
SharedMemory.create(4096)?.[Symbol.dispose]();

/** The memory that a file of shared memory takes, in bytes. */
const taken = (path: string) => Deno.statSync(path).blocks! * 512;

/** Whether this process still has the file open; its descriptor may belong to another file by now. */
function isOpen(path: string, inode: number): boolean {
  try {
    return Deno.statSync(path).ino === inode;
  } catch {
    return false;
  }
}

/** Waits until a condition holds; the test's own time limit ends it if it never does. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

Deno.test("SharedMemory is seen by whoever opens its path, which can't make it shorter", () => {
  using memory = SharedMemory.create(MIB);
  assert.ok(memory !== undefined);
  memory.view(4096, 3).set([1, 2, 3]);
  using file = Deno.openSync(memory.path, { read: true, write: true });
  assert.equal(file.statSync().ino, memory.inode);
  file.seekSync(4096, Deno.SeekMode.Start);
  const read = new Uint8Array(3);
  file.readSync(read);
  assert.deepEqual([...read], [1, 2, 3]);
  assert.throws(() => file.truncateSync(0), Deno.errors.PermissionDenied);
});

Deno.test("discard() gives memory back, and leaves zeros", () => {
  using memory = SharedMemory.create(MIB);
  assert.ok(memory !== undefined);
  memory.view(0, MIB).fill(7);
  assert.equal(taken(memory.path), MIB);
  memory.discard(0, MIB / 2);
  assert.equal(taken(memory.path), MIB / 2);
  assert.deepEqual([memory.view(0, 1)[0], memory.view(MIB / 2, 1)[0]], [0, 7]);
});

Deno.test("view() throws a RangeError for bytes outside of the memory, and after its end", () => {
  const memory = SharedMemory.create(4096);
  assert.ok(memory !== undefined);
  for (const [offset, length] of [[0, 4097], [4096, 1], [-1, 1], [0, -1]] as const) {
    assert.throws(() => memory.view(offset, length), RangeError);
  }
  memory[Symbol.dispose]();
  assert.throws(() => memory.view(0, 1), RangeError);
});

Deno.test("Slots never gives a slot to two owners, and gives the lowest free one", () => {
  fc.assert(fc.property(fc.array(fc.nat(9)), (choices) => {
    const slots = new Slots(4);
    const owned = new Set<number>();
    for (const choice of choices) {
      const slot = [...owned][choice];
      if (slot !== undefined) {
        slots.free(slot);
        owned.delete(slot);
      } else if (choice === 9) {
        // What takes no memory is not in use.
        for (const idle of slots.takeIdle()) assert.ok(!owned.has(idle));
      } else {
        const lowest = [0, 1, 2, 3].find((slot) => !owned.has(slot));
        assert.equal(slots.take(), lowest);
        if (lowest !== undefined) owned.add(lowest);
      }
      assert.equal(slots.used, owned.size);
    }
  }));
});

Deno.test("free() throws a RangeError when the slot is free already", () => {
  const slots = new Slots(2);
  slots.take();
  slots.free(0);
  assert.throws(() => slots.free(0), RangeError);
  assert.throws(() => slots.free(5), RangeError);
});

Deno.test("a Lease ends with its last holder, and leaves nobody a view of the bytes", () => {
  let freed = 0;
  const bytes = pattern(LARGE, 1);
  const view = bytes.subarray(10);
  const lease = new Lease(bytes, SHARED, () => freed++);
  lease.retain();
  lease.release();
  assert.deepEqual([freed, bytes.length], [0, LARGE]);
  lease.release();
  assert.deepEqual([freed, bytes.length, view.length], [1, 0, 0]);
  assert.throws(() => lease.release(), RangeError);
  assert.throws(() => lease.retain(), RangeError);
  assert.equal(freed, 1);
});

Deno.test("RequestMemory lends each byte to one body at a time", () => {
  using memory = new RequestMemory();
  assert.ok(memory.file !== undefined);
  const step = fc.record({ pick: fc.nat(60), length: fc.integer({ min: LARGE, max: 3 * LARGE }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const held: { readonly lease: Lease; readonly seed: number }[] = [];
      steps.forEach(({ pick, length }, seed) => {
        const [one] = pick < held.length ? held.splice(pick, 1) : [];
        if (one !== undefined) {
          assert.ok(equalBytes(one.lease.bytes, pattern(one.lease.bytes.length, one.seed)));
          one.lease.release();
          return;
        }
        const lease = memory.lend(length);
        assert.equal(lease === undefined, held.length === REQUEST_SLOTS);
        if (lease === undefined) return;
        lease.bytes.set(pattern(length, seed));
        held.push({ lease, seed });
      });
      for (const { lease, seed } of held) {
        assert.ok(equalBytes(lease.bytes, pattern(lease.bytes.length, seed)));
        lease.release();
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("RequestMemory lends nothing for bodies that are too short or too long, before it is made, and after its end", () => {
  const memory = new RequestMemory();
  assert.equal(memory.lend(LARGE), undefined);
  assert.ok(memory.file !== undefined);
  assert.equal(memory.lend(LARGE - 1), undefined);
  assert.equal(memory.lend(SHARED_SLOT_BYTES + 1), undefined);
  memory.lend(SHARED_SLOT_BYTES)!.release();
  memory[Symbol.dispose]();
  assert.equal(memory.lend(LARGE), undefined);
});

Deno.test("RequestMemory gives the memory of free slots back, and keeps that of others", async () => {
  using memory = new RequestMemory(1);
  const { path } = memory.file!;
  const [first, second] = [memory.lend(MIB)!, memory.lend(2 * MIB)!];
  first.bytes.fill(1);
  second.bytes.fill(2);
  second.release();
  await until(() => taken(path) === MIB);
  assert.ok(first.bytes.every((byte) => byte === 1));
  first.release();
  await until(() => taken(path) === 0);
});

Deno.test("RequestMemory gives back what a much longer body has left in a slot that is taken again", () => {
  using memory = new RequestMemory();
  const { path } = memory.file!;
  const long = memory.lend(SHARED_SLOT_BYTES)!;
  long.bytes.fill(1);
  long.release();
  assert.equal(taken(path), SHARED_SLOT_BYTES);
  const short = memory.lend(LARGE)!;
  assert.ok(taken(path) <= 64 * 1024);
  // The rest of the long body is still there.
  assert.ok(short.bytes.every((byte) => byte === 1));
  short.bytes.fill(2);
  const next = memory.lend(MIB)!;
  next.bytes.fill(3);
  assert.ok(short.bytes.every((byte) => byte === 2));
  for (const lease of [short, next]) lease.release();
});

Deno.test("RequestMemory stays until its last holder is gone", () => {
  const memory = new RequestMemory();
  const { path, inode } = memory.file!;
  const lease = memory.lend(LARGE)!;
  memory[Symbol.dispose]();
  lease.bytes.fill(3);
  assert.ok(lease.bytes.every((byte) => byte === 3));
  assert.ok(isOpen(path, inode));
  lease.release();
  assert.ok(!isOpen(path, inode));
});

/** A worker's side of the memory for answers, as `_bridge/memory.py` has it. */
class Writer implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #written = new Uint8Array(ANSWER_SLOTS);

  constructor(path: string) {
    this.#file = Deno.openSync(path, { read: true, write: true });
  }

  /** Writes a body into the lowest free slot, and returns the place; undefined if none is free. */
  write(body: Uint8Array) {
    const counts = new Uint8Array(ANSWER_SLOTS);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#file.readSync(counts);
    const slot = counts.findIndex((count, slot) => count === this.#written[slot]);
    if (slot < 0) return undefined;
    this.#file.seekSync(SLOTS_START + slot * SHARED_SLOT_BYTES + ANSWER_ROOM, Deno.SeekMode.Start);
    this.#file.writeSync(body);
    this.#written[slot]!++;
    return { flags: SHARED | slot, length: body.length };
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

Deno.test("AnswerMemory keeps each body until it is released, in any order and for more than 256 bodies", () => {
  using memory = AnswerMemory.create(() => {});
  assert.ok(memory !== undefined);
  using writer = new Writer(memory.file.path);
  let bodies = 0;
  fc.assert(
    fc.property(fc.array(fc.nat(2 * ANSWER_SLOTS), { minLength: 50 }), (picks) => {
      const lent: { readonly lease: Lease; readonly seed: number }[] = [];
      const end = ({ lease, seed }: typeof lent[number]) => {
        assert.ok(equalBytes(lease.bytes, pattern(LARGE, seed)));
        lease.release();
      };
      for (const pick of picks) {
        const [one] = pick < lent.length ? lent.splice(pick, 1) : [];
        if (one !== undefined) {
          end(one);
          continue;
        }
        const place = writer.write(pattern(LARGE, bodies));
        assert.equal(place === undefined, lent.length === ANSWER_SLOTS);
        if (place !== undefined) lent.push({ lease: memory.lend(place), seed: bodies++ });
        assert.equal(memory.crowded, lent.length > 12);
      }
      lent.forEach(end);
    }),
    { numRuns: 30 },
  );
  assert.ok(bodies > 256 * 3);
});

Deno.test("AnswerMemory throws a ProtocolError for a body that is still in use, and for a slot that does not exist", () => {
  using memory = AnswerMemory.create(() => {});
  assert.ok(memory !== undefined);
  const lease = memory.lend({ flags: SHARED, length: LARGE });
  for (const place of [{ flags: SHARED, length: LARGE }, { flags: SHARED | ANSWER_SLOTS, length: LARGE }]) {
    assert.throws(() => memory.lend(place), ProtocolError);
  }
  lease.release();
});

Deno.test("AnswerMemory outlives its worker until the last body was sent", () => {
  const memory = AnswerMemory.create(() => {});
  assert.ok(memory !== undefined);
  const { path, inode } = memory.file;
  using writer = new Writer(path);
  const [one, two] = [1, 2].map((seed) => memory.lend(writer.write(pattern(LARGE, seed))!));
  memory[Symbol.dispose]();
  assert.throws(() => memory.lend({ flags: SHARED | 5, length: LARGE }), ProtocolError);
  one!.release();
  assert.ok(equalBytes(two!.bytes, pattern(LARGE, 2)));
  assert.ok(isOpen(path, inode));
  two!.release();
  assert.ok(!isOpen(path, inode));
});

Deno.test("AnswerMemory tells when it was not used for a while, once", async () => {
  let idle = 0;
  using memory = AnswerMemory.create(() => idle++, 1);
  assert.ok(memory !== undefined);
  memory.lend({ flags: SHARED, length: LARGE }).release();
  await until(() => idle > 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(idle, 1);
});
