/** Reads ZIP archives, such as wheels, from files (PKWARE's APPNOTE 6.3.10, without its 64-bit extension). */

import zlib from "node:zlib";
import { Inflater } from "../inflater.ts";
import { ImageError } from "./errors.ts";

/** A file in a ZIP archive. */
export interface ZipEntry {
  /** As the archive has it, unchecked; a folder's ends with a slash. */
  readonly path: string;
  /** In bytes, after decompression. */
  readonly size: number;
  readonly executable: boolean;
  /** Decompresses it and checks size and CRC. @throws {ImageError} if it is damaged */
  read(): AsyncGenerator<Uint8Array>;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const END_BYTES = 22;
const LOCAL_BYTES = 30;
const DIRECTORY_BYTES = 46;
/** The longest directory that is read, in bytes: 65,535 entries with paths of about 1,000 bytes. */
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20;
const STORED = 0;
const DEFLATED = 8;
/** Bit 0 of the flags: encrypted. */
const ENCRYPTED = 1;
const PIECE_BYTES = 16 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** A ZIP archive that is open for reading. */
export class Zip implements Disposable {
  readonly entries: readonly ZipEntry[];
  readonly #file: Deno.FsFile;
  readonly #name: string;

  /** @param name names the archive in errors @throws {ImageError} if it is no ZIP archive of less than 4 GiB */
  constructor(path: string, name: string) {
    this.#name = name;
    this.#file = Deno.openSync(path);
    try {
      this.entries = this.#readDirectory();
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #readDirectory(): ZipEntry[] {
    const { size } = this.#file.statSync();
    // Only a comment of at most 65,535 bytes may follow the end of the directory.
    const tailBytes = Math.min(size, END_BYTES + 0xffff);
    const tail = this.#read(size - tailBytes, tailBytes);
    const view = viewOf(tail);
    let end = tailBytes - END_BYTES;
    while (end >= 0 && view.getUint32(end, true) !== END_OF_DIRECTORY) end--;
    if (end < 0) throw this.#damaged("it has no directory, or is truncated");
    const count = view.getUint16(end + 10, true);
    const length = view.getUint32(end + 12, true);
    const start = view.getUint32(end + 16, true);
    if (count === 0xffff || start === 0xffffffff) {
      throw new ImageError(`${this.#name} has more than 65,534 files or 4 GiB, which this program can't read`);
    }
    if (length > MAX_DIRECTORY_BYTES || start + length > size || size < END_BYTES) {
      throw this.#damaged("its directory is out of range");
    }
    return this.#parse(this.#read(start, length), count);
  }

  #parse(directory: Uint8Array, count: number): ZipEntry[] {
    const view = viewOf(directory);
    const entries: ZipEntry[] = [];
    for (let at = 0, i = 0; i < count; i++) {
      if (at + DIRECTORY_BYTES > directory.length || view.getUint32(at, true) !== DIRECTORY_ENTRY) {
        throw this.#damaged("its directory does not parse");
      }
      const nameEnd = at + DIRECTORY_BYTES + view.getUint16(at + 28, true);
      const path = new TextDecoder().decode(directory.subarray(at + DIRECTORY_BYTES, nameEnd));
      const found = {
        path,
        method: view.getUint16(at + 10, true),
        crc: view.getUint32(at + 16, true),
        packed: view.getUint32(at + 20, true),
        size: view.getUint32(at + 24, true),
        offset: view.getUint32(at + 42, true),
      };
      const isUnknown = (found.method !== STORED && found.method !== DEFLATED) ||
        (view.getUint16(at + 8, true) & ENCRYPTED) !== 0;
      if (isUnknown) throw this.#damaged(`'${path}' is encrypted, or compressed by the unknown method ${found.method}`);
      const executable = ((view.getUint32(at + 38, true) >>> 16) & 0o111) !== 0;
      entries.push({ path, size: found.size, executable, read: () => this.#content(found) });
      at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    }
    return entries;
  }

  async *#content(entry: Found): AsyncGenerator<Uint8Array> {
    const local = this.#read(entry.offset, LOCAL_BYTES);
    const view = viewOf(local);
    if (view.getUint32(0, true) !== LOCAL_HEADER) throw this.#damaged(`'${entry.path}' is not where it should be`);
    // The name and the extra field have lengths of their own here.
    const start = entry.offset + LOCAL_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
    let [size, crc] = [0, 0];
    for await (
      const chunk of entry.method === STORED ? this.#pieces(start, entry.packed) : this.#inflate(start, entry)
    ) {
      size += chunk.length;
      if (size > entry.size) break;
      crc = zlib.crc32(chunk, crc);
      yield chunk;
    }
    if (size !== entry.size || crc !== entry.crc) throw this.#damaged(`'${entry.path}' has another size or checksum`);
  }

  async *#inflate(start: number, { path, packed }: Found): AsyncGenerator<Uint8Array> {
    using inflater = new Inflater(CHUNK_BYTES);
    try {
      for (const piece of this.#pieces(start, packed)) yield* (await inflater.inflate(piece)).chunks;
      // zlib keeps the last bytes until something follows the stream.
      yield* (await inflater.inflate(new Uint8Array(1))).chunks;
    } catch (cause) {
      if (cause instanceof ImageError) throw cause;
      throw this.#damaged(`'${path}' can't be decompressed`, { cause });
    }
  }

  *#pieces(start: number, length: number): Generator<Uint8Array> {
    for (let done = 0; done < length; done += PIECE_BYTES) {
      yield this.#read(start + done, Math.min(PIECE_BYTES, length - done));
    }
  }

  #read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let filled = 0; filled < length;) {
      const count = this.#file.readSync(bytes.subarray(filled));
      if (count === null) throw this.#damaged("it is truncated");
      filled += count;
    }
    return bytes;
  }

  #damaged(reason: string, options?: ErrorOptions): ImageError {
    return new ImageError(`${this.#name} is no ZIP archive, or damaged: ${reason}`, options);
  }
}

interface Found {
  readonly path: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
