import assert from "node:assert/strict";
import { ArchiveError } from "../../../src/archive/errors.ts";
import { TarDecoder } from "../../../src/archive/tar/decode.ts";
import { concat, utf8 } from "../helper/bytes.ts";
import { END, paxEntry, rawEntry } from "../helper/tar.ts";

const SIGNED = rawEntry({ name: "signed/\xe9", content: "x" });
SIGNED.fill(0x20, 148, 156);
SIGNED.set(utf8(SIGNED.subarray(0, 512).reduce((sum, byte) => sum + (byte << 24 >> 24), 0).toString(8)), 148);

const TAR = concat(
  rawEntry({ name: "m/", type: "5" }),
  rawEntry({ name: "m/a", content: "0123456789", mode: 0o755 }),
  rawEntry({ name: "m/empty" }),
  paxEntry({ path: "m/größe" }),
  rawEntry({ name: "x", content: "abc".repeat(1000) }),
  rawEntry({ name: "name", prefix: "m/prefix", content: "p" }),
  rawEntry({ name: "m/link", type: "2", target: "a" }),
  SIGNED,
  END,
);

/** Decodes an archive that comes in pieces of `size` bytes, each of which begins at `offset` in its buffer. */
function decode(tar: Uint8Array, size: number, offset: number): string[] {
  const found: string[] = [];
  let text = "";
  const decoder = new TarDecoder({
    onEntry({ path, kind, size, mode, mtime, target }) {
      found.push([path, kind, size, mode.toString(8), mtime, target].join(" "));
      text = "";
    },
    onData: (bytes, start, end) => text += new TextDecoder().decode(bytes.subarray(start, end)),
    onEnd: () => found.push(text),
  });
  for (let at = 0; at < tar.length; at += size) {
    const piece = tar.subarray(at, at + size);
    const bytes = new Uint8Array(offset + piece.length).subarray(offset);
    bytes.set(piece);
    decoder.push(bytes);
  }
  decoder.finish();
  return found;
}

Deno.test("TarDecoder reads the same from pieces of any size, anywhere in memory", () => {
  const whole = decode(TAR, TAR.length, 0);
  assert.equal(whole.length, 14);
  assert.ok(whole.includes("m/a file 10 755 1000000000 ") && whole.includes("0123456789"));
  assert.ok(whole.includes("m/größe file 3000 644 1000000000 ") && whole.includes("abc".repeat(1000)));
  assert.ok(whole.includes("signed/é file 1 644 1000000000 "));
  for (const size of [1, 7, 511, 512, 513, 1024, 2000, TAR.length]) {
    for (const offset of [0, 1, 2, 3, 4, 512]) assert.deepEqual(decode(TAR, size, offset), whole, `${size} ${offset}`);
  }
});

Deno.test("TarDecoder finds a wrong bit of a header wherever it is in memory", () => {
  for (const at of [0, 99, 130, 150, 260, 344, 511]) {
    const tar = TAR.slice();
    tar[512 + at]! ^= 1;
    for (const offset of [0, 1, 2, 3]) {
      for (const size of [100, tar.length]) {
        assert.throws(() => decode(tar, size, offset), (error) => {
          assert.ok(error instanceof ArchiveError);
          assert.match(error.reason, /the tar header at byte 512 has a wrong checksum/);
          return true;
        });
      }
    }
  }
});
