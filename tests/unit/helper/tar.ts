/** Builds archives by hand, including ones that no program would make. */

import zlib from "node:zlib";
import { concat, utf8 } from "./bytes.ts";

/** Fields of a header, by default those of a file of mode 644. */
export interface RawEntry {
  readonly name: string | Uint8Array;
  readonly content?: string | Uint8Array;
  readonly type?: string;
  readonly target?: string;
  readonly mode?: number;
  /** The size in the header, if it differs from the content's. */
  readonly size?: number;
  readonly prefix?: string;
}

/** Encodes an entry: header, content, padding. */
export function rawEntry(
  { name, content = "", type = "0", target = "", mode = 0o644, size, prefix = "" }: RawEntry,
): Uint8Array<ArrayBuffer> {
  const body = typeof content === "string" ? utf8(content) : content;
  const header = new Uint8Array(512);
  const put = (offset: number, value: string | Uint8Array) =>
    header.set(typeof value === "string" ? utf8(value) : value, offset);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(0, name);
  put(100, octal(mode, 7));
  put(124, octal(size ?? body.length, 11));
  put(136, octal(1_000_000_000, 11));
  put(156, type);
  put(157, target);
  put(257, "ustar\x0000");
  put(345, prefix);
  return concat(sealed(header), body, new Uint8Array((512 - body.length % 512) % 512));
}

/** Writes the correct checksum into a header. */
export function sealed(header: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  header.fill(0x20, 148, 156);
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  header.set(utf8(`${sum.toString(8).padStart(6, "0")}\0`), 148);
  return header;
}

/** Encodes a pax header with these records. */
export function paxEntry(records: Readonly<Record<string, string>>, type = "x"): Uint8Array<ArrayBuffer> {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = utf8(` ${key}=${value}\n`);
    let length = rest.length;
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
    return concat(utf8(String(length)), rest);
  });
  return rawEntry({ name: "PaxHeaders/x", type, content: concat(...lines) });
}

/** The two blocks of zeros that end an archive. */
export const END: Uint8Array<ArrayBuffer> = new Uint8Array(1024);

/** The entry of the smallest manifest. */
export const MANIFEST: Uint8Array<ArrayBuffer> = rawEntry({ name: "manifest.json", content: "{}" });

/** Makes a compressed archive: a manifest, these parts, and the blocks of zeros at the end. */
export function archive(...parts: readonly (Uint8Array | RawEntry)[]): Uint8Array<ArrayBuffer> {
  const bytes = parts.map((part) => part instanceof Uint8Array ? part : rawEntry(part));
  return gzip(concat(MANIFEST, ...bytes, END));
}

/** Compresses bytes into one gzip member. */
export function gzip(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(zlib.gzipSync(bytes));
}
