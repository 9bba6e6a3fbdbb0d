import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type BodySource,
  type Frame,
  FrameBuffer,
  FrameDecoder,
  HEADER_BYTES,
  Kind,
  MAX_METADATA_BYTES,
  metadataLength,
  parseMetadata,
} from "../../../src/bridge/frame.ts";
import { ProtocolError } from "../../../src/errors.ts";
import { concat, equalBytes, pattern, utf8 } from "../helper/bytes.ts";
import {
  anyFrame,
  damagedStream,
  encodeFrame,
  frame,
  LAST_KIND,
  type PlainFrame,
  readFrames,
} from "../helper/frames.ts";

const MIB = 2 ** 20;

/** Passes a stream to the decoder in pieces of up to `step` bytes, and collects the frames. */
function decode(decoder: FrameDecoder, bytes: Uint8Array, step: (offset: number) => number = () => Infinity): Frame[] {
  const frames: Frame[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const space = decoder.space();
    assert.ok(space.length > 0, "space() is empty");
    const part = bytes.subarray(offset, offset + Math.min(space.length, Math.max(1, step(offset))));
    space.set(part);
    decoder.filled(part.length);
    offset += part.length;
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      frames.push(next);
      assert.ok(frames.length * HEADER_BYTES <= bytes.length, "next() gives more frames than there can be");
    }
  }
  return frames;
}

function assertFrames(found: readonly Frame[], expected: readonly PlainFrame[]): void {
  assert.equal(found.length, expected.length);
  for (const [i, { kind, id, metadata, body }] of expected.entries()) {
    assert.equal(found[i]!.kind, kind);
    assert.equal(found[i]!.id, id);
    assert.ok(equalBytes(found[i]!.metadata, metadata), `metadata of frame ${i}`);
    assert.ok(equalBytes(found[i]!.body, body), `body of frame ${i}`);
  }
}

/** Writes a frame with the code under test. */
function write({ kind, id, metadata, body }: PlainFrame): Uint8Array {
  const buffer = new FrameBuffer(HEADER_BYTES + metadata.length + body.length);
  const end = buffer.writeHead(0, kind as Kind, id, metadata, body.length);
  buffer.bytes.set(body, end);
  return buffer.bytes;
}

Deno.test("writeHead() writes a second line after the metadata", () => {
  const buffer = new FrameBuffer(32);
  const end = buffer.writeHead(0, Kind.Invoke, 1, utf8("{}"), 0, 0, "second");
  assert.equal(new TextDecoder().decode(buffer.bytes.subarray(HEADER_BYTES, end)), "{}\nsecond");
  assert.equal(buffer.bytes.subarray(10, 12).toHex(), "0900");
});

Deno.test("writeHead() writes more lines after the second one", () => {
  const buffer = new FrameBuffer(100);
  for (const [line, text] of [["{}", '{"a":1}\n{}\nGET /\na:\u00e4'], ["", '{"a":1}\n\nGET /\na:\u00e4']] as const) {
    const rest = utf8("GET /\na:\u00e4");
    const metadata = utf8('{"a":1}');
    const end = buffer.writeHead(0, Kind.Invoke, 1, metadata, 0, 0, line, rest);
    assert.equal(new TextDecoder().decode(buffer.bytes.subarray(HEADER_BYTES, end)), text);
    assert.equal(end - HEADER_BYTES, metadataLength(metadata, line, rest));
  }
});

Deno.test("writeHead() counts the second line when it refuses metadata that is too long", () => {
  const buffer = new FrameBuffer(2 * MAX_METADATA_BYTES);
  const metadata = new Uint8Array(MAX_METADATA_BYTES - 3);
  assert.equal(buffer.writeHead(0, Kind.Invoke, 1, metadata, 0, 0, "ab"), HEADER_BYTES + MAX_METADATA_BYTES);
  assert.throws(() => buffer.writeHead(0, Kind.Invoke, 1, metadata, 0, 0, "abc"), RangeError);
});

Deno.test("writeHead() writes all fields of the header in little-endian order", () => {
  const buffer = new FrameBuffer(32);
  const end = buffer.writeHead(5, Kind.Invoke, 0x0a0b0c0d, utf8("{}"), 0x01020304, 3);
  assert.equal(end, 5 + 12 + 2);
  assert.equal(buffer.bytes.subarray(5, end).toHex(), "04030201" + "0d0c0b0a" + "05" + "03" + "0200" + "7b7d");
});

Deno.test("writeHead() throws a RangeError when the length of the metadata does not fit in its field", () => {
  const buffer = new FrameBuffer(2 * MAX_METADATA_BYTES);
  const longest = new Uint8Array(MAX_METADATA_BYTES);
  assert.equal(buffer.writeHead(0, Kind.Result, 1, longest, 0), HEADER_BYTES + MAX_METADATA_BYTES);
  assert.throws(() => buffer.writeHead(0, Kind.Result, 1, new Uint8Array(MAX_METADATA_BYTES + 1), 0), RangeError);
});

Deno.test("writeHead() throws a RangeError when the frame does not fit", () => {
  const buffer = new FrameBuffer(20);
  assert.throws(() => buffer.writeHead(9, Kind.Result, 1, new Uint8Array(0), 0), RangeError);
  assert.throws(() => buffer.writeHead(0, Kind.Result, 1, new Uint8Array(9), 0), RangeError);
});

Deno.test("next() returns frames of any content as they were written", () => {
  fc.assert(fc.property(fc.array(anyFrame(300), { maxLength: 10 }), (frames) => {
    const bytes = concat(...frames.map(write));
    assert.deepEqual(bytes, concat(...frames.map(encodeFrame)));
    const decoder = new FrameDecoder(300);
    assertFrames(decode(decoder, bytes), frames);
    assert.equal(decoder.atBoundary, true);
  }));
});

Deno.test("next() returns the same frames wherever the stream is split", () => {
  const frames = [
    frame({ kind: Kind.Hello, metadata: utf8('{"protocol":1}') }),
    frame({ kind: Kind.Stop }),
    frame({ kind: Kind.Result, id: 0xffff_ffff, metadata: utf8("{}"), body: utf8("body") }),
    frame({ kind: Kind.Error, id: 7, body: pattern(100) }),
  ];
  const bytes = concat(...frames.map(encodeFrame));
  for (let cut = 1; cut < bytes.length; cut++) {
    assertFrames(decode(new FrameDecoder(1000), bytes, (offset) => offset === 0 ? cut : Infinity), frames);
  }
  assertFrames(decode(new FrameDecoder(1000), bytes, () => 1), frames);
});

Deno.test("next() returns the same large and small frames from pieces of any size", () => {
  const lengths = [0, 1, 1000, 128 * 1024 - 12, 128 * 1024 - 11, 128 * 1024, 200_000, 5, MIB];
  const frames = lengths.map((length, id) =>
    frame({ id, metadata: pattern(id % 3 === 0 ? 0 : 50 * id), body: pattern(length, id) })
  );
  const bytes = concat(...frames.map(encodeFrame));
  const pieces = fc.array(fc.integer({ min: 1, max: 150_000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(pieces, (sizes) => {
      // A large one among them keeps the number of pieces below 1,500.
      const all = [...sizes, 64 * 1024];
      let turn = 0;
      assertFrames(decode(new FrameDecoder(MIB), bytes, () => all[turn++ % all.length]!), frames);
    }),
    { numRuns: 10 },
  );
});

Deno.test("space() returns the unfilled rest of a large body's own buffer", () => {
  const decoder = new FrameDecoder(MIB);
  const { body } = frame({ body: pattern(MIB) });
  const bytes = encodeFrame(frame({ id: 1, metadata: utf8("{}"), body }));
  const first = bytes.subarray(0, 1000);
  decoder.space().set(first);
  decoder.filled(first.length);
  assert.equal(decoder.next(), undefined);
  assert.equal(decoder.atBoundary, false);

  const space = decoder.space();
  assert.equal(space.length, bytes.length - first.length);
  space.set(bytes.subarray(first.length));
  decoder.filled(space.length);
  const found = decoder.next();
  assert.equal(found?.body.buffer, space.buffer);
  assert.ok(equalBytes(found.body, body));
  assert.equal(found.body.buffer.byteLength, MIB);
  assert.equal(decoder.next(), undefined);
  assert.equal(decoder.atBoundary, true);
});

Deno.test("next() does not modify frames that it has returned", () => {
  const decoder = new FrameDecoder(1000);
  const [first] = decode(decoder, encodeFrame(frame({ metadata: utf8("metadata"), body: utf8("body") })));
  decode(decoder, encodeFrame(frame({ metadata: utf8("METADATA"), body: utf8("BODY") })));
  assert.deepEqual(first!.metadata, utf8("metadata"));
  assert.deepEqual(first!.body, utf8("body"));
});

Deno.test("atBoundary is false after each byte within a frame", () => {
  const whole = encodeFrame(frame({ metadata: utf8("{}"), body: utf8("body") }));
  const bytes = concat(whole, whole);
  for (let end = 0; end <= bytes.length; end++) {
    const decoder = new FrameDecoder(1000);
    decode(decoder, bytes.subarray(0, end));
    assert.equal(decoder.atBoundary, end % whole.length === 0, `after ${end} bytes`);
  }
});

Deno.test("next() accepts a body as long as the limit, and refuses a longer one before it arrives", () => {
  const limit = 200_000;
  assertFrames(decode(new FrameDecoder(limit), encodeFrame(frame({ body: pattern(limit) }))), [
    frame({ body: pattern(limit) }),
  ]);
  const header = encodeFrame(frame({ bodyLength: limit + 1 }));
  assert.throws(() => decode(new FrameDecoder(limit), header), {
    name: "ProtocolError",
    message: "A frame's body of 200001 bytes is over the limit of 200000",
  });
});

Deno.test("next() returns the frames before one that is over the limit", () => {
  const decoder = new FrameDecoder(10);
  const bytes = concat(encodeFrame(frame({ id: 1, body: utf8("good") })), encodeFrame(frame({ bodyLength: 11 })));
  decoder.space().set(bytes);
  decoder.filled(bytes.length);
  assert.deepEqual(decoder.next()?.body, utf8("good"));
  assert.throws(() => decoder.next(), ProtocolError);
  assert.throws(() => decoder.next(), ProtocolError, "The stream is of no use any more");
});

for (const kind of [0, LAST_KIND + 1, 255]) {
  Deno.test(`next() refuses a frame when its kind is ${kind}`, () => {
    assert.throws(() => decode(new FrameDecoder(10), encodeFrame(frame({ kind }))), {
      name: "ProtocolError",
      message: `A frame has the unknown kind ${kind}`,
    });
  });
}

Deno.test("next() refuses a frame with flags without an exchange", () => {
  assert.throws(() => decode(new FrameDecoder(10), encodeFrame(frame({ kind: 6, flags: 1 }))), {
    name: "ProtocolError",
    message: "A frame of kind 6 has the unknown flags 1",
  });
});

Deno.test("next() reads the body from the exchange when a frame has flags", () => {
  const asked: [number, number][] = [];
  const bodies: BodySource = {
    read(flags, length) {
      asked.push([flags, length]);
      return pattern(length, flags);
    },
  };
  const bytes = concat(
    encodeFrame(frame({ id: 1, body: utf8("beside") })),
    encodeFrame(frame({ id: 2, metadata: utf8("{}"), flags: 3, bodyLength: 300_000 })),
    encodeFrame(frame({ id: 3, body: utf8("behind") })),
  );
  for (const step of [1, 7, Infinity]) {
    asked.length = 0;
    assertFrames(decode(new FrameDecoder(MIB, bodies), bytes, () => step), [
      frame({ id: 1, body: utf8("beside") }),
      frame({ id: 2, metadata: utf8("{}"), body: pattern(300_000, 3) }),
      frame({ id: 3, body: utf8("behind") }),
    ]);
    assert.deepEqual(asked, [[3, 300_000]]);
  }
});

Deno.test("next() refuses a body in the exchange that is over the limit without reading it", () => {
  const bodies: BodySource = { read: () => assert.fail("It was asked for") };
  const bytes = encodeFrame(frame({ flags: 1, bodyLength: 11 }));
  assert.throws(() => decode(new FrameDecoder(10, bodies), bytes), ProtocolError);
});

Deno.test("parseMetadata() returns an object, or undefined for empty metadata", () => {
  assert.deepEqual(parseMetadata(utf8('{"content_type":"text/plain; ü=\\u20ac"}')), {
    content_type: "text/plain; ü=€",
  });
  assert.deepEqual(parseMetadata(new Uint8Array(0)), {});
});

for (
  const [what, metadata, message] of [
    ["cut off", utf8('{"a":'), "The metadata of a frame does not parse as JSON"],
    [
      "not UTF-8",
      new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      "The metadata of a frame does not parse as JSON",
    ],
    ["an array", utf8("[1]"), "The metadata of a frame is not a JSON object"],
    ["a number", utf8("1"), "The metadata of a frame is not a JSON object"],
    ["null", utf8("null"), "The metadata of a frame is not a JSON object"],
  ] as const
) {
  Deno.test(`parseMetadata() throws a ProtocolError when the metadata is ${what}`, () => {
    assert.throws(() => parseMetadata(metadata), { name: "ProtocolError", message });
  });
}

Deno.test("parseMetadata() returns an object or throws a ProtocolError for any bytes", () => {
  const almostJson = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.json().map(utf8));
  fc.assert(fc.property(almostJson, (metadata) => {
    let value: unknown;
    try {
      value = parseMetadata(metadata);
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
      return;
    }
    assert.ok(typeof value === "object" && value !== null && !Array.isArray(value));
  }));
});

Deno.test("next() returns the intact frames of 2,000 damaged streams, then throws a ProtocolError", () => {
  const maxBody = MIB;
  const step = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 20 }));
  const seen = { damaged: 0, cut: 0, large: 0 };
  fc.assert(
    fc.property(damagedStream, step, (bytes, step) => {
      const expected = readFrames(bytes, maxBody);
      const decoder = new FrameDecoder(maxBody);
      const found: Frame[] = [];
      let error: unknown;
      try {
        for (let offset = 0; offset < bytes.length;) {
          const space = decoder.space();
          assert.ok(space.length > 0, "space() is empty");
          const part = bytes.subarray(offset, offset + Math.min(space.length, step));
          space.set(part);
          decoder.filled(part.length);
          offset += part.length;
          for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
            found.push(next);
            assert.ok(found.length <= expected.frames.length, "next() gives more frames than there are");
          }
        }
      } catch (thrown) {
        if (!(thrown instanceof ProtocolError)) throw thrown;
        error = thrown;
      }
      assertFrames(found, expected.frames);
      assert.equal(error !== undefined, expected.damagedAt !== undefined);
      if (error === undefined) assert.equal(decoder.atBoundary, expected.rest === 0);
      if (error !== undefined) seen.damaged++;
      else if (expected.rest > 0) seen.cut++;
      if (error === undefined && decoder.space().buffer.byteLength > 128 * 1024) seen.large++;
    }),
    { numRuns: 2000 },
  );
  // Check that all intended kinds of damage occur.
  assert.ok(seen.damaged > 100 && seen.cut > 100 && seen.large > 10, JSON.stringify(seen));
});
