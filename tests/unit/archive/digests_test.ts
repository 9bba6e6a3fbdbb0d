import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Digests } from "../../../src/archive/sha256/digests.ts";
import { SHA256_SOURCE_SHA256 } from "../../../src/archive/sha256/sha256_wasm.ts";
import { pattern } from "../helper/bytes.ts";

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

Deno.test("Digests makes the digests that node:crypto makes, for every small size", () => {
  const digests = new Digests();
  const bytes = pattern(digests.maxSmall + 100);
  const expected: string[] = [];
  for (let size = 0; size <= digests.maxSmall; size++) {
    const start = size % 100;
    assert.equal(digests.addSmall(bytes, start, start + size), size);
    expected.push(sha256(bytes.subarray(start, start + size)));
  }
  assert.deepEqual(digests.toHex().match(/.{64}/g), expected);
});

Deno.test("Digests keeps thousands of digests, some of them made elsewhere, in their order", () => {
  const digests = new Digests();
  const expected: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    const content = Uint8Array.of(i, i >> 8);
    const digest = createHash("sha256").update(content).digest();
    assert.equal(i % 3 === 0 ? digests.add(digest) : digests.addSmall(content, 0, 2), i);
    expected.push(digest.toString("hex"));
  }
  assert.equal(digests.toHex(), expected.join(""));
});

Deno.test("sha256_wasm.ts was compiled from the current assembly/sha256.ts", () => {
  const source = Deno.readFileSync(new URL("../../../src/archive/sha256/assembly/sha256.ts", import.meta.url));
  assert.equal(sha256(source), SHA256_SOURCE_SHA256, "run 'scripts/deno task wasm'");
});
