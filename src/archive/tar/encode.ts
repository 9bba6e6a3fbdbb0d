/**
 * Encodes the headers of tar entries in the pax format (POSIX.1-2017, pax): plain ustar where possible, with a pax header before
 * an entry whose name is long or not ASCII, or whose size exceeds 8 GiB. Owner and group have numbers, 0 by default, and no names.
 */

import { paddingOf, TAR_BLOCK } from "./entry.ts";

/** An entry of an archive to be. */
export interface NewEntry {
  /** Relative to the archive's root, without a slash at the end. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink";
  readonly size: number;
  readonly executable: boolean;
  readonly target: string;
  /** The numeric user and group. @default 0 */
  readonly owner?: number;
}

/** The marker at the end of an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * TAR_BLOCK);

/** The largest size that eleven octal digits can express: 8 GiB - 1. */
const MAX_SIZE = 0o77777777777;

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

const TYPE = { file: "0", directory: "5", symlink: "2", pax: "x" } as const;

const encoder = new TextEncoder();

/** Encodes an entry's header, after a pax header if it needs one. @param mtime in seconds since 1970 */
export function encodeHeader(entry: NewEntry, mtime: number): Uint8Array {
  const path = entry.kind === "directory" ? `${entry.path}/` : entry.path;
  const name = encoder.encode(path);
  const target = encoder.encode(entry.target);
  const split = splitName(name);
  const records: [key: string, value: string][] = [];
  if (split === undefined || !isAscii(name)) records.push(["path", path]);
  if (target.length > NAME_BYTES || !isAscii(target)) records.push(["linkpath", entry.target]);
  if (entry.size > MAX_SIZE) records.push(["size", String(entry.size)]);
  const mode = entry.kind === "symlink" ? 0o777 : entry.kind === "directory" || entry.executable ? 0o755 : 0o644;
  const header = ustar({
    ...(split ?? { name: name.subarray(0, NAME_BYTES), prefix: new Uint8Array(0) }),
    mode,
    size: entry.size > MAX_SIZE ? 0 : entry.size,
    mtime,
    type: TYPE[entry.kind],
    target: target.subarray(0, NAME_BYTES),
    owner: entry.owner ?? 0,
  });
  return records.length === 0 ? header : concat(paxHeader(records, name, mtime), header);
}

function paxHeader(records: readonly [key: string, value: string][], name: Uint8Array, mtime: number): Uint8Array {
  const body = concat(...records.map(([key, value]) => paxRecord(key, value)));
  const shown = name.subarray(name.subarray(0, -1).lastIndexOf(0x2f) + 1);
  const header = ustar({
    name: concat(encoder.encode("PaxHeaders/"), shown).subarray(0, NAME_BYTES),
    prefix: new Uint8Array(0),
    mode: 0o644,
    size: body.length,
    mtime,
    type: TYPE.pax,
    target: new Uint8Array(0),
    owner: 0,
  });
  return concat(header, body, new Uint8Array(paddingOf(body.length)));
}

/** Encodes `LENGTH KEY=VALUE\n`, whose length includes its own digits. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = encoder.encode(` ${key}=${value}\n`);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return concat(encoder.encode(String(length)), rest);
}

interface Fields {
  readonly name: Uint8Array;
  readonly prefix: Uint8Array;
  readonly mode: number;
  readonly size: number;
  readonly mtime: number;
  readonly type: string;
  readonly target: Uint8Array;
  readonly owner: number;
}

/** The fields that all headers have in common: devices are 0, and so are owner and group of nearly all entries. */
const TEMPLATE = (() => {
  const header = new Uint8Array(TAR_BLOCK);
  for (const offset of [108, 116, 329, 337]) octal(header, offset, 7, 0);
  header.fill(0x20, 148, 156);
  encoder.encodeInto("ustar\0" + "00", header.subarray(257));
  return header;
})();

function ustar({ name, prefix, mode, size, mtime, type, target, owner }: Fields): Uint8Array {
  const header = TEMPLATE.slice();
  header.set(name, 0);
  octal(header, 100, 7, mode);
  if (owner !== 0) { for (const offset of [108, 116]) octal(header, offset, 7, owner); }
  octal(header, 124, 11, size);
  octal(header, 136, 11, mtime);
  header[156] = type.charCodeAt(0);
  header.set(target, 157);
  header.set(prefix, 345);
  let sum = 0;
  for (let i = 0; i < TAR_BLOCK; i++) sum += header[i]!;
  octal(header, 148, 6, sum);
  header[154] = 0;
  return header;
}

/** Writes an octal number without making a string, which is faster for thousands of headers. */
function octal(header: Uint8Array, offset: number, digits: number, value: number): void {
  for (let i = offset + digits - 1; i >= offset; i--) {
    header[i] = 0x30 + value % 8;
    value = Math.floor(value / 8);
  }
}

/** Splits a name of over 100 bytes at a slash into the two fields of ustar; undefined if it does not fit. */
function splitName(bytes: Uint8Array): { readonly name: Uint8Array; readonly prefix: Uint8Array } | undefined {
  if (bytes.length <= NAME_BYTES) return { name: bytes, prefix: new Uint8Array(0) };
  for (let slash = Math.min(PREFIX_BYTES, bytes.length - 2); slash > 0; slash--) {
    if (bytes.length - slash - 1 > NAME_BYTES) return undefined;
    if (bytes[slash] === 0x2f) return { name: bytes.subarray(slash + 1), prefix: bytes.subarray(0, slash) };
  }
  return undefined;
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
