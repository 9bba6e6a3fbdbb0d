/**
 * Reads TensorFlow's records from a file that another process is writing: each has its length (8 bytes), a checksum of the length, its
 * data and a checksum of the data. Numbers are little-endian.
 */

import { maskedCrc32c } from "./crc32c.ts";

/** Bytes before and after the data. */
const HEADER = 12;
const FOOTER = 4;

/** The longest record that is read, in bytes. Scalars take hundreds; longer ones are pictures and the like, and are skipped. */
const MAX_RECORD = 256 * 1024;

/** How much is read from a file at once, in bytes: at least one whole record. */
const CHUNK = MAX_RECORD + HEADER + FOOTER;

/** A file's content is not what was written: a checksum is wrong. */
export class DamagedFile extends Error {}

/** Reads one file, record by record. */
export class RecordReader {
  readonly #path: string;
  /** Where the next record begins. */
  #position = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Reads the next records; none if the file has no further complete one.
   *
   * @param take gets the data of each, which is valid during the call
   * @returns how many bytes were read
   * @throws {DamagedFile} if a checksum is wrong; {Error} if the file can't be read
   */
  async read(take: (data: Uint8Array) => void): Promise<number> {
    using file = await Deno.open(this.#path);
    const { size, isFile } = await file.stat();
    if (!isFile || size < this.#position + HEADER) return 0;
    await file.seek(this.#position, Deno.SeekMode.Start);
    const bytes = new Uint8Array(Math.min(CHUNK, size - this.#position));
    let length = 0;
    while (length < bytes.length) {
      const read = await file.read(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    return this.#take(bytes.subarray(0, length), size, take);
  }

  #take(bytes: Uint8Array, size: number, take: (data: Uint8Array) => void): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let start = 0;
    while (start + HEADER <= bytes.length) {
      const length = Number(view.getBigUint64(start, true));
      if (maskedCrc32c(bytes.subarray(start, start + 8)) !== view.getUint32(start + 8, true)) this.#fail(start);
      const end = start + HEADER + length + FOOTER;
      if (length > MAX_RECORD) {
        // The whole record must be there: a position beyond the end would be in the middle of what is written next.
        if (this.#position + end > size) break;
      } else if (end > bytes.length) {
        break;
      } else {
        const data = bytes.subarray(start + HEADER, end - FOOTER);
        if (maskedCrc32c(data) !== view.getUint32(end - FOOTER, true)) this.#fail(start);
        take(data);
      }
      start = end;
    }
    this.#position += start;
    return start;
  }

  #fail(start: number): never {
    throw new DamagedFile(`A checksum is wrong at byte ${this.#position + start}`);
  }
}
