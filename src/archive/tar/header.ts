/**
 * Reads the fields of a tar header where it is, without copying it: that takes a fraction of the time for thousands of small files.
 * `start` is where the header begins in `bytes`.
 */

import { ArchiveError } from "../errors.ts";
import { TAR_BLOCK, type TarEntry } from "./entry.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

const KINDS: Readonly<Record<string, TarEntry["kind"] | undefined>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "device",
  "4": "device",
  "5": "directory",
  "6": "FIFO",
  D: "directory",
  S: "sparse file",
  M: "multi-volume file",
};

/** The offsets of fields. */
const PATH = 0;
const PATH_BYTES = 100;
const MODE = 100;
const SIZE = 124;
const MTIME = 136;
const CHECKSUM = 148;
const CHECKSUM_BYTES = 8;
const TYPE = 156;
const TARGET = 157;
const MAGIC = 257;
const VERSION = 263;
const PREFIX = 345;
const PREFIX_BYTES = 155;

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const FIRST_NOT_ASCII = 0x80;

/** The bytes and those around them in their buffer, as words of 32 bits, for {@linkcode checkSum}. */
export function wordsOf({ buffer }: Uint8Array): Int32Array {
  return new Int32Array(buffer, 0, buffer.byteLength >>> 2);
}

/** Whether the block is one of the zeros at the end of an archive. */
export function isZero(bytes: Uint8Array, start: number): boolean {
  for (let i = start; i < start + TAR_BLOCK; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** The letter or digit for the type of the entry. */
export function typeOf(bytes: Uint8Array, start: number): string {
  return String.fromCharCode(bytes[start + TYPE]!);
}

/** The kind of an entry by its type. @throws {ArchiveError} for a type that tar does not define */
export function kindOf(type: string, path: string): TarEntry["kind"] {
  const kind = KINDS[type];
  if (kind === undefined) {
    throw new ArchiveError(`contains '${path}' with the type '${type}', which tar does not define`);
  }
  // v7 tar has no directory type; a trailing slash marks one.
  return type === "\0" && path.endsWith("/") ? "directory" : kind;
}

/** The size of the content in bytes. @throws {ArchiveError} if the field is not valid */
export function sizeOf(bytes: Uint8Array, start: number): number {
  return number(bytes, start + SIZE, 12, "size");
}

/** The permissions, with the setuid, setgid and sticky bits. @throws {ArchiveError} if the field is not valid */
export function modeOf(bytes: Uint8Array, start: number): number {
  return number(bytes, start + MODE, 8, "mode");
}

/** The time of modification in seconds since 1970; 0 if it is earlier. @throws {ArchiveError} if the field is not valid */
export function mtimeOf(bytes: Uint8Array, start: number): number {
  return number(bytes, start + MTIME, 12, "time");
}

/** The path, without those of headers before this one. @throws {ArchiveError} if it is not UTF-8 */
export function pathOf(bytes: Uint8Array, start: number): string {
  const name = text(bytes, start + PATH, PATH_BYTES);
  if (bytes[start + PREFIX] === 0) return name;
  // GNU's own format stores other fields where ustar has the prefix.
  const isUstar = text(bytes, start + MAGIC, 6) === "ustar" && bytes[start + VERSION] === DIGIT_0;
  const prefix = isUstar ? text(bytes, start + PREFIX, PREFIX_BYTES) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A link's target, without those of headers before this one. @throws {ArchiveError} if it is not UTF-8 */
export function targetOf(bytes: Uint8Array, start: number): string {
  return text(bytes, start + TARGET, PATH_BYTES);
}

/**
 * Checks the sum of all bytes of the header.
 *
 * @param words {@linkcode wordsOf} the bytes
 * @param offset where the header begins in the archive
 * @throws {ArchiveError} if the sum is wrong
 */
export function checkSum(bytes: Uint8Array, words: Int32Array, start: number, offset: number): void {
  const expected = number(bytes, start + CHECKSUM, CHECKSUM_BYTES, "checksum");
  if (expected === unsignedSum(bytes, words, start) || expected === sumBytes(bytes, start, toSigned)) return;
  throw new ArchiveError(
    `is corrupt, or does not contain a tar archive: the tar header at byte ${offset} has a wrong checksum`,
  );
}

/** The sum of all bytes; the checksum's own field counts as spaces. */
function unsignedSum(bytes: Uint8Array, words: Int32Array, start: number): number {
  const first = bytes.byteOffset + start;
  if (first % 4 !== 0) return sumBytes(bytes, start, toUnsigned);
  // Two bytes of a word at a time: the sum of 256 bytes fits in 16 bits.
  let even = 0;
  let odd = 0;
  for (let i = first / 4; i < (first + TAR_BLOCK) / 4; i++) {
    const word = words[i]!;
    even = (even + (word & 0xff00ff)) | 0;
    odd = (odd + ((word >>> 8) & 0xff00ff)) | 0;
  }
  let sum = (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
  for (let i = start + CHECKSUM; i < start + CHECKSUM + CHECKSUM_BYTES; i++) sum += SPACE - bytes[i]!;
  return sum;
}

/** The sum of all bytes as signed ones, which some old programs wrote, or one by one, at offsets that have no words. */
function sumBytes(bytes: Uint8Array, start: number, valueOf: (byte: number) => number): number {
  let sum = CHECKSUM_BYTES * SPACE;
  for (let i = 0; i < TAR_BLOCK; i++) {
    if (i < CHECKSUM || i >= CHECKSUM + CHECKSUM_BYTES) sum += valueOf(bytes[start + i]!);
  }
  return sum;
}

function toSigned(byte: number): number {
  return byte << 24 >> 24;
}

function toUnsigned(byte: number): number {
  return byte;
}

/** Reads a field in octal, or in base 256 if its first bit is set (GNU). @param what names the field in errors */
function number(bytes: Uint8Array, offset: number, length: number, what: string): number {
  const simple = octal(bytes, offset, offset + length);
  if (simple >= 0) return simple;
  const field = bytes.subarray(offset, offset + length);
  let value = 0;
  if (field[0]! & 0x80) {
    if (field[0]! & 0x40) {
      if (what === "time") return 0;
      throw new ArchiveError(`is corrupt: a tar header has a negative ${what}`);
    }
    for (const [index, byte] of field.entries()) value = value * 256 + (index === 0 ? byte & 0x3f : byte);
  } else {
    const digits = untilZero(field).trim();
    if (!/^[0-7]*$/.test(digits)) {
      throw new ArchiveError(`is corrupt: a tar header has the ${what} '${digits}', which is not an octal number`);
    }
    value = digits === "" ? 0 : Number.parseInt(digits, 8);
  }
  if (!Number.isSafeInteger(value)) {
    throw new ArchiveError(`is corrupt: a tar header has a ${what} that is out of range`);
  }
  return value;
}

/** Fast path for nearly all fields: octal digits, then zeros or spaces; -1 for anything else. */
function octal(bytes: Uint8Array, offset: number, end: number): number {
  let value = 0;
  let i = offset;
  for (; i < end; i++) {
    const digit = bytes[i]! - DIGIT_0;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (i === offset) return -1;
  for (; i < end; i++) if (bytes[i] !== 0 && bytes[i] !== SPACE) return -1;
  return value;
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && bytes[end] !== 0) {
    if (bytes[end++]! >= FIRST_NOT_ASCII) return untilZero(bytes.subarray(offset, offset + length));
  }
  // Fast path for ASCII: a TextDecoder takes several times as long for a short text.
  return String.fromCharCode.apply(null, bytes.subarray(offset, end) as unknown as number[]);
}

/** The text in a field, up to its first zero. @throws {ArchiveError} if it is not UTF-8 */
export function untilZero(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Decodes a name or a number as UTF-8. @throws {ArchiveError} if it is not UTF-8 */
export function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const shown = new TextDecoder().decode(bytes);
    throw new ArchiveError(`contains the name '${shown}', which is not UTF-8: rename it, and make the archive again`, {
      cause,
    });
  }
}
