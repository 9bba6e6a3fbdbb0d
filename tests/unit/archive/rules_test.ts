import assert from "node:assert/strict";
import { ArchiveError } from "../../../src/archive/errors.ts";
import type { Limits } from "../../../src/archive/rules.ts";
import { scan } from "../../../src/archive/scan.ts";
import { unpack } from "../../../src/archive/unpack.ts";
import { concat } from "../helper/bytes.ts";
import { sourceOf } from "../helper/source.ts";
import { archive, END, gzip, MANIFEST, paxEntry, type RawEntry, rawEntry, sealed } from "../helper/tar.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** Checks that an archive is refused by `scan` and by `unpack`, which leaves nothing, with this message. */
function refuses(what: string, bytes: () => Uint8Array, message: string | RegExp, limits?: Partial<Limits>): void {
  Deno.test(`unpack() refuses ${what}`, async () => {
    using directory = new TempDir();
    const options = { limits: { maxEntries: 1000, maxSize: 2 ** 30, maxRatio: 200, ...limits } };
    const expected = (error: unknown) => {
      assert.ok(error instanceof ArchiveError, String(error));
      if (typeof message === "string") assert.equal(error.message, message);
      else assert.match(error.message, message);
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

refuses("an absolute path", () => archive(file("/etc/x")), "'/etc/x' is an absolute path");
for (const name of ["../x", "a/../../x", "a/..", ".."]) {
  refuses(`the path ${name}`, () => archive(file(name)), `'${name}' leads out of the folder: it has '..'`);
}
refuses(
  "a path that leads out in a pax header",
  () => archive(paxEntry({ path: "../x" }), file("y")),
  /'\.\.\/x' leads out/,
);
refuses(
  "a path that leads out in a GNU long name",
  () => archive({ name: "././@LongLink", type: "L", content: "../x\0" }, file("y")),
  /'\.\.\/x' leads out/,
);
refuses("an empty path", () => archive(file("./")), "'./' is no name for a file");
refuses(
  "a name that is not in UTF-8",
  () => archive({ name: Uint8Array.of(0x66, 0xff) }),
  /^The name 'f\ufffd' is not in UTF-8/,
);

refuses("an absolute link", () => archive(link("a", "/etc")), "'a' is a link that leads out of the folder, to '/etc'");
refuses(
  "a link that leads out",
  () => archive(link("d/a", "../../x")),
  "'d/a' is a link that leads out of the folder, to '../../x'",
);
refuses(
  "a link that leads out through another link",
  () => archive(link("deep/a/b/root", "../../.."), link("m", "deep/a/b/root/..")),
  "'m' is a link that leads out of the folder, to 'deep/a/b/root/..'",
);
refuses("links in a circle", () => archive(link("a", "b"), link("b", "a")), "'a' is a link that leads in a circle");
refuses(
  "a file behind a link",
  () => archive(link("a", "."), file("a/b")),
  "'a/b' would be written through the link 'a'",
);
refuses(
  "a link in the place of a folder",
  () => archive(file("a/b"), link("a", ".")),
  "'a' is in it twice",
);
refuses("a hard link that leads out", () => archive(hardLink("a", "../x")), /'a' is a link that leads out/);
refuses("an absolute hard link", () => archive(hardLink("a", "/etc/passwd")), /'a' is a link that leads out/);
refuses(
  "a hard link to nothing",
  () => archive(hardLink("a", "b"), file("b")),
  /'a' is a link to 'b', which is no file that comes before it/,
);
refuses(
  "a hard link to a link",
  () => archive(link("b", "c"), hardLink("a", "b")),
  /which is no file that comes before it/,
);

for (const [type, kind] of [["3", "device"], ["4", "device"], ["6", "FIFO"]] as const) {
  refuses(
    `a ${kind} of type ${type}`,
    () => archive({ name: "dev", type }),
    `'dev' is a ${kind}, which has no place in a Model Archive`,
  );
}
refuses(
  "a sparse file of GNU",
  () => archive({ name: "s", type: "S" }),
  /'s' is a sparse file, which is not supported/,
);
refuses(
  "a sparse file of pax",
  () => archive(paxEntry({ "GNU.sparse.major": "1" }), file("s")),
  /'s' is a sparse file/,
);
refuses(
  "a type that tar does not define",
  () => archive({ name: "z", type: "Z" }),
  /'z' is of a type that tar does not define \('Z'\)/,
);

refuses("a name that is there twice", () => archive(file("a"), file("./a")), "'a' is in it twice");
refuses("a manifest that is there twice", () => archive(file("manifest.json", "{}")), "'manifest.json' is in it twice");
refuses(
  "names that differ in case only",
  () => archive(file("d/A"), file("D/b")),
  "'D' and 'd' are the same name on systems that do not tell cases apart",
);
refuses(
  "names that differ in their Unicode form only",
  () => archive(paxEntry({ path: "e\u0301" }), file("x"), paxEntry({ path: "\u00e9" }), file("y")),
  /are the same name/,
);
refuses("a file in a file", () => archive(file("a"), file("a/b")), "'a/b' lies in 'a', which is a file");

refuses(
  "too many entries",
  () => archive(file("a"), file("b"), file("c")),
  "It has more than 3 entries (--max-entries)",
  { maxEntries: 3 },
);
refuses(
  "too large a file",
  () => archive(file("a", "x".repeat(99))),
  "'a' makes it larger than 100 bytes (--max-size)",
  {
    maxSize: 100,
  },
);
refuses(
  "a bomb",
  () => archive({ name: "zeros", content: new Uint8Array(80 * 2 ** 20) }),
  "It grows to more than 200 times its size, as bombs do (--max-ratio)",
);

refuses(
  "what is no gzip",
  () => new TextEncoder().encode("plain"),
  "It is not a gzip file: a Model Archive is a .tar.gz",
);
refuses(
  "a tar that is not compressed",
  () => concat(MANIFEST, END),
  "It is not a gzip file, as a Model Archive (a .tar.gz) is, but a tar archive that is not compressed: compress it with 'gzip FILE'",
);
refuses(
  "nothing at all",
  () => new Uint8Array(0),
  "It is not a gzip file, as a Model Archive (a .tar.gz) is, but an empty file: it may not have been written to its end, or not be downloaded",
);
refuses("an empty archive", () => gzip(new Uint8Array(0)), "It is empty");
refuses("gzip that is cut off", () => archive(file("a")).subarray(0, -20), "It is cut off: it ends in the middle");
refuses("gzip without its checksum", () => archive(file("a")).subarray(0, -8), "It is cut off: it ends in the middle");
refuses("a wrong checksum", () => {
  const bytes = archive(file("a"));
  bytes[bytes.length - 8]! ^= 1;
  return bytes;
}, "It is damaged: its checksum is not that of its content");
refuses("a wrong length", () => {
  const bytes = archive(file("a"));
  bytes[bytes.length - 1]! ^= 1;
  return bytes;
}, "It is damaged: its checksum is not that of its content");
refuses(
  "rubbish behind it",
  () => concat(archive(file("a")), Uint8Array.of(7)),
  /^Something that is not gzip follows the archive/,
);
refuses(
  "rubbish behind zeros",
  () => concat(archive(file("a")), new Uint8Array(9), Uint8Array.of(7)),
  /^Something that is not gzip/,
);
refuses(
  "rubbish behind the tar",
  () => gzip(concat(MANIFEST, END, rawEntry(file("a")))),
  /^Something follows the mark at its end/,
);
refuses("tar without its end", () => gzip(MANIFEST), "It is cut off: the mark at its end is missing");
refuses(
  "tar that is cut off in a file",
  () => gzip(concat(MANIFEST, rawEntry({ name: "a", content: "", size: 5 }))),
  "It is cut off: it ends within an entry",
);
refuses("a header with a wrong checksum", () => {
  const header = rawEntry(file("a"));
  header[0]! ^= 1;
  return archive(header);
}, /^It is damaged, or no tar archive: the header at byte 1024 of the tar has a wrong checksum$/);
refuses("a size that is no number", () => {
  const header = rawEntry(file("a"));
  header[124] = 0x39;
  return archive(sealed(header));
}, /^A header has the size '9\d+', which is no octal number$/);
refuses("a negative size", () => {
  const header = rawEntry(file("a"));
  header.fill(0xff, 124, 136);
  return archive(sealed(header));
}, "A header has a negative size");
refuses(
  "a pax header that does not parse",
  () => archive({ name: "p", type: "x", content: "99 path=x\n" }),
  /a pax header does not parse/,
);
refuses("a pax header without end", () => archive({ name: "p", type: "x", size: 2 ** 21 }), /too long to be right/);
refuses(
  "a global pax header that renames",
  () => archive(paxEntry({ path: "x" }, "g"), file("a")),
  /global pax header/,
);

const noManifest = (...entries: RawEntry[]) => gzip(concat(...entries.map(rawEntry), END));
refuses(
  "an archive without a manifest",
  () => noManifest(file("a")),
  "It has no manifest.json in its root, so it is no Model Archive",
);
for (const name of ["Manifest.json", "model/manifest.json", "MANIFEST.JSON"]) {
  refuses(
    `the manifest ${name}`,
    () => noManifest(file(name, "{}")),
    new RegExp(`so it is no Model Archive; it has '${name}'$`),
  );
}
refuses(
  "a script that the manifest names and is missing",
  () => noManifest(file("manifest.json", '{"module": "m", "trainingScript": "train.py"}')),
  "'m/train.py' is missing, and its manifest.json names it as trainingScript",
);
