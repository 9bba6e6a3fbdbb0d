/**
 * The supervisor's side of the ledger: a small memory-mapped file in which a worker notes which request it has begun and
 * gathers its answers. Both survive the worker's death (see `python/aimodellib/_bridge/ledger.py`).
 *
 *     0   u32  started: id of the request whose execution began last
 *     4   u16  pending: bytes of answers, from offset 20, that may not have been sent yet
 *     6   u16  flushes: how often pending was reset, modulo 2^16; both are stored at once, as one word
 *     8   u32  how many bodies of answers the supervisor has read from the exchange
 *     12  u32  how many bodies of requests the worker has read from the exchange
 *     16  u32  recalled: the supervisor has taken back all requests up to this id that the worker has not begun; 0 for none
 *     20  answers: complete frames
 */

import { type BodySource, type Frame, FrameDecoder } from "./frame.ts";

/** Where each word, and the answers, begin in the file, in bytes; `_bridge/ledger.py` uses the same offsets. */
export const OFFSETS = { started: 0, pending: 4, answersRead: 8, requestsRead: 12, recalled: 16, answers: 20 } as const;

/** Room for 64 answers of 1 KiB: a full window of small ones. A worker that runs out of room flushes its answers. */
const LEDGER_BYTES = 64 * 1024;

/** The content of a worker's ledger. */
export interface LedgerEntries {
  /** Id of the request whose execution began last; 0 if none did. */
  readonly started: number;
  /** Finished answers. The worker may have sent some of them already. */
  readonly answers: readonly Frame[];
  /** The first two words, as {@linkcode Ledger.words} gives them. */
  readonly words: bigint;
}

/** One worker's ledger. Its file is unlinked once the worker has mapped it, so nothing is left on the disk. */
export class Ledger implements Disposable {
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #word = new Uint8Array(4);
  readonly #wordView = new DataView(this.#word.buffer);

  /** @throws {Deno.errors} if the file can't be created, or the disk has no room for all of it */
  constructor(path: string) {
    this.path = path;
    this.#file = Deno.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
    try {
      // Write zeros instead of setting the length: on a full disk, a worker that stores into a hole of a mapped file is killed.
      const empty = new Uint8Array(LEDGER_BYTES);
      for (let written = 0; written < empty.length;) written += this.#file.writeSync(empty.subarray(written));
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** How many bodies of requests the worker has read from the exchange. */
  requestsRead(): number {
    this.#read(OFFSETS.requestsRead, this.#word);
    return this.#wordView.getUint32(0, true);
  }

  /** Tells the worker how many bodies of answers have been read from the exchange. */
  countAnswerRead(count: number): void {
    this.#write(OFFSETS.answersRead, count);
  }

  /** Takes back all requests up to this id that the worker has not begun. */
  recall(id: number): void {
    this.#write(OFFSETS.recalled, id);
  }

  #write(offset: number, value: number): void {
    this.#wordView.setUint32(0, value, true);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let written = 0; written < this.#word.length;) written += this.#file.writeSync(this.#word.subarray(written));
  }

  /**
   * Reads the ledger of a dead worker. Its content is checked like everything that a worker sends.
   *
   * @param maxBody the longest body that is accepted, in bytes
   * @param exchange the store of large bodies
   * @throws {Deno.errors} if the file can't be read
   */
  read(maxBody: number, exchange: BodySource): LedgerEntries {
    return parse(this.#readAll(), maxBody, exchange);
  }

  /**
   * The first two words: `started`, and `pending` with `flushes`. The second word never gets a value twice: `pending` only grows until it
   * is reset, and each reset changes `flushes`. If both words are unchanged, the worker has stored nothing in between, apart from stores
   * that are not visible yet.
   */
  words(): bigint {
    const words = new BigUint64Array(1);
    this.#read(0, new Uint8Array(words.buffer));
    return words[0]!;
  }

  /**
   * Reads the ledger of a living worker, with the answers before the first one whose body is in the exchange or in shared memory.
   *
   * @param maxBody the longest body that is accepted, in bytes
   * @returns undefined if the worker wrote to the ledger during the read
   */
  peek(maxBody: number): LedgerEntries | undefined {
    const noted = parse(this.#readAll(), maxBody);
    return this.words() === noted.words ? noted : undefined;
  }

  #readAll(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(LEDGER_BYTES);
    this.#read(0, bytes);
    return bytes;
  }

  /** Fills `bytes` from the file. If the file is too short, the rest keeps its zeros. */
  #read(offset: number, bytes: Uint8Array): void {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let length = 0; length < bytes.length;) {
      const count = this.#file.readSync(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function parse(bytes: Uint8Array<ArrayBuffer>, maxBody: number, exchange?: BodySource): LedgerEntries {
  const view = new DataView(bytes.buffer);
  const started = view.getUint32(0, true);
  const pending = Math.min(view.getUint16(OFFSETS.pending, true), LEDGER_BYTES - OFFSETS.answers);
  const decoder = new FrameDecoder(maxBody, exchange);
  decoder.space().set(bytes.subarray(OFFSETS.answers, OFFSETS.answers + pending));
  decoder.filled(pending);
  const answers: Frame[] = [];
  try {
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) answers.push(frame);
  } catch {
    // A worker that corrupts its memory may have damaged the ledger. The frames before the damage are still valid.
  }
  return { started, answers, words: view.getBigUint64(0, true) };
}
