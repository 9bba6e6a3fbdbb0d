import assert from "node:assert/strict";
import fc from "fast-check";
import { Connection } from "../../../src/bridge/connection.ts";
import { Exchange } from "../../../src/bridge/exchange.ts";
import { type Frame, Kind } from "../../../src/bridge/frame.ts";
import { Ledger } from "../../../src/bridge/ledger.ts";
import { ProtocolError } from "../../../src/errors.ts";
import { concat, equalBytes, pattern, utf8 } from "../helper/bytes.ts";
import { settled } from "../helper/deadline.ts";
import { damagedStream, encodeFrame, frame, type PlainFrame, readFrames } from "../helper/frames.ts";
import { readAll, readExactly, socketPair, SocketPairs, writeAll } from "../helper/sockets.ts";
import { TempDir } from "../helper/temp_dir.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const NOTHING = new Uint8Array(0);

/** Returns all frames of a connection, up to its end. */
async function collect(connection: Connection): Promise<Frame[]> {
  const frames: Frame[] = [];
  await settled(connection.run({ onFrame: (frame) => void frames.push(frame) }), "the end of run()");
  return frames;
}

function assertSame(found: readonly (Frame | PlainFrame)[], expected: readonly PlainFrame[]): void {
  assert.deepEqual(found.map(({ id }) => id), expected.map(({ id }) => id));
  for (const [i, { kind, metadata, body }] of expected.entries()) {
    assert.equal(found[i]!.kind, kind);
    assert.ok(equalBytes(found[i]!.metadata, metadata), `metadata of frame ${i}`);
    assert.ok(equalBytes(found[i]!.body, body), `body of frame ${i}`);
  }
}

function send(connection: Connection, { kind, id, metadata, body }: PlainFrame): void {
  connection.send(kind as Kind, id, metadata, body.slice());
}

Deno.test("run() returns all frames of one write as one batch, in order", async () => {
  using pair = await socketPair();
  const frames = Array.from({ length: 1000 }, (_, id) => frame({ id, metadata: utf8("{}"), body: utf8(`body ${id}`) }));
  await writeAll(pair.theirs, concat(...frames.map(encodeFrame)));
  pair.theirs.close();

  const found: Frame[] = [];
  const batches: number[] = [];
  await new Connection(pair.ours, KIB).run({
    onFrame: (frame) => void found.push(frame),
    onBatch: () => void batches.push(found.length),
  });
  assertSame(found, frames);
  assert.deepEqual(batches, [1000]);
});

Deno.test("run() returns a frame that arrives in many small writes", async () => {
  using pair = await socketPair();
  const expected = [
    frame({ id: 1, metadata: utf8("{}"), body: pattern(200 * KIB) }),
    frame({ id: 2, body: utf8("b") }),
  ];
  const found = collect(new Connection(pair.ours, MIB));
  const bytes = concat(...expected.map(encodeFrame));
  for (let at = 0; at < bytes.length;) {
    const size = at < 40 ? 1 : 7 * KIB;
    await writeAll(pair.theirs, bytes.subarray(at, at + size));
    at += size;
  }
  pair.theirs.close();
  assertSame(await found, expected);
});

Deno.test("run() ends when the peer closes the connection between two frames", async () => {
  using pair = await socketPair();
  await writeAll(pair.theirs, encodeFrame(frame({ id: 5 })));
  pair.theirs.close();
  assertSame(await collect(new Connection(pair.ours, KIB)), [frame({ id: 5 })]);
});

Deno.test("run() throws a ProtocolError when the peer closes the connection within a frame", async () => {
  const large = encodeFrame(frame({ metadata: utf8("{}"), body: pattern(200 * KIB) }));
  for (const length of [1, 11, 12, 13, 100, 150 * KIB, large.length - 1]) {
    using pair = await socketPair();
    const found = collect(new Connection(pair.ours, MIB));
    await writeAll(pair.theirs, concat(encodeFrame(frame({ id: 1 })), large.subarray(0, length)));
    pair.theirs.close();
    await assert.rejects(found, {
      name: "ProtocolError",
      message: "The stream of a worker ended within a frame",
    });
  }
});

Deno.test("run() returns the received frames when the peer has closed the connection without reading ours", async () => {
  using pair = await socketPair();
  const connection = new Connection(pair.ours, KIB);
  connection.send(Kind.Invoke, 1, NOTHING, utf8("never read"));
  await writeAll(pair.theirs, concat(encodeFrame(frame({ id: 1 })), encodeFrame(frame({ id: 2 }))));
  pair.theirs.close();
  assertSame(await collect(connection), [frame({ id: 1 }), frame({ id: 2 })]);
});

Deno.test("run() returns the received frames when a write has failed because the peer is gone", async () => {
  using pair = await socketPair();
  const answers = Array.from({ length: 10 }, (_, id) => frame({ id, body: pattern(100, id) }));
  await writeAll(pair.theirs, concat(...answers.map(encodeFrame)));
  pair.theirs.close();

  const connection = new Connection(pair.ours, KIB);
  const found: Frame[] = [];
  connection.send(Kind.Invoke, 11, NOTHING, utf8("for nobody"));
  // Wait until the other side's close has made writes fail.
  await assert.rejects(pair.ours.write(utf8("x")), Deno.errors.BrokenPipe);
  await settled(connection.run({ onFrame: (frame) => void found.push(frame) }), "the end of run()");
  assertSame(found, answers);
  connection.send(Kind.Invoke, 12, NOTHING, utf8("for nobody"));
});

Deno.test("run() throws the error that a handler throws for a frame", async () => {
  using pair = await socketPair();
  await writeAll(pair.theirs, encodeFrame(frame({ id: 1 })));
  const wrong = new ProtocolError("Not from a worker");
  await assert.rejects(
    new Connection(pair.ours, KIB).run({
      onFrame: () => {
        throw wrong;
      },
    }),
    (error) => error === wrong,
  );
});

Deno.test("receive() returns the first of several frames, and run() returns the others", async () => {
  using pair = await socketPair();
  const frames = [1, 2, 3].map((id) => frame({ id, body: utf8("body") }));
  await writeAll(pair.theirs, concat(...frames.map(encodeFrame)));
  pair.theirs.close();
  const connection = new Connection(pair.ours, KIB);
  assert.equal((await connection.receive())?.id, 1);
  assertSame(await collect(connection), frames.slice(1));
  assert.equal(await connection.receive(), undefined);
});

/** A socket that records its writes, each of which accepts as many bytes as `take` returns. */
function watched(socket: Deno.Conn, take: (bytes: Uint8Array) => Uint8Array): Deno.Conn {
  return new Proxy(socket, {
    get(target, name) {
      if (name === "write") return (bytes: Uint8Array) => target.write(take(bytes));
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("send() sends the small frames of one turn of the event loop with two writes", async () => {
  using pair = await socketPair();
  const writes: number[] = [];
  const connection = new Connection(
    watched(pair.ours, (bytes) => {
      writes.push(bytes.length);
      return bytes;
    }),
    KIB,
  );
  const frames = Array.from({ length: 100 }, (_, id) => frame({ kind: Kind.Invoke, id, body: utf8("body") }));
  for (const each of frames) send(connection, each);
  const bytes = concat(...frames.map(encodeFrame));
  assert.deepEqual(await readExactly(pair.theirs, bytes.length), bytes);
  assert.deepEqual(writes, [8 * bytes.length / 100, 92 * bytes.length / 100]);
  for (const each of frames.slice(0, 7)) send(connection, each);
  await readExactly(pair.theirs, 7 * bytes.length / 100);
  assert.deepEqual(writes.slice(2), [7 * bytes.length / 100]);
});

Deno.test("send() sends the rest when the socket accepts only a part of a write", async () => {
  using pair = await socketPair();
  const connection = new Connection(watched(pair.ours, (bytes) => bytes.subarray(0, 1000)), KIB);
  const frames = [10, 40 * KIB, 20, 200 * KIB, 3000].map((size, id) => frame({ id, body: pattern(size, id) }));
  for (const each of frames) send(connection, each);
  const bytes = concat(...frames.map(encodeFrame));
  assert.ok(equalBytes(await readExactly(pair.theirs, bytes.length), bytes));
});

Deno.test("send() keeps the order of frames of all sizes while others are being written", async () => {
  using pairs = new SocketPairs();
  const sizes = [0, 1, 20 * KIB, 32 * KIB - 1, 32 * KIB, 32 * KIB + 1, 127 * KIB, 128 * KIB, 300 * KIB, MIB];
  const plans = fc.array(fc.record({ size: fc.constantFrom(...sizes), turn: fc.boolean() }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      using pair = await pairs.next();
      const connection = new Connection(pair.ours, MIB);
      const frames = plan.map(({ size }, id) =>
        frame({ kind: Kind.Invoke, id, metadata: utf8(`${id}`), body: pattern(size, id) })
      );
      const length = frames.reduce((sum, { metadata, body }) => sum + 12 + metadata.length + body.length, 0);
      const received = readExactly(pair.theirs, length);
      for (const [i, each] of frames.entries()) {
        send(connection, each);
        if (plan[i]!.turn) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      const { frames: found, rest } = readFrames(await settled(received, "all that was sent"), MIB);
      assert.equal(rest, 0);
      assertSame(found, frames);
    }),
    { numRuns: 20 },
  );
});

Deno.test("send() does not modify a body that it sends later", async () => {
  using pair = await socketPair();
  const connection = new Connection(pair.ours, MIB);
  const bodies = [pattern(10), pattern(MIB)];
  for (const body of bodies) connection.send(Kind.Invoke, 1, NOTHING, body);
  await readExactly(pair.theirs, 24 + 10 + MIB);
  assert.ok(equalBytes(bodies[0]!, pattern(10)));
  assert.ok(equalBytes(bodies[1]!, pattern(MIB)));
});

Deno.test("send() puts large bodies into the exchange while a slot is free, and sends the others over the socket", async () => {
  using directory = new TempDir();
  using ledger = new Ledger(`${directory.path}/ledger`);
  using exchange = new Exchange(`${directory.path}/exchange`, ledger);
  using pair = await socketPair();
  const connection = new Connection(pair.ours, MIB, exchange);
  const size = 100 * KIB;
  for (let id = 1; id <= 6; id++) connection.send(Kind.Invoke, id, NOTHING, pattern(size, id));
  const heads = await readExactly(pair.theirs, 4 * 12);
  for (let slot = 0; slot < 4; slot++) {
    assert.deepEqual(
      heads.subarray(12 * slot, 12 * slot + 12),
      encodeFrame(frame({ kind: Kind.Invoke, id: slot + 1, flags: slot + 1, bodyLength: size })),
    );
  }
  const { frames } = readFrames(await readExactly(pair.theirs, 2 * (12 + size)), MIB);
  assertSame(frames, [5, 6].map((id) => frame({ kind: Kind.Invoke, id, body: pattern(size, id) })));
});

Deno.test("run() reads a body from the exchange when its frame refers to it", async () => {
  using directory = new TempDir();
  using ledger = new Ledger(`${directory.path}/ledger`);
  using exchange = new Exchange(`${directory.path}/exchange`, ledger);
  using file = Deno.openSync(`${directory.path}/exchange`, { write: true });
  file.seekSync((4 + 2) * 16 * MIB, Deno.SeekMode.Start);
  file.writeSync(pattern(300_000));
  using pair = await socketPair();
  await writeAll(pair.theirs, encodeFrame(frame({ id: 9, flags: 3, bodyLength: 300_000 })));
  pair.theirs.close();
  assertSame(await collect(new Connection(pair.ours, MIB, exchange)), [frame({ id: 9, body: pattern(300_000) })]);
});

Deno.test("close() ends run() while it waits for frames", async () => {
  using pair = await socketPair();
  const connection = new Connection(pair.ours, KIB);
  const found = collect(connection);
  connection.close();
  connection.close();
  assertSame(await found, []);
});

Deno.test("close() ends run() without an error when half a frame has arrived", async () => {
  using pair = await socketPair();
  const connection = new Connection(pair.ours, KIB);
  await writeAll(pair.theirs, concat(encodeFrame(frame({ id: 1 })), new Uint8Array(5)));
  const ids: number[] = [];
  await settled(
    connection.run({ onFrame: ({ id }) => void ids.push(id), onBatch: () => connection.close() }),
    "the end of run()",
  );
  assert.deepEqual(ids, [1]);
});

Deno.test("close() drops unsent frames while a write waits for the peer", async () => {
  using pair = await socketPair();
  const connection = new Connection(pair.ours, KIB);
  const found = collect(connection);
  for (let id = 1; id <= 8; id++) connection.send(Kind.Invoke, id, NOTHING, pattern(MIB, id));
  // The buffers of the socket are full long before that, and the write waits.
  const first = await readExactly(pair.theirs, 1000);
  connection.close();
  connection.send(Kind.Invoke, 9, NOTHING, utf8("too late"));
  const rest = await settled(readAll(pair.theirs), "the end of the stream");
  assertSame(await found, []);
  const whole = concat(
    ...Array.from(
      { length: 8 },
      (_, i) => encodeFrame(frame({ kind: Kind.Invoke, id: i + 1, body: pattern(MIB, i + 1) })),
    ),
  );
  const received = concat(first, rest);
  assert.ok(received.length < whole.length);
  assert.ok(equalBytes(received, whole.subarray(0, received.length)));
});

Deno.test("run() returns the intact frames of 1,000 damaged streams, then ends or throws a ProtocolError", async () => {
  using pairs = new SocketPairs();
  const seen = { ended: 0, thrown: 0 };
  await fc.assert(
    fc.asyncProperty(damagedStream, fc.boolean(), async (bytes, early) => {
      using pair = await pairs.next();
      const expected = readFrames(bytes, MIB);
      const connection = new Connection(pair.ours, MIB);
      const found: Frame[] = [];
      const running = early ? connection.run({ onFrame: (frame) => void found.push(frame) }) : undefined;
      await writeAll(pair.theirs, bytes);
      pair.theirs.close();
      let error: unknown;
      try {
        await settled(running ?? connection.run({ onFrame: (frame) => void found.push(frame) }), "the end of run()");
        seen.ended++;
      } catch (thrown) {
        if (!(thrown instanceof ProtocolError)) throw thrown;
        error = thrown;
        seen.thrown++;
      }
      assertSame(found, expected.frames);
      assert.equal(error !== undefined, expected.damagedAt !== undefined || expected.rest > 0);
    }),
    { numRuns: 1000 },
  );
  assert.ok(seen.ended > 100 && seen.thrown > 100, JSON.stringify(seen));
});
