/**
 * Reads and writes minisign's secret key files: a comment, then base64 of `Ed`, the key derivation (`Sc` for scrypt, two zeros for
 * none), `B2`, salt (32), and scrypt's limits (two u64). The rest is encrypted by XOR with scrypt's output: key id (8), Ed25519
 * seed (32), public key (32), and the BLAKE2b-256 (32) of `Ed`, key id and key.
 */

import { UsageError } from "../../errors.ts";
import { decode, formatKeyId, join, type KeyId, linesOf, type PublicKey } from "./format.ts";

/** A secret key, which makes signatures. */
export interface SecretKey extends PublicKey {
  /** The Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array<ArrayBuffer>;
}

/** Asks for a key's password. */
export type AskPassword = () => Promise<string>;

const COMMENT = "untrusted comment: ";
const HEAD_BYTES = 54;
const SECRET_BYTES = 104;

/** What libsodium calls limits: how much work and memory it takes to derive a key from a password. */
export interface ScryptLimits {
  readonly operations: bigint;
  readonly memoryBytes: bigint;
}

/** libsodium's `SENSITIVE`, which minisign uses: 2^20 rounds of 1 KiB, 1 GiB of memory. */
const SENSITIVE: ScryptLimits = { operations: 2n ** 25n, memoryBytes: 2n ** 30n };
/** The most memory that a key file can make this program allocate, in bytes: twice of what minisign needs. */
const MAX_MEMORY_BYTES = 2n ** 31n;

/** Generates a random key pair. */
export async function generateKey(): Promise<SecretKey> {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const id: KeyId = crypto.getRandomValues(new Uint8Array(8));
  return { id, seed, key: await publicKeyOf(seed) };
}

/**
 * Formats a secret key as minisign's file.
 *
 * @param password encrypts the key; undefined leaves it unencrypted
 * @param scrypt lower limits than minisign's make a key that is quick to decrypt, but easier to guess the password of
 */
export async function formatSecretKey(
  secret: SecretKey,
  password: string | undefined,
  scrypt: ScryptLimits = SENSITIVE,
): Promise<string> {
  const { id, seed, key } = secret;
  const salt = password === undefined ? new Uint8Array(32) : crypto.getRandomValues(new Uint8Array(32));
  const limits = new DataView(new ArrayBuffer(16));
  if (password !== undefined) {
    limits.setBigUint64(0, scrypt.operations, true);
    limits.setBigUint64(8, scrypt.memoryBytes, true);
  }
  const plain = join(id, seed, key, await checksum(id, seed, key));
  const body = password === undefined ? plain : xor(plain, await derive(password, salt, scrypt));
  const method = password === undefined ? "\0\0" : "Sc";
  const whole = join("Ed", method, "B2", salt, new Uint8Array(limits.buffer), body);
  return `${COMMENT}minisign ${password === undefined ? "" : "encrypted "}secret key\n${whole.toBase64()}\n`;
}

/**
 * Parses the text of minisign's secret key file, and decrypts the key.
 *
 * @param name names the file in error messages
 * @param askPassword is called if the key is encrypted
 * @throws {UsageError} if the text is not a secret key, or the password is wrong
 */
export async function parseSecretKey(text: string, name: string, askPassword: AskPassword): Promise<SecretKey> {
  const [comment, line] = linesOf(text);
  const bytes = decode(line);
  const head = String.fromCharCode(...bytes?.subarray(0, 6) ?? []);
  if (!comment?.startsWith(COMMENT) || bytes?.length !== HEAD_BYTES + SECRET_BYTES || !/^Ed(Sc|\0\0)B2$/.test(head)) {
    throw new UsageError(`${name} is not a minisign secret key`);
  }
  const encrypted = head.slice(2, 4) === "Sc";
  let body = bytes.subarray(HEAD_BYTES);
  if (encrypted) {
    const limits = new DataView(bytes.buffer, 38, 16);
    const scrypt = { operations: limits.getBigUint64(0, true), memoryBytes: limits.getBigUint64(8, true) };
    if (scrypt.operations > 2n ** 40n || scrypt.memoryBytes > MAX_MEMORY_BYTES) {
      throw new UsageError(
        `${name} can't be decrypted: that would take ${scrypt.memoryBytes} bytes of memory, more than ${MAX_MEMORY_BYTES}`,
      );
    }
    body = xor(body, await derive(await askPassword(), bytes.subarray(6, 38), scrypt));
  }
  const [id, seed, key] = [body.slice(0, 8), body.slice(8, 40), body.slice(40, 72)];
  const expected = await checksum(id, seed, key);
  if (!expected.every((byte, i) => byte === body[72 + i])) {
    throw new UsageError(encrypted ? `The password of ${name} is wrong` : `${name} is corrupt: its checksum is wrong`);
  }
  const actual = await publicKeyOf(seed);
  if (!actual.every((byte, i) => byte === key[i])) {
    throw new UsageError(`${name} is corrupt: the secret and the public half of key ${formatKeyId(id)} do not match`);
  }
  return { id, seed, key };
}

/** Imports a seed into Web Crypto, for signing. */
export async function importSeed(seed: Uint8Array): Promise<CryptoKey> {
  // The PKCS #8 form of an Ed25519 key (RFC 8410) is these bytes, then the seed.
  const pkcs8 = join(Uint8Array.fromHex("302e020100300506032b657004220420"), seed);
  return await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
}

async function publicKeyOf(seed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const { x } = await crypto.subtle.exportKey("jwk", await importSeed(seed));
  return Uint8Array.fromBase64(x!, { alphabet: "base64url" });
}

async function checksum(...parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const { blake2b } = await import("@noble/hashes/blake2.js");
  return blake2b(join("Ed", ...parts), { dkLen: 32 });
}

/** Derives a key as libsodium's `crypto_pwhash_scryptsalsa208sha256` does, whose `pickparams` turns limits into scrypt's parameters. */
async function derive(
  password: string,
  salt: Uint8Array,
  { operations, memoryBytes }: ScryptLimits,
): Promise<Uint8Array> {
  const { scryptAsync } = await import("@noble/hashes/scrypt.js");
  const r = 8n;
  const limited = operations < 32768n ? 32768n : operations;
  const byOperations = limited < memoryBytes / 32n;
  const maxN = byOperations ? limited / (r * 4n) : memoryBytes / (r * 128n);
  let log2 = 1n;
  while (log2 < 63n && 2n ** log2 <= maxN / 2n) log2++;
  const p = byOperations ? 1n : min(limited / 4n / 2n ** log2, 0x3fffffffn) / r;
  return await scryptAsync(password, salt, {
    N: Number(2n ** log2),
    r: Number(r),
    p: Number(p),
    dkLen: SECRET_BYTES,
    maxmem: 2 ** 32,
    // Yield to the event loop for signals, in ms.
    asyncTick: 100,
  });
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(a, (byte, i) => byte ^ b[i]!);
}
