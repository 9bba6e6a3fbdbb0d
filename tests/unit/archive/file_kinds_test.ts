import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { describeFile } from "../../../src/archive/file_kinds.ts";

const bytes = (...parts: readonly (string | readonly number[])[]) =>
  new Uint8Array(parts.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : part));

const KINDS: readonly (readonly [Uint8Array, RegExp])[] = [
  [bytes("PK\x03\x04rest"), /^a zip file: unzip/],
  [bytes([0xfd], "7zXZ\0"), /^an xz file: convert it with 'xz -dc/],
  [bytes([0x28, 0xb5, 0x2f, 0xfd, 0]), /^a zstd file: convert it with 'zstd -dc/],
  [bytes("BZh9"), /^a bzip2 file/],
  [bytes("a.txt", Array(252).fill(0), "ustar\0"), /^an uncompressed tar archive: compress it with 'gzip/],
  [bytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), /^a pointer of Git LFS.*git lfs pull/],
  [bytes("\n<!DOCTYPE html><html>"), /^a web page/],
  [bytes("<HTML>"), /^a web page/],
  [bytes(`{"error": "not found"}`), /^text, such as a server's error/],
];

for (const [file, says] of KINDS) {
  Deno.test(`describeFile() finds ${says.source} in ${JSON.stringify(String.fromCharCode(...file.subarray(0, 12)))}`, () => {
    assert.match(describeFile(file)!, says);
  });
}

Deno.test("describeFile() returns undefined for other files", () => {
  assert.equal(describeFile(bytes("what is this")), undefined);
  assert.equal(describeFile(bytes("")), undefined);
  assert.equal(describeFile(gzipSync("x")), undefined);
});
