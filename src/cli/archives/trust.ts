/** Signatures that commands demand with `--key`. */

import { ArchiveError } from "../../archive/errors.ts";
import type { Witness } from "../../archive/scan.ts";
import { formatKeyId, parsePublicKey, parseSignature } from "../../archive/sign/format.ts";
import { Verifier } from "../../archive/sign/signature.ts";
import { reasonOf, UsageError } from "../../errors.ts";
import { readText } from "../../files.ts";

/** The options that demand a signature. */
export interface TrustOptions {
  /** The public key: a file, or a line of base64. */
  readonly key?: string | undefined;
  /** The signature's file. @default the archive's path and `.minisig` */
  readonly signature?: string | undefined;
}

/** A signature that is verified while the archive is read. */
export interface Trust {
  readonly witness: Witness;
  /** The key's id, and what was signed with the archive. */
  readonly keyId: string;
  readonly trustedComment: string;
  /** A line to show once the signature is verified; it contains the trusted comment. */
  readonly text: string;
}

/** A public key as text: the base64 of `Ed`, id and key. */
const KEY_TEXT = /^RW[A-Za-z0-9+/]{54}$/;

/**
 * Prepares to verify an archive's signature.
 *
 * @returns undefined if no signature is demanded
 * @throws {UsageError} if the key or the signature does not parse
 * @throws {ArchiveError} if the archive has no signature, or one by another key
 */
export function demandSignature(archive: string, { key, signature }: TrustOptions): Trust | undefined {
  if (key === undefined) {
    if (signature !== undefined) {
      throw new UsageError("--signature needs --key, the signer's public key");
    }
    return undefined;
  }
  const publicKey = KEY_TEXT.test(key)
    ? parsePublicKey(key, "--key")
    : parsePublicKey(readText(key, "public key"), `'${key}'`);
  if (archive === "-" && signature === undefined) {
    throw new UsageError("An archive from standard input needs --signature to be verified with --key");
  }
  const file = signature ?? `${archive}.minisig`;
  const parsed = parseSignature(readSignature(file), `'${file}'`);
  const keyId = formatKeyId(publicKey.id);
  const { trustedComment } = parsed;
  return {
    witness: new Verifier(publicKey, parsed, file),
    keyId,
    trustedComment,
    text: `Signed with the key ${keyId}: ${trustedComment.replaceAll("\t", " ")}`,
  };
}

/** @throws {ArchiveError} if it can't be read: an archive without a signature is not one with a wrong option */
function readSignature(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw new ArchiveError(`can't be verified: its signature '${path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
}
