/**
 * Decodes tar archives of GNU tar, bsdtar, 7-Zip, Python and macOS: v7, ustar, pax (POSIX.1-2017, pax), and GNU's long names and
 * large numbers (GNU tar manual, "Basic Tar Format").
 */

import { ArchiveError } from "../errors.ts";
import { paddingOf, TAR_BLOCK, type TarEntry } from "./entry.ts";

/** Receives the entries of an archive. An exception ends the decoding. */
export interface TarHandler {
  readonly onEntry: (entry: TarEntry) => void;
  /** Gets some of the content of the latest entry. */
  readonly onData: (bytes: Uint8Array) => void;
  /** Is called after the last of that content. */
  readonly onEnd: () => void;
}

/** The longest pax header, or GNU long name, in bytes. */
const MAX_META_BYTES = 1024 * 1024;

/** Entries that describe others: a pax header describes the next entry or all that follow; GNU has long names and long targets. */
type Meta = "pax" | "global" | "longName" | "longTarget";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Fields of an entry from the headers before it. */
interface Override {
  path?: string;
  target?: string;
  size?: number;
  mtime?: number;
  sparse?: boolean;
}

/** For entries without such headers. */
const NOTHING: Readonly<Override> = {};

/** Decodes a tar archive whose bytes come in pieces of any size. */
export class TarDecoder {
  readonly #handler: TarHandler;
  readonly #header = new Uint8Array(TAR_BLOCK);
  readonly #headerWords = new Int32Array(this.#header.buffer);
  #headerBytes = 0;
  /** How many bytes of content, and of padding after it, are still to come. */
  #content = 0;
  #padding = 0;
  #meta: { readonly kind: Meta; readonly bytes: Uint8Array; filled: number } | undefined;
  #override: Override = NOTHING;
  #offset = 0;
  #zeroBlocks = 0;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  /** Decodes the next bytes. @throws {ArchiveError} if they are not part of a tar archive */
  push(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length;) {
      const taken = this.#take(bytes, start);
      start += taken;
      this.#offset += taken;
    }
  }

  /** Checks that the archive is complete; call it after the last bytes. @throws {ArchiveError} if it is not */
  finish(): void {
    if (this.#offset === 0) throw new ArchiveError("is empty: it decompresses to 0 bytes");
    if (this.#content > 0 || this.#padding > 0 || this.#headerBytes > 0) {
      throw new ArchiveError("is truncated: the tar archive in it ends within an entry");
    }
    if (this.#zeroBlocks === 0) {
      throw new ArchiveError("is truncated: the tar archive in it lacks the end-of-archive marker");
    }
  }

  #take(bytes: Uint8Array, start: number): number {
    if (this.#content > 0) {
      const count = Math.min(this.#content, bytes.length - start);
      this.#content -= count;
      this.#onContent(bytes.subarray(start, start + count));
      if (this.#content === 0) this.#onContentEnd();
      return count;
    }
    if (this.#padding > 0) {
      const count = Math.min(this.#padding, bytes.length - start);
      this.#padding -= count;
      return count;
    }
    const count = Math.min(TAR_BLOCK - this.#headerBytes, bytes.length - start);
    this.#header.set(bytes.subarray(start, start + count), this.#headerBytes);
    this.#headerBytes += count;
    if (this.#headerBytes === TAR_BLOCK) {
      this.#headerBytes = 0;
      this.#onHeader(this.#offset + count - TAR_BLOCK);
    }
    return count;
  }

  /** @param offset where the header begins in the archive */
  #onHeader(offset: number): void {
    const header = this.#header;
    if (header[0] === 0 && header.every((byte) => byte === 0)) {
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0) {
      throw new ArchiveError(
        `continues after the tar archive's end-of-archive marker, at byte ${offset} of the tar archive`,
      );
    }
    checkSum(header, this.#headerWords, offset);
    const type = String.fromCharCode(header[156]!);
    const size = this.#override.size ?? number(header, 124, 12, "size");
    const meta = META[type];
    if (meta !== undefined) this.#beginMeta(meta, number(header, 124, 12, "size"));
    else if (type === "V" || type === "N") this.#skip(size);
    else this.#beginEntry(type, size);
  }

  #beginMeta(kind: Meta, size: number): void {
    if (size > MAX_META_BYTES) {
      throw new ArchiveError(`is corrupt: a pax header or long name has ${size} bytes, more than ${MAX_META_BYTES}`);
    }
    this.#meta = { kind, bytes: new Uint8Array(size), filled: 0 };
    this.#begin(size);
  }

  /** Skips what describes no file: a volume label, or a list of names of old GNU tar. */
  #skip(size: number): void {
    this.#override = NOTHING;
    this.#meta = { kind: "global", bytes: new Uint8Array(0), filled: 0 };
    this.#begin(size);
  }

  #beginEntry(type: string, size: number): void {
    const header = this.#header;
    const { path = namePath(header), sparse } = this.#override;
    const kind = sparse ? "sparse file" : kindOf(type, path);
    const hasContent = kind === "file" || kind === "sparse file" || kind === "multi-volume file";
    const mtime = this.#override.mtime ?? number(header, 136, 12, "time");
    const isLink = kind === "symlink" || kind === "hardlink";
    const target = isLink ? this.#override.target ?? text(header, 157, 100) : "";
    this.#override = NOTHING;
    this.#handler.onEntry({
      path,
      kind,
      size: hasContent ? size : 0,
      mode: number(header, 100, 8, "mode"),
      mtime,
      target,
    });
    // POSIX: only files have content, whatever the size of another entry says.
    this.#begin(hasContent ? size : 0);
  }

  #begin(size: number): void {
    this.#content = size;
    this.#padding = paddingOf(size);
    if (size === 0) this.#onContentEnd();
  }

  #onContent(bytes: Uint8Array): void {
    if (this.#meta === undefined) {
      this.#handler.onData(bytes);
    } else if (this.#meta.bytes.length > 0) {
      this.#meta.bytes.set(bytes, this.#meta.filled);
      this.#meta.filled += bytes.length;
    }
  }

  #onContentEnd(): void {
    const meta = this.#meta;
    this.#meta = undefined;
    if (meta === undefined) this.#handler.onEnd();
    else if (meta.kind === "longName") this.#override = { ...this.#override, path: untilZero(meta.bytes) };
    else if (meta.kind === "longTarget") this.#override = { ...this.#override, target: untilZero(meta.bytes) };
    else if (meta.kind === "pax") this.#override = { ...this.#override, ...parsePax(meta.bytes) };
    else if (Object.keys(parsePax(meta.bytes)).length > 0) {
      throw new ArchiveError("has a global pax header that renames or resizes all entries, which is not supported");
    }
  }
}

const META: Readonly<Record<string, Meta | undefined>> = {
  x: "pax",
  X: "pax",
  g: "global",
  L: "longName",
  K: "longTarget",
};

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

function kindOf(type: string, path: string): TarEntry["kind"] {
  const kind = KINDS[type];
  if (kind === undefined) {
    throw new ArchiveError(`contains '${path}' with the type '${type}', which tar does not define`);
  }
  // v7 tar has no directory type; a trailing slash marks one.
  return type === "\0" && path.endsWith("/") ? "directory" : kind;
}

/** @param words the same header */
function checkSum(header: Uint8Array, words: Int32Array, offset: number): void {
  const expected = number(header, 148, 8, "checksum");
  if (expected === unsignedSum(header, words) || expected === signedSum(header)) return;
  throw new ArchiveError(
    `is corrupt, or does not contain a tar archive: the tar header at byte ${offset} has a wrong checksum`,
  );
}

/** The sum of all bytes; the checksum's own field counts as spaces. */
function unsignedSum(header: Uint8Array, words: Int32Array): number {
  // Two bytes of a word at a time: the sum of 256 bytes fits in 16 bits.
  let even = 0;
  let odd = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    even = (even + (word & 0xff00ff)) | 0;
    odd = (odd + ((word >>> 8) & 0xff00ff)) | 0;
  }
  let sum = (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
  for (let i = 148; i < 156; i++) sum += 0x20 - header[i]!;
  return sum;
}

/** The same for signed bytes, which some old programs summed. */
function signedSum(header: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < TAR_BLOCK; i++) if (i < 148 || i >= 156) sum += header[i]! << 24 >> 24;
  return sum;
}

/** Reads a field in octal, or in base 256 if its first bit is set (GNU). @param what names the field in errors */
function number(header: Uint8Array, offset: number, length: number, what: string): number {
  const simple = octal(header, offset, offset + length);
  if (simple !== undefined) return simple;
  const field = header.subarray(offset, offset + length);
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

/** Fast path for nearly all fields: octal digits, then zeros or spaces; undefined for anything else. */
function octal(header: Uint8Array, offset: number, end: number): number | undefined {
  let value = 0;
  let i = offset;
  for (; i < end; i++) {
    const digit = header[i]! - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (i === offset) return undefined;
  for (; i < end; i++) if (header[i] !== 0 && header[i] !== 0x20) return undefined;
  return value;
}

function namePath(header: Uint8Array): string {
  const name = text(header, 0, 100);
  if (header[345] === 0) return name;
  // GNU's own format stores other fields where ustar has the prefix.
  const isUstar = text(header, 257, 6) === "ustar" && header[263] === 0x30;
  const prefix = isUstar ? text(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function text(header: Uint8Array, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && header[end] !== 0) {
    if (header[end++]! >= 0x80) return untilZero(header.subarray(offset, offset + length));
  }
  // Fast path for ASCII: a TextDecoder takes several times as long for a short text.
  return String.fromCharCode.apply(null, header.subarray(offset, end) as unknown as number[]);
}

function untilZero(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const shown = new TextDecoder().decode(bytes);
    throw new ArchiveError(`contains the name '${shown}', which is not UTF-8: rename it, and make the archive again`, {
      cause,
    });
  }
}

/** Parses the records of a pax header, each `LENGTH KEY=VALUE\n`. */
function parsePax(bytes: Uint8Array): Override {
  const override: Override = {};
  for (let start = 0; start < bytes.length;) {
    const space = bytes.indexOf(0x20, start);
    const length = space < 0 ? NaN : Number(decode(bytes.subarray(start, space)));
    const record = bytes.subarray(space + 1, start + length - 1);
    const equals = record.indexOf(0x3d);
    if (
      !Number.isInteger(length) || length < 5 || start + length > bytes.length || equals < 1 ||
      bytes[start + length - 1] !== 0x0a
    ) throw new ArchiveError("is corrupt: a pax header does not parse");
    applyPax(override, decode(record.subarray(0, equals)), record.subarray(equals + 1));
    start += length;
  }
  return override;
}

function applyPax(override: Override, key: string, value: Uint8Array): void {
  if (key === "path") override.path = paxText(key, value);
  else if (key === "linkpath") override.target = paxText(key, value);
  else if (key.startsWith("GNU.sparse.")) override.sparse = true;
  else if (key === "size") {
    override.size = /^\d+$/.test(decode(value)) ? Number(decode(value)) : NaN;
    if (!Number.isSafeInteger(override.size)) {
      throw new ArchiveError(`is corrupt: a pax header has the invalid size '${decode(value)}'`);
    }
  } else if (key === "mtime") {
    const seconds = Math.floor(Number(decode(value)));
    override.mtime = Number.isSafeInteger(seconds) ? Math.max(0, seconds) : 0;
  }
}

function paxText(key: string, value: Uint8Array): string {
  const text = decode(value);
  if (text === "" || text.includes("\0")) throw new ArchiveError(`is corrupt: a pax header has an invalid ${key}`);
  return text;
}
