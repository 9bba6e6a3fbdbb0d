import assert from "node:assert/strict";
import zlib from "node:zlib";
import { inflate } from "../../../src/http/inflate.ts";
import { concat, equalBytes, pattern, text, utf8 } from "../helper/bytes.ts";

const MAX = 64 * 1024 * 1024;
const COMPRESSED = {
  gzip: (bytes: Uint8Array) => new Uint8Array(zlib.gzipSync(bytes)),
  deflate: (bytes: Uint8Array) => new Uint8Array(zlib.deflateSync(bytes)),
};

/** Returns bytes that hardly compress. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

for (const [coding, compressed] of Object.entries(COMPRESSED) as ["gzip" | "deflate", typeof COMPRESSED.gzip][]) {
  Deno.test(`inflate() decompresses ${coding} of any size`, async () => {
    // Lengths around the sizes of pieces and chunks, and of the blocks that Adler-32 adds up at once.
    for (const size of [0, 1, 5551, 5552, 5553, 8191, 8192, 8193, 65536, 200_000, 3_000_000]) {
      for (const bytes of [noise(size), new Uint8Array(size).fill(0xff)]) {
        assert.ok(equalBytes(await inflate(compressed(bytes), coding, MAX), bytes), `${size} bytes`);
      }
    }
  });

  Deno.test(`inflate() throws 400 when ${coding} is damaged, truncated anywhere, or followed by other bytes`, async () => {
    const content = '{"instances": [[1, 2, 3], [4, 5, 6]]}';
    const whole = compressed(utf8(content));
    for (let length = 0; length < whole.length; length++) {
      await assert.rejects(inflate(whole.slice(0, length), coding, MAX), { status: 400 }, `${length} bytes`);
    }
    for (const rest of [new Uint8Array(1), utf8("rest"), utf8("a rest that is longer than a header")]) {
      await assert.rejects(inflate(concat(whole, rest), coding, MAX), { status: 400 }, text(rest));
    }
    // Time, level and system in the gzip header do not matter.
    for (let at = coding === "gzip" ? 10 : 0; at < whole.length; at++) {
      const damaged = whole.slice();
      damaged[at]! ^= 0x20;
      // The unused last bits of the deflated data do not matter.
      const got = await inflate(damaged, coding, MAX).then(text, ({ status }) => status);
      assert.ok(got === 400 || got === content, `byte ${at}`);
    }
    for (const damaged of [whole.with(2, 0xff), whole.with(whole.length - 1, whole.at(-1)! ^ 1)]) {
      await assert.rejects(inflate(damaged, coding, MAX), { status: 400 });
    }
  });

  Deno.test(`inflate() accepts ${coding} that decompresses to the limit, and throws 413 for more`, async () => {
    const bytes = new Uint8Array(100_000);
    assert.equal((await inflate(compressed(bytes), coding, 100_000)).length, 100_000);
    await assert.rejects(inflate(compressed(bytes), coding, 99_999), {
      status: 413,
      message: /99999 bytes.*--max-body/,
    });
    await assert.rejects(inflate(compressed(new Uint8Array(MAX)), coding, 1000), { status: 413 });
  });

  Deno.test(`inflate() lets timers run while it decompresses a long ${coding} body`, async () => {
    const bomb = compressed(new Uint8Array(MAX));
    let timers = 0;
    const timer = setInterval(() => timers++, 0);
    await inflate(bomb, coding, MAX);
    clearInterval(timer);
    assert.ok(timers > 0, "No timer ran");
  });
}

Deno.test("inflate() reads several gzip members, and headers with all optional fields", async () => {
  const member = COMPRESSED.gzip(utf8("one "));
  const full = concat(
    Uint8Array.of(0x1f, 0x8b, 8, 0x1f, 0, 0, 0, 0, 0, 3),
    Uint8Array.of(3, 0),
    utf8("ext"),
    utf8("name\0comment\0"),
    Uint8Array.of(0, 0),
    member.subarray(10),
  );
  assert.equal(text(await inflate(concat(member, full, COMPRESSED.gzip(utf8("two"))), "gzip", MAX)), "one one two");
  await assert.rejects(inflate(full.slice(0, 20), "gzip", MAX), { status: 400, message: /truncated/ });
});

Deno.test("inflate() refuses a body with a very large number of gzip members", async () => {
  const member = COMPRESSED.gzip(new Uint8Array(0));
  await assert.rejects(inflate(concat(...Array(1000).fill(member)), "gzip", MAX), { status: 400, message: /members/ });
  // Members as bgzip writes them.
  const block = pattern(64 * 1024);
  const blocks = concat(...Array(100).fill(COMPRESSED.gzip(block)));
  assert.equal((await inflate(blocks, "gzip", MAX)).length, 100 * block.length);
});

Deno.test("inflate() refuses a zlib stream that needs a preset dictionary", async () => {
  const header = 0x7820 + 31 - 0x7820 % 31;
  const bytes = concat(Uint8Array.of(header >> 8, header & 0xff), COMPRESSED.deflate(utf8("hello")).subarray(2));
  await assert.rejects(inflate(bytes, "deflate", MAX), { status: 400 });
});

Deno.test("inflate() announces how much memory it needs next, and stops when that is refused", async () => {
  let held = 0;
  const bytes = noise(1_000_000);
  await inflate(COMPRESSED.gzip(bytes), "gzip", MAX, "", (more) => void (held += more));
  assert.ok(held >= bytes.length && held <= 2 * bytes.length, `${held}`);
  const full = new Error("full");
  const refuse = (more: number) => {
    if ((held += more) > 500_000) throw full;
  };
  held = 0;
  await assert.rejects(inflate(COMPRESSED.gzip(bytes), "gzip", MAX, "", refuse), full);
});
