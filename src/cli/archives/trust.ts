/** Signatures that `verify` and `unpack` demand. */

import {
  ArchiveError,
  formatKeyId,
  parsePublicKey,
  parseSignature,
  Verifier,
  type Witness,
} from "../../archive/mod.ts";
import { reasonOf, UsageError } from "../../errors.ts";

/** The options that say whose signature an archive must have. */
export interface TrustOptions {
  /** A file, or a line of base64. */
  readonly key?: string | undefined;
  readonly signature?: string | undefined;
}

/** A demand for a signature. */
export interface Trust {
  readonly witness: Witness;
  /** A line that may be said when it was met; the key's owner has written a part of it. */
  readonly text: string;
}

/** What a public key begins with: the base64 of `Ed` and the first bits of a key's id. */
const KEY_TEXT = /^RW[A-Za-z0-9+/]{54}$/;

/**
 * Prepares to verify an archive's signature, if that is demanded.
 *
 * @throws {UsageError} if key or signature are none
 * @throws {ArchiveError} if the archive has no signature, or one by another key
 */
export function demandSignature(archive: string, { key, signature }: TrustOptions): Trust | undefined {
  if (key === undefined) {
    if (signature !== undefined) {
      throw new UsageError("--signature needs --key: the public key of who should have signed");
    }
    return undefined;
  }
  const publicKey = KEY_TEXT.test(key) ? parsePublicKey(key, "--key") : parsePublicKey(
    read(key, (reason) => new UsageError(`The public key '${key}' can't be read: ${reason}`)),
    `'${key}'`,
  );
  if (archive === "-" && signature === undefined) {
    throw new UsageError("An archive from standard input needs --signature to be verified with --key");
  }
  const file = signature ?? `${archive}.minisig`;
  const missing = (reason: string) => new ArchiveError(`The signature '${file}' can't be read: ${reason}`);
  const parsed = parseSignature(read(file, missing), `'${file}'`);
  return {
    witness: new Verifier(publicKey, parsed, `The signature '${file}'`),
    text: `Signed with the key ${formatKeyId(publicKey.id)}: ${parsed.trustedComment.replaceAll("\t", " ")}`,
  };
}

function read(path: string, problem: (reason: string) => Error): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw problem(reasonOf(error));
  }
}
