/** Writes ZIP archives, which wheels are: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16. */

import { compress, LEVEL } from "./deflate.ts";

/** A file of an archive. */
export interface ZipFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

/** 1980-01-01, the earliest date of MS-DOS: day 1, month 1, year 0. */
const DATE = 1 << 5 | 1;
const DEFLATED = 8;
/** Version 2.0 of the format, made on Unix. */
const VERSION = 20;
const MADE_ON_UNIX = 3 << 8 | VERSION;
/** Names are UTF-8. */
const UTF8 = 1 << 11;

/**
 * Makes an archive whose bytes depend only on its files and the level of compression.
 *
 * @throws {RangeError} if it would be 4 GiB or longer
 */
export async function zip(files: readonly ZipFile[], level: number = LEVEL): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { path, bytes, executable } of files) {
    const name = new TextEncoder().encode(path);
    const { deflate, crc } = await compress(bytes, level);
    const common = [
      [VERSION, 2],
      [UTF8, 2],
      [DEFLATED, 2],
      [0, 2],
      [DATE, 2],
      [crc, 4],
      [deflate.length, 4],
      [bytes.length, 4],
      [name.length, 2],
      [0, 2],
    ] as const;
    const mode = (0o100644 | (executable ? 0o111 : 0)) * 2 ** 16;
    const local = fields([0x04034b50, 4], ...common);
    directory.push(
      fields([0x02014b50, 4], [MADE_ON_UNIX, 2], ...common, [0, 2], [0, 2], [0, 2], [mode, 4], [offset, 4]),
      name,
    );
    pieces.push(local, name, deflate);
    offset += local.length + name.length + deflate.length;
  }
  const length = directory.reduce((sum, piece) => sum + piece.length, 0);
  if (offset + length >= 2 ** 32 || files.length >= 2 ** 16) throw new RangeError("The archive is too large for ZIP");
  const count = files.length;
  const end = fields([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [length, 4], [offset, 4], [0, 2]);
  return await new Blob([...pieces, ...directory, end]).bytes();
}

/** Little-endian numbers of 2 or 4 bytes. */
function fields(...values: readonly (readonly [value: number, bytes: 2 | 4])[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(values.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of values) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}
