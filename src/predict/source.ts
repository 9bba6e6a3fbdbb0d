/** Reads the bytes of an input: a file, a compressed file, or standard input. */

import { GzipReader } from "../archive/gzip/reader.ts";
import { AimodellibError, messageOf, reasonOf } from "../errors.ts";

/** The most bytes that one read returns. */
const PIECE_BYTES = 256 * 1024;

const GZIP_MAGIC = [0x1f, 0x8b] as const;
const UTF8_MARK = [0xef, 0xbb, 0xbf] as const;
const UTF16_MARKS = [[0xff, 0xfe], [0xfe, 0xff]] as const;

/** An input that can be opened: a file, or standard input. */
export interface Readable {
  /** The input's name in messages. */
  readonly name: string;
  readonly open: () => Deno.FsFile | typeof Deno.stdin;
}

/** Reads an input once, and counts the bytes that it has read. */
export class Source {
  readonly #input: Readable;
  #read = 0;
  #stopped = false;

  constructor(input: Readable) {
    this.#input = input;
  }

  /** How many bytes were read so far, before decompression. */
  get read(): number {
    return this.#read;
  }

  /** Ends the input before the next piece. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Yields the bytes in pieces; each piece reuses the memory of the one before. Gzip is decompressed, whatever the file's name is.
   *
   * @param isText whether to leave out a byte order mark at the beginning
   * @throws {AimodellibError} if the input can't be read, is damaged, or is text in UTF-16
   */
  async *pieces(isText: boolean): AsyncGenerator<Uint8Array> {
    const { name } = this.#input;
    let first = true;
    try {
      for await (const piece of this.#unpacked()) {
        if (this.#stopped) return;
        let from = piece;
        if (first && isText) {
          if (UTF16_MARKS.some((mark) => begins(piece, mark))) {
            throw new AimodellibError(
              `'${name}' is UTF-16 text, but records must be UTF-8: convert it with 'iconv -f UTF-16 -t UTF-8'`,
            );
          }
          if (begins(piece, UTF8_MARK)) from = piece.subarray(UTF8_MARK.length);
        }
        first = false;
        yield from;
      }
    } catch (cause) {
      if (cause instanceof Error && cause.message.includes(`'${name}'`) && cause instanceof AimodellibError) {
        throw cause;
      }
      // The messages of the gzip reader speak of an archive, which it mostly reads.
      const reason = lowerFirst(reasonOf(cause).replace(/\b[Tt]he archive\b/, "it"));
      throw new AimodellibError(`'${name}' can't be read: ${reason}`, { cause });
    }
  }

  async *#unpacked(): AsyncGenerator<Uint8Array> {
    using input = this.#open();
    const space = new Uint8Array(PIECE_BYTES);
    let length = await this.#fill(input, space, 0);
    // A pipe may give one byte at a time.
    while (length > 0 && length < UTF8_MARK.length) {
      const more = await this.#fill(input, space, length);
      if (more === 0) break;
      length += more;
    }
    if (length === 0) return;
    if (!begins(space.subarray(0, length), GZIP_MAGIC)) {
      for (; length > 0; length = await this.#fill(input, space, 0)) yield space.subarray(0, length);
      return;
    }
    let begun: Uint8Array | undefined = space.slice(0, length);
    const source = async (to: Uint8Array<ArrayBuffer>): Promise<number | null> => {
      if (begun !== undefined) {
        const part = begun.subarray(0, to.length);
        to.set(part);
        begun = part.length < begun.length ? begun.subarray(part.length) : undefined;
        return part.length;
      }
      return await this.#fill(input, to, 0) || null;
    };
    yield* new GzipReader(source).read();
  }

  async #fill(
    input: { read(space: Uint8Array): Promise<number | null> },
    space: Uint8Array,
    from: number,
  ): Promise<number> {
    const count = await input.read(space.subarray(from)) ?? 0;
    this.#read += count;
    return count;
  }

  #open(): { read(space: Uint8Array): Promise<number | null> } & Disposable {
    const input = this.#input.open();
    if (input instanceof Deno.FsFile) return input;
    return { read: (space) => input.read(space), [Symbol.dispose]: () => {} };
  }
}

/** Reads all of an input. @throws {AimodellibError} if it can't be read, or is longer than `maxBytes` */
export async function readWhole(source: Source, name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source.pieces(false)) {
    length += piece.length;
    if (length > maxBytes) throw new TooLongError(`'${name}' has more than ${maxBytes} bytes (--max-body)`);
    pieces.push(piece.slice());
  }
  // One byte longer than the body: see Gathered.take().
  const all = new Uint8Array(length + 1);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all.subarray(0, length);
}

/** An input that is one record is longer than `--max-body`. */
export class TooLongError extends AimodellibError {
  override readonly name = "TooLongError";
}

function begins(bytes: Uint8Array, mark: readonly number[]): boolean {
  return mark.every((byte, index) => bytes[index] === byte);
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : messageOf(text);
}
