/** Makes the tarball of a release: the executable with its manual pages, completions and a unit for systemd. */

import { encodeHeader, TAR_END } from "../../src/archive/tar/encode.ts";
import { paddingOf } from "../../src/archive/tar/entry.ts";
import { compress } from "./deflate.ts";
import type { ZipFile } from "./zip.ts";

/** The time of all entries, in seconds: 1980-01-01, as in wheels. */
const MTIME = Date.UTC(1980, 0) / 1000;

/** Makes a .tar.gz whose bytes depend only on its files and the level of compression. */
export async function tarball(files: readonly ZipFile[], level: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (const { path, bytes, executable } of files) {
    const entry = { path, kind: "file", size: bytes.length, executable, target: "" } as const;
    pieces.push(encodeHeader(entry, MTIME).slice(), bytes.slice(), new Uint8Array(paddingOf(bytes.length)));
  }
  pieces.push(TAR_END.slice());
  return (await compress(await new Blob(pieces).bytes(), level)).gzip;
}
