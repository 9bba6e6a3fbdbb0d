import assert from "node:assert/strict";
import { ArchiveError, named } from "../../../src/archive/errors.ts";
import type { Limits } from "../../../src/archive/rules.ts";
import { scan } from "../../../src/archive/scan.ts";
import { unpack } from "../../../src/archive/unpack.ts";
import { concat } from "../helper/bytes.ts";
import { sourceOf } from "../helper/source.ts";
import { archive, END, gzip, MANIFEST, paxEntry, type RawEntry, rawEntry, sealed } from "../helper/tar.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** Matches the text after an archive's name in a message: one line that starts with a verb, as the rest of a sentence. */
const PREDICATE =
  /^(?:is|has|contains|continues|lacks|unpacks|uses|can't|does|was|changed) (?:(?!\b(?:It|This|That) )[^\n])+[^.\n]$/;

/** Checks that `scan` and `unpack` refuse an archive for this reason, and that `unpack` leaves no files. */
function refuses(what: string, bytes: () => Uint8Array, reason: string | RegExp, limits?: Partial<Limits>): void {
  Deno.test(`unpack() refuses ${what}`, async () => {
    using directory = new TempDir();
    const options = { limits: { maxEntries: 1000, maxSize: 2 ** 30, maxRatio: 200, ...limits } };
    const expected = (error: unknown) => {
      assert.ok(error instanceof ArchiveError, String(error));
      if (typeof reason === "string") assert.equal(error.reason, reason);
      else assert.match(error.reason, reason);
      assert.match(error.reason, PREDICATE);
      assert.equal((named(error, "'a.tar.gz'") as Error).message, `'a.tar.gz' ${error.reason}`);
      return true;
    };
    await assert.rejects(scan(sourceOf(bytes()), {}, options), expected);
    await assert.rejects(unpack(sourceOf(bytes()), `${directory.path}/out`, options), expected);
    assert.deepEqual(directory.list(), []);
  });
}

const link = (name: string, target: string): RawEntry => ({ name, type: "2", target });
const hardLink = (name: string, target: string): RawEntry => ({ name, type: "1", target });
const file = (name: string, content = "x"): RawEntry => ({ name, content });

refuses("an absolute path", () => archive(file("/etc/x")), "contains '/etc/x', an absolute path");
for (const name of ["../x", "a/../../x", "a/..", ".."]) {
  refuses(`the path ${name}`, () => archive(file(name)), `contains '${name}', a path with '..'`);
}
refuses(
  "a path that leads out in a pax header",
  () => archive(paxEntry({ path: "../x" }), file("y")),
  "contains '../x', a path with '..'",
);
refuses(
  "a path that leads out in a GNU long name",
  () => archive({ name: "././@LongLink", type: "L", content: "../x\0" }, file("y")),
  "contains '../x', a path with '..'",
);
refuses("an empty path", () => archive(file("./")), "contains a file named './', which only a folder can be");
refuses(
  "a name that is not UTF-8",
  () => archive({ name: Uint8Array.of(0x66, 0xff) }),
  /^contains the name 'f\ufffd', which is not UTF-8: rename it/,
);

refuses(
  "an absolute link",
  () => archive(link("a", "/etc")),
  "contains 'a', a link that leads out of the archive, to '/etc'",
);
refuses(
  "a link that leads out",
  () => archive(link("d/a", "../../x")),
  "contains 'd/a', a link that leads out of the archive, to '../../x'",
);
refuses(
  "a link that leads out through another link",
  () => archive(link("deep/a/b/root", "../../.."), link("m", "deep/a/b/root/..")),
  "contains 'm', a link that leads out of the archive, to 'deep/a/b/root/..'",
);
refuses(
  "links in a circle",
  () => archive(link("a", "b"), link("b", "a")),
  "contains 'a', a link that leads in a circle",
);
refuses(
  "a file below a link",
  () => archive(link("a", "."), file("a/b")),
  "contains 'a/b' below 'a', which is a link",
);
refuses(
  "a link in place of a folder",
  () => archive(file("a/b"), link("a", ".")),
  "contains 'a' twice",
);
refuses("a hard link that leads out", () => archive(hardLink("a", "../x")), /^contains 'a', a link that leads out/);
refuses("an absolute hard link", () => archive(hardLink("a", "/etc/passwd")), /^contains 'a', a link that leads out/);
refuses(
  "a hard link to nothing",
  () => archive(hardLink("a", "b"), file("b")),
  "contains 'a', a hard link to 'b', but no earlier file of that name",
);
refuses(
  "a hard link to a link",
  () => archive(link("b", "c"), hardLink("a", "b")),
  "contains 'a', a hard link to 'b', but no earlier file of that name",
);

for (const [type, kind] of [["3", "device"], ["4", "device"], ["6", "FIFO"]] as const) {
  refuses(
    `a ${kind} of type ${type}`,
    () => archive({ name: "dev", type }),
    `contains 'dev', a ${kind}: only files, folders and links can be unpacked`,
  );
}
refuses(
  "a sparse file of GNU",
  () => archive({ name: "s", type: "S" }),
  /^contains 's', a sparse file, which is not supported: make the archive again/,
);
refuses(
  "a sparse file of pax",
  () => archive(paxEntry({ "GNU.sparse.major": "1" }), file("s")),
  /^contains 's', a sparse file/,
);
refuses(
  "a type that tar does not define",
  () => archive({ name: "z", type: "Z" }),
  "contains 'z' with the type 'Z', which tar does not define",
);

refuses("a name that occurs twice", () => archive(file("a"), file("./a")), "contains 'a' twice");
refuses("a manifest that occurs twice", () => archive(file("manifest.json", "{}")), "contains 'manifest.json' twice");
refuses(
  "names that differ in case only",
  () => archive(file("d/A"), file("D/b")),
  "contains 'D' and 'd', which collide on case-insensitive file systems",
);
refuses(
  "names that differ in their Unicode form only",
  () => archive(paxEntry({ path: "e\u0301" }), file("x"), paxEntry({ path: "\u00e9" }), file("y")),
  /, which collide on case-insensitive file systems$/,
);
for (
  const [first, second] of [["d/a", "d/A"], ["d/A", "d/a"], ["a/x", "A"], ["A/x", "a"], ["x/B", "x/b/c"], ["É", "é"]]
) {
  refuses(
    `'${second}' after '${first}'`,
    () => archive(file(first!), file(second!)),
    /which collide on case-insensitive/,
  );
}
refuses("a file in a file", () => archive(file("a"), file("a/b")), "contains 'a/b' below 'a', which is a file");

refuses(
  "too many entries",
  () => archive(file("a"), file("b"), file("c")),
  "has more than 3 entries; if you trust it, raise --max-entries",
  { maxEntries: 3 },
);
refuses(
  "too large a file",
  () => archive(file("a", "x".repeat(99))),
  "unpacks to more than 100 bytes, with 'a'; if you trust it, raise --max-size",
  {
    maxSize: 100,
  },
);
refuses(
  "a bomb",
  () => archive({ name: "zeros", content: new Uint8Array(80 * 2 ** 20) }),
  "unpacks to more than 200 times its size, as a bomb does; if you trust it, raise --max-ratio",
);

refuses(
  "a file that is not gzip",
  () => new TextEncoder().encode("plain"),
  "is not a gzip file; a Model Archive is a .tar.gz file",
);
refuses(
  "a tar that is not compressed",
  () => concat(MANIFEST, END),
  "is not a .tar.gz file but an uncompressed tar archive: compress it with 'gzip FILE'",
);
refuses(
  "an empty file",
  () => new Uint8Array(0),
  "is empty: the download, or the program that wrote it, may have failed",
);
refuses("an empty archive", () => gzip(new Uint8Array(0)), "is empty: it decompresses to 0 bytes");
const TRUNCATED = "is truncated: the gzip stream ends early";
refuses("truncated gzip", () => archive(file("a")).subarray(0, -20), TRUNCATED);
refuses("gzip without its checksum", () => archive(file("a")).subarray(0, -8), TRUNCATED);
refuses("gzip that ends in its header", () => archive(file("a")).with(3, 4).subarray(0, 11), TRUNCATED);
refuses("a wrong checksum", () => {
  const bytes = archive(file("a"));
  bytes[bytes.length - 8]! ^= 1;
  return bytes;
}, "is corrupt: its checksum or length does not match its content");
refuses("a wrong length", () => {
  const bytes = archive(file("a"));
  bytes[bytes.length - 1]! ^= 1;
  return bytes;
}, "is corrupt: its checksum or length does not match its content");
refuses(
  "garbage after the gzip stream",
  () => concat(archive(file("a")), Uint8Array.of(7)),
  /^continues after its end with data that is not gzip, at byte \d+$/,
);
refuses(
  "garbage after padding",
  () => concat(archive(file("a")), new Uint8Array(9), Uint8Array.of(7)),
  /^continues after its end with data that is not gzip/,
);
refuses(
  "an entry after the end-of-archive marker",
  () => gzip(concat(MANIFEST, END, rawEntry(file("a")))),
  "continues after the tar archive's end-of-archive marker, at byte 2048 of the tar archive",
);
refuses(
  "tar without its end-of-archive marker",
  () => gzip(MANIFEST),
  "is truncated: the tar archive in it lacks the end-of-archive marker",
);
refuses(
  "tar that is truncated in a file",
  () => gzip(concat(MANIFEST, rawEntry({ name: "a", content: "", size: 5 }))),
  "is truncated: the tar archive in it ends within an entry",
);
refuses("a header with a wrong checksum", () => {
  const header = rawEntry(file("a"));
  header[0]! ^= 1;
  return archive(header);
}, "is corrupt, or does not contain a tar archive: the tar header at byte 1024 has a wrong checksum");
refuses("a size that is not a number", () => {
  const header = rawEntry(file("a"));
  header[124] = 0x39;
  return archive(sealed(header));
}, /^is corrupt: a tar header has the size '9\d+', which is not an octal number$/);
refuses("a negative size", () => {
  const header = rawEntry(file("a"));
  header.fill(0xff, 124, 136);
  return archive(sealed(header));
}, "is corrupt: a tar header has a negative size");
refuses(
  "a pax header that does not parse",
  () => archive({ name: "p", type: "x", content: "99 path=x\n" }),
  "is corrupt: a pax header does not parse",
);
for (
  const [record, reason] of [[{ size: "1x" }, "the invalid size '1x'"], [{ path: "a\0b" }, "an invalid path"]] as const
) {
  refuses(
    `a pax header with ${reason}`,
    () => archive(paxEntry(record), file("a")),
    `is corrupt: a pax header has ${reason}`,
  );
}
refuses(
  "a pax header that is too long",
  () => archive({ name: "p", type: "x", size: 2 ** 21 }),
  "is corrupt: a pax header or long name has 2097152 bytes, more than 1048576",
);
refuses("a size that is too large for a number", () => {
  const header = rawEntry(file("a"));
  header.fill(0xbf, 124, 136);
  return archive(sealed(header));
}, "is corrupt: a tar header has a size that is out of range");
refuses("corrupt deflate", () => archive(file("a")).with(10, 0xff), /^is corrupt: \S/);
refuses(
  "an unknown compression method",
  () => archive(file("a")).with(2, 9),
  "uses a compression method that gzip does not define (9, flags 0)",
);
refuses(
  "a gzip header that is too long",
  () => concat(archive(file("a")).with(3, 8).subarray(0, 10), new Uint8Array(70_000).fill(0x61)),
  "has a gzip header with a text of more than 65536 bytes",
);
refuses(
  "a global pax header that renames",
  () => archive(paxEntry({ path: "x" }, "g"), file("a")),
  "has a global pax header that renames or resizes all entries, which is not supported",
);

const noManifest = (...entries: RawEntry[]) => gzip(concat(...entries.map(rawEntry), END));
refuses(
  "an archive without a manifest",
  () => noManifest(file("a")),
  "has no manifest.json in its root; a Model Archive needs one",
);
for (const name of ["Manifest.json", "model/manifest.json", "MANIFEST.JSON"]) {
  refuses(
    `the manifest ${name}`,
    () => noManifest(file(name, "{}")),
    `has no manifest.json in its root; a Model Archive needs one (there is a '${name}')`,
  );
}
refuses(
  "a manifest that is a link",
  () => noManifest(file("a.json", "{}"), { name: "manifest.json", type: "2", target: "a.json" }),
  "has a manifest.json that is a link or a folder; a Model Archive needs a file",
);
refuses(
  "a script that the manifest names and is missing",
  () => noManifest(file("manifest.json", '{"module": "m", "trainingScript": "train.py"}')),
  "lacks 'm/train.py', the trainingScript in its manifest.json",
);
refuses(
  "a model that the manifest names and is missing",
  () => noManifest(file("manifest.json", '{"modelDirectory": "model"}')),
  "lacks 'model', the modelDirectory in its manifest.json",
);
refuses(
  "a manifest that is not JSON",
  () => noManifest(file("manifest.json", '{"module": }')),
  "has a manifest.json that is invalid at line 1, column 12: a value is missing",
);
refuses(
  "a manifest that is too long",
  () => noManifest(file("manifest.json", " ".repeat(2 ** 20 + 1))),
  "has a manifest.json of more than 1048576 bytes",
);
