import assert from "node:assert/strict";
import { ArchiveError } from "../../../../src/archive/errors.ts";
import { formatSecretKey, generateKey, parseSecretKey } from "../../../../src/archive/sign/secret_key.ts";
import { Signer, Verifier } from "../../../../src/archive/sign/signature.ts";
import { UsageError } from "../../../../src/errors.ts";

const never = () => Promise.reject(new Error("A password was asked for"));
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a Verifier accepts exactly what a Signer signed, in pieces of any size", async () => {
  const secret = await generateKey();
  const signer = new Signer();
  signer.update(bytes("some content"));
  const signature = await signer.sign(secret, { trusted: "t", untrusted: "u" });
  const verifier = (signed = signature) => new Verifier(secret, signed, "a.minisig");
  const good = verifier();
  good.update(bytes("some "));
  good.update(bytes("content"));
  await good.verify();
  const changed = verifier();
  changed.update(bytes("some contents"));
  await assert.rejects(
    changed.verify(),
    /^ArchiveError: The archive does not match its signature 'a.minisig': one of them was changed/,
  );
  const other = verifier({ ...signature, trustedComment: "T" });
  other.update(bytes("some content"));
  await assert.rejects(
    other.verify(),
    /^ArchiveError: The archive has a signature 'a.minisig' whose trusted comment was changed/,
  );
  const another = await generateKey();
  assert.throws(() => new Verifier(another, signature, "a.minisig"), ArchiveError);
  const forged = new Verifier({ ...another, id: secret.id }, signature, "a.minisig");
  forged.update(bytes("some content"));
  await assert.rejects(forged.verify(), ArchiveError);
});

Deno.test("parseSecretKey() reads an unencrypted key of formatSecretKey(), and refuses a corrupt one", async () => {
  const secret = await generateKey();
  const text = await formatSecretKey(secret, undefined);
  assert.deepEqual(await parseSecretKey(text, "k", never), secret);
  const [comment, line] = text.split("\n") as [string, string];
  const damaged = Uint8Array.fromBase64(line);
  damaged[70]! ^= 1;
  for (const wrong of ["", comment, `${comment}\n${line.slice(4)}`, `${comment}\n${damaged.toBase64()}\n`]) {
    await assert.rejects(parseSecretKey(wrong, "k", never), UsageError);
  }
});

Deno.test("parseSecretKey() reads an encrypted key of formatSecretKey(), and refuses a wrong password", async () => {
  const secret = await generateKey();
  const text = await formatSecretKey(secret, "sésame", { operations: 32768n, memoryBytes: 2n ** 24n });
  assert.deepEqual(await parseSecretKey(text, "k", () => Promise.resolve("sésame")), secret);
  await assert.rejects(parseSecretKey(text, "k", () => Promise.resolve("sesame")), /The password of k is wrong/);
});

Deno.test("parseSecretKey() refuses a key whose decryption would take too much memory", async () => {
  const text = await formatSecretKey(await generateKey(), undefined);
  const key = Uint8Array.fromBase64(text.split("\n")[1]!);
  key.set(bytes("Sc"), 2);
  new DataView(key.buffer).setBigUint64(46, 2n ** 40n, true);
  await assert.rejects(
    parseSecretKey(`${text.split("\n")[0]}\n${key.toBase64()}`, "k", never),
    /memory, more than 2147483648$/,
  );
});
