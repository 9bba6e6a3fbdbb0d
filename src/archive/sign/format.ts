/**
 * Reads and writes minisign's key and signature files (https://jedisct1.github.io/minisign/). Numbers are little-endian.
 *
 * - Public key: a comment; base64 of `Ed`, key id (8), Ed25519 key (32).
 * - Signature: a comment; base64 of algorithm (2), key id (8), Ed25519 signature (64); the trusted comment; base64 of the
 *   signature (64) of that signature and the trusted comment. The algorithm is `ED` for a signature of the file's BLAKE2b-512,
 *   or `Ed`, in older versions, for a signature of the file itself.
 * - Secret key: see `secret_key.ts`.
 */

import { UsageError } from "../../errors.ts";

/** A random identifier of a key pair, 8 bytes. */
export type KeyId = Uint8Array<ArrayBuffer>;

/** A public key, which verifies signatures. */
export interface PublicKey {
  readonly id: KeyId;
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array<ArrayBuffer>;
}

/** The content of a minisign signature file. */
export interface Signature {
  /** Whether the signature covers the file's BLAKE2b-512, not the file itself. */
  readonly prehashed: boolean;
  readonly keyId: KeyId;
  /** The Ed25519 signature, 64 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** Not signed: anyone can change it. */
  readonly untrustedComment: string;
  readonly trustedComment: string;
  /** The Ed25519 signature of the signature and the trusted comment, 64 bytes. */
  readonly globalSignature: Uint8Array<ArrayBuffer>;
}

const UNTRUSTED = "untrusted comment: ";
const TRUSTED = "trusted comment: ";
const LEGACY = "Ed";
const PREHASHED = "ED";

/**
 * The little-endian y coordinates of the eight points of Ed25519 whose order divides 8, including those written as y + p. libsodium
 * refuses the same keys.
 */
const LOW_ORDER: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/** Formats a key id as minisign does: the little-endian number in hexadecimal digits. */
export function formatKeyId(id: KeyId): string {
  return id.toReversed().toHex().toUpperCase();
}

/**
 * Parses a public key: the text of a file, or its line of base64 alone.
 *
 * @param name names the key in error messages
 * @throws {UsageError} if the text is not a public key, or the key is unsafe
 */
export function parsePublicKey(text: string, name: string): PublicKey {
  const lines = linesOf(text);
  const [line, ...rest] = lines[0]?.startsWith(UNTRUSTED) ? lines.slice(1) : lines;
  const bytes = decode(line);
  if (bytes?.length !== 42 || algorithm(bytes) !== LEGACY || rest.length > 0) {
    throw new UsageError(
      `${name} is not a minisign public key, which has a comment and a line of 56 characters that starts with RW`,
    );
  }
  const key = bytes.slice(10);
  if (isOfLowOrder(key)) {
    throw new UsageError(
      `${name} is not a safe key: it is a point of low order, for which anyone can forge signatures`,
    );
  }
  return { id: bytes.slice(2, 10), key };
}

/** Whether a key is a point of low order, in any encoding; the last bit is the sign of x. */
function isOfLowOrder(key: Uint8Array): boolean {
  return LOW_ORDER.has(key.with(31, key[31]! & 0x7f).toHex());
}

/** Writes a public key as minisign's file of two lines. */
export function formatPublicKey({ id, key }: PublicKey): string {
  return `${UNTRUSTED}minisign public key ${formatKeyId(id)}\n${join(LEGACY, id, key).toBase64()}\n`;
}

/**
 * Parses a signature file.
 *
 * @param name names the file in error messages
 * @throws {UsageError} if the text is not a signature
 */
export function parseSignature(text: string, name: string): Signature {
  const [untrusted, first, trusted, second, ...rest] = linesOf(text);
  const bytes = decode(first);
  const globalSignature = decode(second);
  const prehashed = bytes !== undefined && algorithm(bytes) === PREHASHED;
  if (
    !untrusted?.startsWith(UNTRUSTED) || !trusted?.startsWith(TRUSTED) || bytes?.length !== 74 ||
    globalSignature?.length !== 64 || !(prehashed || algorithm(bytes) === LEGACY) || rest.length > 0
  ) {
    throw new UsageError(
      `${name} is not a minisign signature, which has four lines: two comments and two lines of base64`,
    );
  }
  return {
    prehashed,
    keyId: bytes.slice(2, 10),
    signature: bytes.slice(10),
    untrustedComment: untrusted.slice(UNTRUSTED.length),
    trustedComment: trusted.slice(TRUSTED.length),
    globalSignature,
  };
}

/** Writes a signature as minisign's file of four lines. */
export function formatSignature(parsed: Signature): string {
  const { prehashed, keyId, signature, untrustedComment, trustedComment, globalSignature } = parsed;
  return `${UNTRUSTED}${untrustedComment}\n` +
    `${join(prehashed ? PREHASHED : LEGACY, keyId, signature).toBase64()}\n` +
    `${TRUSTED}${trustedComment}\n${globalSignature.toBase64()}\n`;
}

/** The bytes that the global signature covers. */
export function globallySigned(signature: Uint8Array, trustedComment: string): Uint8Array<ArrayBuffer> {
  return join(signature, trustedComment);
}

/** Concatenates bytes and UTF-8 text. */
export function join(...parts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const arrays = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const whole = new Uint8Array(arrays.reduce((length, { length: more }) => length + more, 0));
  let offset = 0;
  for (const array of arrays) {
    whole.set(array, offset);
    offset += array.length;
  }
  return whole;
}

/** The lines of a text file, without the last line ending. */
export function linesOf(text: string): string[] {
  return text.replace(/\r?\n$/, "").split(/\r?\n/);
}

/** Decodes a line of base64; undefined if it is not valid. */
export function decode(line: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  try {
    return line === undefined ? undefined : Uint8Array.fromBase64(line.trim());
  } catch {
    return undefined;
  }
}

function algorithm(bytes: Uint8Array): string {
  return String.fromCharCode(bytes[0] ?? 0, bytes[1] ?? 0);
}
