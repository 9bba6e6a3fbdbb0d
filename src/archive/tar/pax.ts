/** Parses pax headers (POSIX.1-2017, pax), which describe the entry after them. */

import { ArchiveError } from "../errors.ts";
import { decode } from "./header.ts";

/** Fields of an entry from the headers before it. */
export interface Override {
  path?: string;
  target?: string;
  /** In bytes. */
  size?: number;
  /** In seconds since 1970. */
  mtime?: number;
  sparse?: boolean;
}

/** Parses the records of a pax header, each `LENGTH KEY=VALUE\n`. @throws {ArchiveError} if they are not valid */
export function parsePax(bytes: Uint8Array): Override {
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
