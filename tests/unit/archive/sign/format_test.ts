import assert from "node:assert/strict";
import { generateKey } from "../../../../src/archive/sign/secret_key.ts";
import {
  formatKeyId,
  formatPublicKey,
  formatSignature,
  parsePublicKey,
  parseSignature,
} from "../../../../src/archive/sign/format.ts";
import { UsageError } from "../../../../src/errors.ts";

/** Made by minisign 0.11. */
const PUBLIC_KEY = `untrusted comment: minisign public key 28C2C445D5889965
RWRlmYjVRcTCKAqhQVDs+LGwvQrQXZvFloRAh0A2G0xiFH7tia0kN4T8
`;
const SIGNATURE = `untrusted comment: signature from minisign secret key
RURlmYjVRcTCKAqD7OCt2QVhDy07pu4Muh4vZ2C4rrzuVcTu13Tc8mFqTHtME1dLZHd0aYBTbKS6kTnWBxACldQrinI+UCNYDQU=
trusted comment: timestamp:1795441036	file:f	hashed
3XqKGOI238Jr9/pRsSTRr0g5MHs6hYfAsyMWIuHFiMVGgyMn5Iv0K1yt1nYkRFxtRsc5nfI9DxVQkyCgHH+1AA==
`;

Deno.test("parsePublicKey() and formatPublicKey() reproduce a file of minisign", () => {
  const key = parsePublicKey(PUBLIC_KEY, "k");
  assert.equal(formatKeyId(key.id), "28C2C445D5889965");
  assert.equal(formatPublicKey(key), PUBLIC_KEY);
  assert.deepEqual(parsePublicKey(PUBLIC_KEY.split("\n")[1]!, "k"), key);
  assert.deepEqual(parsePublicKey(PUBLIC_KEY.replaceAll("\n", "\r\n"), "k"), key);
});

Deno.test("parseSignature() and formatSignature() reproduce a file of minisign", () => {
  const signature = parseSignature(SIGNATURE, "s");
  assert.equal(signature.prehashed, true);
  assert.equal(signature.trustedComment, "timestamp:1795441036\tfile:f\thashed");
  assert.equal(formatSignature(signature), SIGNATURE);
});

for (
  const [what, text] of [
    ["is empty", ""],
    ["is too short", PUBLIC_KEY.slice(0, -6)],
    ["is no base64", PUBLIC_KEY.replace("RWRl", "RWR!")],
    ["has another algorithm", PUBLIC_KEY.replace("RWRl", "RXRl")],
    ["goes on", `${PUBLIC_KEY}more\n`],
    ["is a signature", SIGNATURE],
  ] as const
) {
  Deno.test(`parsePublicKey() refuses a text that ${what}`, () => {
    assert.throws(
      () => parsePublicKey(text, "'x'"),
      (error) => error instanceof UsageError && /^'x' is not/.test(error.message),
    );
  });
}

for (
  const [what, text] of [
    ["is empty", ""],
    ["lacks a line", SIGNATURE.split("\n").slice(0, 3).join("\n")],
    ["has another algorithm", SIGNATURE.replace("RURl", "RUVl")],
    ["has no trusted comment", SIGNATURE.replace("trusted comment: t", "comment: t")],
    ["has a short second signature", SIGNATURE.replace("3XqKGOI2", "")],
    ["goes on", `${SIGNATURE}more\n`],
  ] as const
) {
  Deno.test(`parseSignature() refuses a text that ${what}`, () => {
    assert.throws(() => parseSignature(text, "'x'"), UsageError);
  });
}

Deno.test("parsePublicKey() refuses keys of low order, for which anyone can forge signatures", async () => {
  const P = 2n ** 255n - 19n;
  const bytesOf = (y: bigint) => Uint8Array.from({ length: 32 }, (_, i) => Number((y >> BigInt(8 * i)) & 255n));
  const text = (key: Uint8Array) => new Uint8Array([0x45, 0x64, 1, 2, 3, 4, 5, 6, 7, 8, ...key]).toBase64();
  const order8 = [
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ].map((hex) => Uint8Array.fromHex(hex));
  for (const key of [...[0n, 1n, P - 1n, P, P + 1n].map(bytesOf), ...order8]) {
    for (const sign of [0, 0x80]) {
      const signed = key.with(31, key[31]! | sign);
      assert.throws(
        () => parsePublicKey(text(signed), "k"),
        /^UsageError: k is not a safe key: .*anyone can forge signatures$/,
      );
    }
  }
  const good = await generateKey();
  assert.deepEqual(parsePublicKey(text(good.key), "k").key, good.key);
});
