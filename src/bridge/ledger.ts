/**
 * The supervisor's side of the ledger: the small memory-mapped file in which a worker notes what it has begun and
 * gathers its answers, so that both survive it (see `python/aimodellib/_bridge/ledger.py`).
 *
 *     0   u32  started: id of the request whose execution began last
 *     4   u16  pending: bytes of answers, from offset 20, that may not have been sent yet
 *     6   u16  flushes: how often that was reset, modulo 2^16; stored together with pending, as one word
 *     8   u32  bodies of answers that the supervisor has read from the exchange
 *     12  u32  bodies of requests that the worker has read from the exchange
 *     16  u32  recalled: requests up to this id that the worker has not begun are not for it any more; 0 if there are none
 *     20  answers: complete frames
 */

import { type BodySource, type Frame, FrameDecoder } from "./frame.ts";

/** Where each word, and the answers, begin in the file, in bytes; `_bridge/ledger.py` has the same. */
export const OFFSETS = { started: 0, pending: 4, answersRead: 8, requestsRead: 12, recalled: 16, answers: 20 } as const;

/** 64 answers of 1 KiB, which is a full window of small ones; a worker flushes when it runs out of room. */
const LEDGER_BYTES = 64 * 1024;

/** What a worker has noted in its ledger. */
export interface LedgerEntries {
  /** Id of the request whose execution began last; 0 if none did. */
  readonly started: number;
  /** Answers that were finished; some of them may have been sent too. */
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

  /** @throws {Deno.errors} if the file can't be made, or there is no room for all of it; it is closed then */
  constructor(path: string) {
    this.path = path;
    this.#file = Deno.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
    try {
      // Written rather than made long: a hole in a mapped file would kill the worker if the disk were full.
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

  /** Tells the worker that requests up to this id are not for it any more, but for those that it has begun. */
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
   * Reads the ledger of a living worker, with the answers before the first one whose body is in the exchange.
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

  /** Fills `bytes`, as far as the file goes. */
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
    // A worker that writes over its own memory may have damaged this too: what came before is still good.
  }
  return { started, answers, words: view.getBigUint64(0, true) };
}
