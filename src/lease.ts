/** Bytes of shared memory, and how many use them: the memory is reused only when nobody does. */

import { detach } from "./memory.ts";

/** The use of a range of shared memory, which several holders may share. Its creator is the first one. */
export class Lease {
  readonly #onFree: () => void;
  #holders = 1;

  /**
   * @param bytes in a buffer of their own, which is detached at the end: after that, they are empty for everybody who still has them
   * @param flags the flags of a frame whose body these bytes are: they name the slot
   * @param onFree called once, when nobody uses the bytes any more
   */
  constructor(readonly bytes: Uint8Array<ArrayBuffer>, readonly flags: number, onFree: () => void) {
    this.#onFree = onFree;
  }

  /** Whether `body` is the end of the bytes, or all of them: then a frame can refer to it by its length and the slot. */
  endsWith(body: Uint8Array<ArrayBuffer>): boolean {
    const { bytes } = this;
    return body.buffer === bytes.buffer && body.byteOffset + body.length === bytes.byteOffset + bytes.length;
  }

  /** Adds a holder. @throws {RangeError} if the bytes are free already */
  retain(): void {
    if (this.#holders === 0) throw new RangeError("The memory is not in use any more");
    this.#holders++;
  }

  /** Removes a holder. @throws {RangeError} if the bytes are free already */
  release(): void {
    if (this.#holders === 0) throw new RangeError("The memory is not in use any more");
    if (--this.#holders > 0) return;
    detach(this.bytes);
    this.#onFree();
  }
}
