/** Recognizes files that users mistake for a `.tar.gz` by their first bytes, and says what to do with them. */

/** How many bytes {@linkcode describeFile} needs: a tar header has its mark at byte 257. */
export const TELLING_BYTES = 512;

const text = (words: string) => new TextEncoder().encode(words);

/** Each kind of file: the mark's offset, the mark, the name, and what to do. */
const KINDS:
  readonly (readonly [offset: number, mark: Uint8Array | readonly number[], name: string, advice: string])[] = [
    [
      0,
      [0x50, 0x4b, 0x03, 0x04],
      "a zip file",
      "unzip it, and pack the folder with 'aimodellib package' or 'tar -czf'",
    ],
    [0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "an xz file", "convert it with 'xz -dc FILE | gzip > model.tar.gz'"],
    [0, [0x28, 0xb5, 0x2f, 0xfd], "a zstd file", "convert it with 'zstd -dc FILE | gzip > model.tar.gz'"],
    [0, text("BZh"), "a bzip2 file", "convert it with 'bzip2 -dc FILE | gzip > model.tar.gz'"],
    [0, [0x04, 0x22, 0x4d, 0x18], "an lz4 file", "convert it with 'lz4 -dc FILE | gzip > model.tar.gz'"],
    [0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "a 7z file", "unpack it, and pack the folder with 'aimodellib package'"],
    [257, text("ustar"), "an uncompressed tar archive", "compress it with 'gzip FILE'"],
    [
      0,
      text("version https://git-lfs.github.com/spec/"),
      "a pointer of Git LFS",
      "fetch the file with 'git lfs pull'",
    ],
    [0, [0x80, 0x02], "a pickle", "put it into a model directory; a Model Archive contains the code"],
    [0, [0x80, 0x04], "a pickle", "put it into a model directory; a Model Archive contains the code"],
  ];

/** What kind of file begins with these bytes, and what to do with it, such as "a zip file: unzip it, ..."; undefined if unknown. */
export function describeFile(bytes: Uint8Array): string | undefined {
  for (const [offset, mark, name, advice] of KINDS) {
    if (mark.length <= bytes.length - offset && [...mark].every((byte, i) => bytes[offset + i] === byte)) {
      return `${name}: ${advice}`;
    }
  }
  const start = new TextDecoder().decode(bytes).trimStart().toLowerCase();
  if (/^(?:<!doctype html|<html|<head|<\?xml)/.test(start)) {
    return "a web page, such as a login or error page: download the archive again, and look at the answer";
  }
  if (/^[{[]/.test(start)) {
    return "text, such as a server's error in JSON: download the archive again, and look at the answer";
  }
  return undefined;
}
