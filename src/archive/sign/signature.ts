/** Makes and verifies signatures of files whose bytes come in pieces. */

import { createHash } from "node:crypto";
import { ArchiveError } from "../errors.ts";
import { formatKeyId, globallySigned, type PublicKey, type Signature } from "./format.ts";
import { importSeed, type SecretKey } from "./secret_key.ts";

/** A legacy signature covers the file instead of its hash, so the whole file must fit into memory; the limit in bytes. */
const MAX_LEGACY_BYTES = 1024 * 1024 * 1024;

/** The comments of a signature: the trusted one is signed as well. */
export interface Comments {
  readonly trusted: string;
  readonly untrusted: string;
}

/** Signs a file whose bytes come in pieces. */
export class Signer {
  readonly #hash = createHash("blake2b512");

  /** Adds the next bytes of the file. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Makes the signature of all bytes so far. */
  async sign(secret: SecretKey, { trusted, untrusted }: Comments): Promise<Signature> {
    const key = await importSeed(secret.seed);
    const sign = async (bytes: Uint8Array<ArrayBuffer>) =>
      new Uint8Array(await crypto.subtle.sign("Ed25519", key, bytes));
    const signature = await sign(new Uint8Array(this.#hash.digest()));
    return {
      prehashed: true,
      keyId: secret.id,
      signature,
      untrustedComment: untrusted,
      trustedComment: trusted,
      globalSignature: await sign(globallySigned(signature, trusted)),
    };
  }
}

/** Verifies a file, whose bytes come in pieces, against a signature. */
export class Verifier {
  readonly #publicKey: PublicKey;
  readonly #signature: Signature;
  readonly #name: string;
  readonly #hash = createHash("blake2b512");
  readonly #whole: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;

  /**
   * @param name the signature's file, for error messages
   * @throws {ArchiveError} if another key made the signature
   */
  constructor(publicKey: PublicKey, signature: Signature, name: string) {
    const [wanted, found] = [formatKeyId(publicKey.id), formatKeyId(signature.keyId)];
    if (wanted !== found) {
      throw new ArchiveError(
        `can't be verified: its signature '${name}' was made with the key ${found}, not with ${wanted}`,
      );
    }
    this.#publicKey = publicKey;
    this.#signature = signature;
    this.#name = name;
  }

  /**
   * Adds the next bytes of the file.
   *
   * @throws {ArchiveError} if the file is too large for a legacy signature
   */
  update(bytes: Uint8Array): void {
    if (this.#signature.prehashed) {
      this.#hash.update(bytes);
      return;
    }
    this.#length += bytes.length;
    if (this.#length > MAX_LEGACY_BYTES) {
      throw new ArchiveError(
        `can't be verified: its legacy signature '${this.#name}' is limited to ${MAX_LEGACY_BYTES} bytes; sign it again`,
      );
    }
    this.#whole.push(bytes.slice());
  }

  /**
   * Compares all bytes with the signature.
   *
   * @throws {ArchiveError} if the file, the signature or the trusted comment was changed
   */
  async verify(): Promise<void> {
    const { prehashed, signature, trustedComment, globalSignature } = this.#signature;
    const key = await crypto.subtle.importKey("raw", this.#publicKey.key, "Ed25519", false, ["verify"]);
    const signed = prehashed
      ? new Uint8Array(this.#hash.digest())
      : new Uint8Array(await new Blob(this.#whole).arrayBuffer());
    if (!await crypto.subtle.verify("Ed25519", key, signature, signed)) {
      throw new ArchiveError(`does not match its signature '${this.#name}': one of them was changed`);
    }
    if (!await crypto.subtle.verify("Ed25519", key, globalSignature, globallySigned(signature, trustedComment))) {
      throw new ArchiveError(`has a signature '${this.#name}' whose trusted comment was changed`);
    }
  }
}
