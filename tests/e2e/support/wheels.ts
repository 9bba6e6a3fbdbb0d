/** Wheels for tests, made without a build tool. */

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * Creates the wheel `NAME-VERSION-TAG.whl` in a folder: a module that contains `code`, and a program that prints the module's V.
 *
 * @param tag the Pythons and machines that it says to be for
 */
export function makeWheel(folder: string, name: string, version: string, code: string, tag = "py3-none-any"): void {
  const info = `${name}-${version}.dist-info`;
  const files = {
    [`${name}.py`]: `${code}\ndef main(): print(V)\n`,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: ${tag}\n`,
    [`${info}/entry_points.txt`]: `[console_scripts]\n${name}-program = ${name}:main\n`,
  };
  const lines = Object.entries(files).map(([path, text]) => {
    const digest = createHash("sha256").update(text).digest("base64url");
    return `${path},sha256=${digest},${new TextEncoder().encode(text).length}\n`;
  });
  const record = { [`${info}/RECORD`]: `${lines.join("")}${info}/RECORD,,\n` };
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeFileSync(`${folder}/${name}-${version}-${tag}.whl`, stored({ ...files, ...record }));
}

/** A ZIP archive of files that are not compressed, which takes less time than to start a Python that makes one. */
function stored(files: Readonly<Record<string, string>>): Uint8Array {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [path, text] of Object.entries(files)) {
    const [name, bytes] = [path, text].map((part) => new TextEncoder().encode(part)) as [Uint8Array, Uint8Array];
    // From the version to the lengths of the name and of the extra field. The date is 1980-01-01.
    const common = new Uint8Array(26);
    const view = new DataView(common.buffer);
    view.setUint16(0, 20, true);
    view.setUint16(8, 1 << 5 | 1, true);
    view.setUint32(10, crc32(bytes), true);
    view.setUint32(14, bytes.length, true);
    view.setUint32(18, bytes.length, true);
    view.setUint16(22, name.length, true);
    pieces.push(number(0x04034b50, 4), common, name, bytes);
    directory.push(number(0x02014b50, 4), number(20, 2), common, new Uint8Array(10), number(offset, 4), name);
    offset += 30 + name.length + bytes.length;
  }
  const length = directory.reduce((sum, piece) => sum + piece.length, 0);
  const count = number(Object.keys(files).length, 2);
  const end = [number(0x06054b50, 4), new Uint8Array(4), count, count, number(length, 4), number(offset, 4)];
  return Uint8Array.from([...pieces, ...directory, ...end, new Uint8Array(2)].flatMap((piece) => [...piece]));
}

/** A number of 2 or 4 bytes, the lowest byte first. */
function number(value: number, bytes: 2 | 4): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => value >>> 8 * i & 0xff);
}
