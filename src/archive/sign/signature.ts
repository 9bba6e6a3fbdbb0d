/** Signs a file, and verifies that it was, while its bytes pass by. */

import { createHash } from "node:crypto";
import { ArchiveError } from "../errors.ts";
import { formatKeyId, globallySigned, type PublicKey, type Signature } from "./format.ts";
import { importSeed, type SecretKey } from "./secret_key.ts";

/** A file whose signature is not of its hash has to be in memory whole, up to this, in bytes. */
const MAX_LEGACY_BYTES = 1024 * 1024 * 1024;

/** Comments of a signature. */
export interface Comments {
  readonly trusted: string;
  readonly untrusted: string;
}

/** Signs what passes by. */
export class Signer {
  readonly #hash = createHash("blake2b512");

  /** Takes bytes of the file, in order. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Signs all of them. */
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

/** Verifies what passes by. */
export class Verifier {
  readonly #publicKey: PublicKey;
  readonly #signature: Signature;
  readonly #name: string;
  readonly #hash = createHash("blake2b512");
  readonly #whole: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;

  /**
   * @param name what a message calls the signature
   * @throws {ArchiveError} if the signature is by another key
   */
  constructor(publicKey: PublicKey, signature: Signature, name: string) {
    const [wanted, found] = [formatKeyId(publicKey.id), formatKeyId(signature.keyId)];
    if (wanted !== found) throw new ArchiveError(`${name} was made with the key ${found}, not with ${wanted}`);
    this.#publicKey = publicKey;
    this.#signature = signature;
    this.#name = name;
  }

  /**
   * Takes bytes of the file, in order.
   *
   * @throws {ArchiveError} if the file is too large for a signature that is not of its hash
   */
  update(bytes: Uint8Array): void {
    if (this.#signature.prehashed) {
      this.#hash.update(bytes);
      return;
    }
    this.#length += bytes.length;
    if (this.#length > MAX_LEGACY_BYTES) {
      throw new ArchiveError(
        `${this.#name} is of an old kind, for files of at most ${MAX_LEGACY_BYTES} bytes: sign the archive again`,
      );
    }
    this.#whole.push(bytes.slice());
  }

  /**
   * Verifies all of them.
   *
   * @throws {ArchiveError} if they are not what was signed
   */
  async verify(): Promise<void> {
    const { prehashed, signature, trustedComment, globalSignature } = this.#signature;
    const key = await crypto.subtle.importKey("raw", this.#publicKey.key, "Ed25519", false, ["verify"]);
    const signed = prehashed
      ? new Uint8Array(this.#hash.digest())
      : new Uint8Array(await new Blob(this.#whole).arrayBuffer());
    if (!await crypto.subtle.verify("Ed25519", key, signature, signed)) {
      throw new ArchiveError(`${this.#name} does not fit the archive: one of them was changed`);
    }
    if (!await crypto.subtle.verify("Ed25519", key, globalSignature, globallySigned(signature, trustedComment))) {
      throw new ArchiveError(`The trusted comment of ${this.#name} was changed`);
    }
  }
}
