/**
 * The SHA-256 digests of many files, one after the other in memory. For a file of a few hundred bytes, the objects that `node:crypto`
 * makes for a hash take several times as long as the hash itself; WebAssembly makes none, and is fast from the first call on.
 */

import { SHA256_WASM } from "./sha256_wasm.ts";

/** The exports of the module `assembly/sha256.ts`, where they are described. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly MAX_CONTENT: WebAssembly.Global;
  readonly CONTENT: WebAssembly.Global;
  readonly DIGESTS: WebAssembly.Global;
  digest(size: number, index: number): void;
}

const DIGEST_BYTES = 32;
/** The memory grows by this many pages of 64 KiB, which are 2048 digests each. */
const MORE_PAGES = 4;

/** The digests of contents. */
export class Digests {
  readonly #exports: Exports;
  readonly #content: number;
  readonly #start: number;
  #memory: Uint8Array;
  #count = 0;
  /** The longest content of which {@linkcode addSmall} makes a digest, in bytes. */
  readonly maxSmall: number;

  constructor() {
    const module = new WebAssembly.Module(Uint8Array.fromBase64(SHA256_WASM));
    this.#exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    this.#content = this.#exports.CONTENT.value;
    this.#start = this.#exports.DIGESTS.value;
    this.maxSmall = this.#exports.MAX_CONTENT.value;
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
  }

  /** Adds the digest of a small content: `bytes` from `start` to `end`. @returns its index */
  addSmall(bytes: Uint8Array, start: number, end: number): number {
    const index = this.#next();
    const memory = this.#memory;
    const to = this.#content - start;
    for (let i = start; i < end; i++) memory[to + i] = bytes[i]!;
    this.#exports.digest(end - start, index);
    return index;
  }

  /** Adds a digest that was made elsewhere. @param digest 32 bytes @returns its index */
  add(digest: Uint8Array): number {
    const index = this.#next();
    this.#memory.set(digest, this.#start + index * DIGEST_BYTES);
    return index;
  }

  /** All digests in hexadecimal digits, in the order of their indices: 64 characters each. */
  toHex(): string {
    return this.#memory.subarray(this.#start, this.#start + this.#count * DIGEST_BYTES).toHex();
  }

  /** Makes room for a digest, and returns its index. */
  #next(): number {
    const index = this.#count++;
    if (this.#start + this.#count * DIGEST_BYTES > this.#memory.length) {
      this.#exports.memory.grow(MORE_PAGES);
      this.#memory = new Uint8Array(this.#exports.memory.buffer);
    }
    return index;
  }
}
