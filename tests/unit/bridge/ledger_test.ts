import assert from "node:assert/strict";
import fc from "fast-check";
import type { BodySource } from "../../../src/bridge/frame.ts";
import { Ledger } from "../../../src/bridge/ledger.ts";
import { Meeting } from "../../../src/bridge/meeting.ts";
import { concat, pattern, utf8 } from "../helper/bytes.ts";
import { damagedStream, encodeFrame, frame, readFrames } from "../helper/frames.ts";
import { TempDir } from "../helper/temp_dir.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** A store of bodies that no frame of the test refers to. */
const noBodies: BodySource = { read: () => assert.fail("A body was asked for") };

/** A ledger, and its file as the worker sees it. */
class Files implements Disposable {
  readonly #directory = new TempDir();
  readonly path = `${this.#directory.path}/ledger`;
  readonly ledger = new Ledger(this.path);
  readonly #file = Deno.openSync(this.path, { read: true, write: true });

  /** The content that a worker writes. */
  note(started: number, answers: Uint8Array, pending = answers.length): void {
    this.write(0, started);
    this.write(4, pending);
    this.#file.seekSync(20, Deno.SeekMode.Start);
    this.#file.writeSync(answers);
  }

  write(offset: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#file.writeSync(bytes);
  }

  read(offset: number): number {
    const bytes = new Uint8Array(4);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#file.readSync(bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  truncate(length: number): void {
    this.#file.truncateSync(length);
  }

  [Symbol.dispose](): void {
    this.#file.close();
    this.ledger[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}

/** Replaces writes to files. */
function writing(write: (bytes: Uint8Array, file: Deno.FsFile) => number): Disposable {
  const { writeSync } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.writeSync = function (bytes) {
    return write(bytes, { writeSync: (bytes: Uint8Array) => writeSync.call(this, bytes) } as Deno.FsFile);
  };
  return { [Symbol.dispose]: () => void (Deno.FsFile.prototype.writeSync = writeSync) };
}

Deno.test("Ledger creates its whole file when the system writes it in pieces", () => {
  using short = writing((bytes, file) => file.writeSync(bytes.subarray(0, 4096)));
  using files = new Files();
  short[Symbol.dispose]();
  assert.equal(Deno.statSync(files.path).size, 64 * KIB);
});

Deno.test("Ledger closes its file and throws when the disk is full", () => {
  using directory = new TempDir();
  let room = 3;
  using _ = writing((bytes, file) => {
    if (room-- === 0) throw new Error("No space left on device (os error 28)");
    return file.writeSync(bytes.subarray(0, 4096));
  });
  // The test fails if the file stays open.
  assert.throws(() => new Ledger(`${directory.path}/ledger`), { message: /No space left/ });
});

Deno.test("Meeting closes what it has created when one part can't be created", () => {
  using directory = new TempDir();
  Deno.writeTextFileSync(`${directory.path}/keeper.sock`, "in the way");
  // The test fails if a file or socket stays open.
  assert.throws(() => new Meeting(directory.path), Deno.errors.AddrInUse);
});

Deno.test("Ledger creates a file of 64 KiB without holes that only this user can open", () => {
  using files = new Files();
  const { size, blocks, mode } = Deno.statSync(files.path);
  assert.equal(size, 64 * KIB);
  assert.ok((blocks ?? Infinity) * 512 >= size);
  assert.equal((mode ?? 0) & 0o777, 0o600);
});

Deno.test("Ledger refuses an existing file", () => {
  using files = new Files();
  assert.throws(() => new Ledger(files.path), Deno.errors.AlreadyExists);
});

Deno.test("read() returns nothing when the worker has done nothing", () => {
  using files = new Files();
  assert.deepEqual(files.ledger.read(MIB, noBodies), { started: 0, answers: [], words: 0n });
});

Deno.test("read() returns the request begun last and the answers that may not have been sent", () => {
  using files = new Files();
  const answers = [
    frame({ kind: 6, id: 41, metadata: utf8('{"content_type":"text/plain"}'), body: utf8("answer") }),
    frame({ kind: 7, id: 42, metadata: utf8('{"reason":"exception"}') }),
  ];
  const stale = encodeFrame(frame({ id: 99 }));
  const bytes = concat(...answers.map(encodeFrame));
  files.note(0xffff_fffe, concat(bytes, stale), bytes.length);
  const { started, answers: found } = files.ledger.read(MIB, noBodies);
  assert.equal(started, 0xffff_fffe);
  assert.deepEqual(found.map(({ kind, id }) => [kind, id]), [[6, 41], [7, 42]]);
  assert.deepEqual(found[0]!.body, utf8("answer"));
  assert.deepEqual(found[1]!.metadata, utf8('{"reason":"exception"}'));
});

Deno.test("read() returns answers that fill the ledger to its last byte", () => {
  using files = new Files();
  const room = 64 * KIB - 20;
  const body = pattern(room - 12);
  files.note(1, encodeFrame(frame({ id: 1, body })));
  assert.deepEqual(files.ledger.read(MIB, noBodies).answers[0]?.body, body);
});

Deno.test("read() reads bodies from the exchange when answers have flags", () => {
  using files = new Files();
  files.note(7, encodeFrame(frame({ id: 7, flags: 2, bodyLength: 100_000 })));
  const { answers } = files.ledger.read(MIB, { read: (flags, length) => pattern(length, flags) });
  assert.deepEqual(answers.map(({ id, body }) => [id, body]), [[7, pattern(100_000, 2)]]);
});

Deno.test("read() returns the answers before a damaged one", () => {
  using files = new Files();
  const good = encodeFrame(frame({ id: 1, body: utf8("good") }));
  for (const bad of [frame({ id: 2, kind: 77 }), frame({ id: 2, flags: 200 }), frame({ id: 2, bodyLength: 2 ** 31 })]) {
    files.note(3, concat(good, encodeFrame(bad), good));
    const bodies: BodySource = {
      read() {
        throw new Error("There is no such slot");
      },
    };
    const { started, answers } = files.ledger.read(MIB, bodies);
    assert.equal(started, 3);
    assert.deepEqual(answers.map(({ id }) => id), [1]);
  }
});

Deno.test("read() returns the answers before one that the number of bytes truncates", () => {
  using files = new Files();
  const good = encodeFrame(frame({ id: 1, body: utf8("good") }));
  files.note(2, concat(good, good), good.length + 13);
  assert.equal(files.ledger.read(MIB, noBodies).answers.length, 1);
});

Deno.test("read() never throws, whatever a worker has written into its ledger", () => {
  using files = new Files();
  fc.assert(
    fc.property(damagedStream, fc.nat(0xffff_ffff), fc.boolean(), (bytes, length, honest) => {
      const pending = honest ? bytes.length : length;
      files.note(1, bytes, pending);
      const { answers } = files.ledger.read(MIB, {
        read() {
          throw new Error("There is no such slot");
        },
      });
      if (!honest) return;
      assert.deepEqual(answers.map(({ id }) => id), readFrames(bytes, MIB).frames.map(({ id }) => id));
    }),
    { numRuns: 500 },
  );
});

Deno.test("read() returns nothing when the file was truncated", () => {
  using files = new Files();
  files.note(5, encodeFrame(frame({ id: 5 })));
  files.truncate(10);
  assert.deepEqual(files.ledger.read(MIB, noBodies).answers, []);
});

Deno.test("words() change when a flush is followed by equally many answers, and read() returns the same", () => {
  using files = new Files();
  const answer = encodeFrame(frame({ id: 5 }));
  files.note(5, answer);
  const words = files.ledger.words();
  files.note(5, answer, answer.length + 0xffff * 2 ** 16);
  assert.notEqual(files.ledger.words(), words);
  const { answers } = files.ledger.read(MIB, noBodies);
  assert.deepEqual(answers.map(({ id }) => id), [5]);
  assert.deepEqual(files.ledger.peek(MIB)?.answers, answers);
});

Deno.test("requestsRead() and countAnswerRead() use separate words of the file", () => {
  using files = new Files();
  files.note(11, encodeFrame(frame({ id: 11 })));
  assert.equal(files.ledger.requestsRead(), 0);
  files.write(12, 0xffff_ffff);
  assert.equal(files.ledger.requestsRead(), 0xffff_ffff);
  files.ledger.countAnswerRead(0xffff_fffd);
  assert.equal(files.read(8), 0xffff_fffd);
  assert.equal(files.read(12), 0xffff_ffff);
  assert.deepEqual(files.ledger.read(MIB, noBodies).answers.map(({ id }) => id), [11]);
});

Deno.test("recall() uses a separate word of the file", () => {
  using files = new Files();
  files.note(11, encodeFrame(frame({ id: 11 })));
  files.ledger.recall(0xffff_fffb);
  assert.equal(files.read(16), 0xffff_fffb);
  const { started, answers } = files.ledger.read(MIB, noBodies);
  assert.deepEqual([started, answers.map(({ id }) => id)], [11, [11]]);
});

Deno.test("peek() returns the answers that read() returns, up to the first with a body in the exchange", () => {
  using files = new Files();
  const elsewhere = frame({ id: 3, flags: 1, bodyLength: 100_000 });
  files.note(4, concat(...[frame({ id: 1 }), frame({ id: 2 }), elsewhere, frame({ id: 4 })].map(encodeFrame)));
  const { started, answers } = files.ledger.peek(MIB)!;
  assert.deepEqual([started, answers.map(({ id }) => id)], [4, [1, 2]]);
});

Deno.test("peek() returns nothing when the worker writes meanwhile", () => {
  using files = new Files();
  const original = Deno.FsFile.prototype.readSync;
  const writes = [() => files.write(0, 2), () => files.write(4, 0)];
  for (const write of writes) {
    files.note(1, encodeFrame(frame({ id: 1 })));
    let reads = 0;
    Deno.FsFile.prototype.readSync = function (bytes) {
      if (++reads === 2) write();
      return original.call(this, bytes);
    };
    try {
      assert.equal(files.ledger.peek(MIB), undefined);
    } finally {
      Deno.FsFile.prototype.readSync = original;
    }
  }
});
