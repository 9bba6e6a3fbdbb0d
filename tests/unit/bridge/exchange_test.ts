import assert from "node:assert/strict";
import fc from "fast-check";
import { Exchange, SLOTS } from "../../../src/bridge/exchange.ts";
import { Ledger } from "../../../src/bridge/ledger.ts";
import { equalBytes, pattern } from "../helper/bytes.ts";
import { TempDir } from "../helper/temp_dir.ts";

const KIB = 2 ** 10;
const SLOT = 16 * 2 ** 20;
const LARGE = 64 * KIB;

/** An exchange, and its files as the worker has them. */
class Files implements Disposable {
  readonly directory = new TempDir();
  readonly ledger = new Ledger(`${this.directory.path}/ledger`);
  readonly exchange = new Exchange(`${this.directory.path}/exchange`, this.ledger);
  readonly #ledger = Deno.openSync(`${this.directory.path}/ledger`, { read: true, write: true });
  readonly #exchange = Deno.openSync(`${this.directory.path}/exchange`, { read: true, write: true });

  /** Reads the body of a request as the worker does. */
  request(flags: number, length: number): Uint8Array {
    const body = new Uint8Array(length);
    this.#exchange.seekSync((flags - 1) * SLOT, Deno.SeekMode.Start);
    for (let read = 0; read < length;) read += this.#exchange.readSync(body.subarray(read))!;
    return body;
  }

  /** Counts the bodies of requests that the worker has read. */
  countRead(count: number): void {
    const word = new Uint8Array(4);
    new DataView(word.buffer).setUint32(0, count, true);
    this.#ledger.seekSync(12, Deno.SeekMode.Start);
    this.#ledger.writeSync(word);
  }

  /** Returns how many bodies of answers the supervisor has read. */
  answersRead(): number {
    const word = new Uint8Array(4);
    this.#ledger.seekSync(8, Deno.SeekMode.Start);
    this.#ledger.readSync(word);
    return new DataView(word.buffer).getUint32(0, true);
  }

  /** Writes the body of an answer, as the worker does. */
  answer(flags: number, body: Uint8Array): void {
    this.#exchange.seekSync((SLOTS + flags - 1) * SLOT, Deno.SeekMode.Start);
    for (let written = 0; written < body.length;) written += this.#exchange.writeSync(body.subarray(written));
  }

  [Symbol.dispose](): void {
    this.#ledger.close();
    this.#exchange.close();
    this.exchange[Symbol.dispose]();
    this.ledger[Symbol.dispose]();
    this.directory[Symbol.dispose]();
  }
}

Deno.test("Exchange creates an empty file that only this user can open, and refuses an existing one", () => {
  using files = new Files();
  const path = `${files.directory.path}/exchange`;
  assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  assert.equal(Deno.statSync(path).size, 0);
  assert.throws(() => new Exchange(path, files.ledger), Deno.errors.AlreadyExists);
});

Deno.test("write() returns 0 and writes nothing when a body is too small or too large for a slot", () => {
  using files = new Files();
  assert.equal(files.exchange.write(new Uint8Array(0)), 0);
  assert.equal(files.exchange.write(new Uint8Array(LARGE - 1)), 0);
  assert.equal(files.exchange.write(new Uint8Array(SLOT + 1)), 0);
  assert.equal(Deno.statSync(`${files.directory.path}/exchange`).size, 0);
});

Deno.test("write() accepts bodies of the smallest and the largest size", () => {
  using files = new Files();
  for (const [length, flags] of [[LARGE, 1], [SLOT, 2]] as const) {
    assert.equal(files.exchange.write(pattern(length, flags)), flags);
  }
  for (const [length, flags] of [[LARGE, 1], [SLOT, 2]] as const) {
    assert.ok(equalBytes(files.request(flags, length), pattern(length, flags)));
  }
});

Deno.test("write() returns 0 when all slots are full, and uses the oldest again once the worker has read it", () => {
  using files = new Files();
  for (let flags = 1; flags <= SLOTS; flags++) assert.equal(files.exchange.write(pattern(LARGE, flags)), flags);
  assert.equal(files.exchange.write(pattern(LARGE)), 0);
  for (let flags = 1; flags <= SLOTS; flags++) {
    assert.ok(equalBytes(files.request(flags, LARGE), pattern(LARGE, flags)), "A full exchange leaves its slots alone");
  }
  files.countRead(2);
  assert.equal(files.exchange.write(pattern(LARGE, 5)), 1);
  assert.equal(files.exchange.write(pattern(LARGE, 6)), 2);
  assert.equal(files.exchange.write(pattern(LARGE, 7)), 0);
});

Deno.test("write() keeps using the first slot when the worker reads at once", () => {
  using files = new Files();
  for (let count = 1; count <= 10; count++) {
    assert.equal(files.exchange.write(pattern(LARGE, count)), 1);
    files.countRead(count);
  }
});

Deno.test("write() never overwrites an unread slot, in whatever order bodies are written and read", () => {
  using files = new Files();
  let read = 0;
  const unread: number[] = [];
  const body = new Uint8Array(LARGE);
  fc.assert(
    fc.property(fc.array(fc.boolean()), (turns) => {
      for (const isWrite of turns) {
        if (isWrite) {
          const flags = files.exchange.write(body);
          assert.equal(flags === 0, unread.length === SLOTS);
          if (flags === 0) continue;
          assert.ok(flags >= 1 && flags <= SLOTS && !unread.includes(flags));
          unread.push(flags);
        } else if (unread.shift() !== undefined) files.countRead(++read);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("read() returns the body of a slot, and counts it", () => {
  using files = new Files();
  files.answer(2, pattern(300_000, 2));
  files.answer(4, pattern(LARGE, 4));
  assert.ok(equalBytes(files.exchange.read(4, LARGE), pattern(LARGE, 4)));
  assert.equal(files.answersRead(), 1);
  assert.ok(equalBytes(files.exchange.read(2, 300_000), pattern(300_000, 2)));
  assert.equal(files.answersRead(), 2);
});

Deno.test("read() returns a copy, which does not change when the slot is written again", () => {
  using files = new Files();
  files.answer(1, pattern(LARGE, 1));
  const body = files.exchange.read(1, LARGE);
  files.answer(1, pattern(LARGE, 2));
  assert.ok(equalBytes(body, pattern(LARGE, 1)));
});

for (const flags of [SLOTS + 1, 255]) {
  Deno.test(`read() refuses a frame that refers to slot ${flags}, which does not exist`, () => {
    using files = new Files();
    assert.throws(() => files.exchange.read(flags, LARGE), {
      name: "ProtocolError",
      message: `A frame has the unknown flags ${flags}`,
    });
    assert.equal(files.answersRead(), 0);
  });
}

Deno.test("read() refuses a body that is longer than a slot", () => {
  using files = new Files();
  assert.throws(() => files.exchange.read(1, SLOT + 1), { name: "ProtocolError" });
});

Deno.test("read() refuses a body that the end of the file truncates", () => {
  using files = new Files();
  files.answer(1, new Uint8Array(1000));
  assert.throws(() => files.exchange.read(1, LARGE), {
    name: "ProtocolError",
    message: `Slot 0 of the exchange holds 1000 bytes, not ${LARGE}`,
  });
  assert.equal(files.answersRead(), 0);
});

Deno.test("requests and answers use separate slots", () => {
  using files = new Files();
  for (let flags = 1; flags <= SLOTS; flags++) {
    assert.equal(files.exchange.write(pattern(LARGE, flags)), flags);
    files.answer(flags, pattern(LARGE, 10 + flags));
  }
  for (let flags = 1; flags <= SLOTS; flags++) {
    assert.ok(equalBytes(files.request(flags, LARGE), pattern(LARGE, flags)));
    assert.ok(equalBytes(files.exchange.read(flags, LARGE), pattern(LARGE, 10 + flags)));
  }
});
