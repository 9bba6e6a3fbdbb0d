import assert from "node:assert/strict";
import fc from "fast-check";
import { AimodellibError } from "../../../src/errors.ts";
import { unpack } from "../../../src/archive/unpack.ts";
import { concat, utf8 } from "../helper/bytes.ts";
import { sourceOf } from "../helper/source.ts";
import { archive, END, gzip, MANIFEST, paxEntry, rawEntry } from "../helper/tar.ts";
import { TempDir } from "../helper/temp_dir.ts";

const GOOD = archive(
  { name: "m/", type: "5" },
  { name: "m/train.py", content: "def train(): ...", mode: 0o755 },
  { name: "m/link", type: "2", target: "train.py" },
  { name: "m/hard", type: "1", target: "m/train.py" },
  { name: "m/empty/", type: "5" },
);

Deno.test("unpack() writes files, folders and links, with times and the executable bit", async () => {
  using directory = new TempDir();
  const out = `${directory.path}/out`;
  const result = await unpack(sourceOf(GOOD), out);
  assert.equal(result.entries, 6);
  assert.deepEqual(directory.list("out/m"), ["empty", "hard", "link", "train.py"]);
  assert.equal(Deno.readTextFileSync(`${out}/m/link`), "def train(): ...");
  assert.equal(Deno.readLinkSync(`${out}/m/link`), "train.py");
  const { mode, mtime, nlink } = Deno.statSync(`${out}/m/train.py`);
  assert.deepEqual([mode! & 0o777, mtime?.getTime(), nlink], [0o755, 1e12, 2]);
  assert.equal(Deno.statSync(`${out}/manifest.json`).mode! & 0o777, 0o644);
  assert.deepEqual(directory.list(), ["out"]);
});

Deno.test("unpack() drops setuid, setgid and sticky bits", async () => {
  using directory = new TempDir();
  await unpack(sourceOf(archive({ name: "a", mode: 0o7777 })), `${directory.path}/out`);
  assert.equal(Deno.statSync(`${directory.path}/out/a`).mode! & 0o7777, 0o755);
});

Deno.test("unpack() does not depend on the sizes of the pieces", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 700 }), async (size) => {
      using directory = new TempDir();
      const { sha256 } = await unpack(sourceOf(GOOD, size), `${directory.path}/out`);
      assert.equal(sha256, (await unpack(sourceOf(GOOD), `${directory.path}/again`)).sha256);
      assert.deepEqual(directory.list("out/m"), directory.list("again/m"));
    }),
    { numRuns: 20 },
  );
});

Deno.test("unpack() reads several gzip members, headers with names, and zeros at the end", async () => {
  using directory = new TempDir();
  const tar = concat(MANIFEST, rawEntry({ name: "a", content: "x" }), END);
  const named = concat(Uint8Array.of(0x1f, 0x8b, 8, 0x1c, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9), utf8("name\0comment\0"));
  const bytes = concat(gzip(tar.subarray(0, 700)), named, gzip(tar.subarray(700)).subarray(10), new Uint8Array(99));
  await unpack(sourceOf(bytes, 5), `${directory.path}/out`);
  assert.equal(Deno.readTextFileSync(`${directory.path}/out/a`), "x");
});

Deno.test("unpack() skips the root itself and the ._ files of macOS, and accepts ./ and a byte order mark", async () => {
  using directory = new TempDir();
  const bytes = gzip(concat(
    rawEntry({ name: "./", type: "5" }),
    rawEntry({ name: "./._manifest.json", content: "\0\x05\x16\x07" }),
    rawEntry({ name: "./manifest.json", content: '\ufeff// comment\n{"module": "."}' }),
    rawEntry({ name: ".//m/./a", content: "x" }),
    END,
  ));
  const { manifest } = await unpack(sourceOf(bytes), `${directory.path}/out`);
  assert.equal(manifest.module, ".");
  assert.deepEqual([directory.list("out"), directory.list("out/m")], [["m", "manifest.json"], ["a"]]);
});

Deno.test("unpack() reads names and sizes from pax headers", async () => {
  using directory = new TempDir();
  const long = `${"n".repeat(200)}é`;
  await unpack(
    sourceOf(archive(paxEntry({ path: long, size: "3", mtime: "5.5" }), { name: "x", content: "abc", size: 0 })),
    `${directory.path}/out`,
  );
  assert.equal(Deno.readTextFileSync(`${directory.path}/out/${long}`), "abc");
  assert.equal(Deno.statSync(`${directory.path}/out/${long}`).mtime?.getTime(), 5000);
});

Deno.test("unpack() uses a folder that is empty, and refuses one that is not", async () => {
  using directory = new TempDir();
  const out = directory.folder("out");
  await unpack(sourceOf(GOOD), `${out}/`);
  await assert.rejects(unpack(sourceOf(GOOD), out), {
    name: "UsageError",
    message: `The folder '${out}' is not empty: choose an empty or a new folder`,
  });
  assert.deepEqual(directory.list(), ["out"]);
});

Deno.test("unpack() fills an existing folder instead of replacing it: through a link, and as the working directory of another process", async () => {
  using directory = new TempDir();
  const out = directory.folder("out");
  Deno.chmodSync(out, 0o2750);
  const { ino } = Deno.statSync(out);
  Deno.symlinkSync("out", `${directory.path}/link`);
  await unpack(sourceOf(GOOD), `${directory.path}/link`);
  assert.deepEqual(directory.list("out"), ["m", "manifest.json"]);
  assert.deepEqual(directory.list(), ["link", "out"]);
  const after = Deno.statSync(out);
  assert.deepEqual([after.ino, after.mode! & 0o7777], [ino, 0o2750]);
});

Deno.test("unpack() leaves an existing folder empty when it fails, and uses one in which it was killed before", async () => {
  using directory = new TempDir();
  const out = directory.folder("out");
  await assert.rejects(unpack(sourceOf(GOOD.subarray(0, -9)), out), { name: "ArchiveError" });
  assert.deepEqual(directory.list("out"), []);
  directory.folder("out/.content.0123abcd.tmp");
  await unpack(sourceOf(GOOD), out);
  assert.deepEqual(directory.list("out"), [".content.0123abcd.tmp", "m", "manifest.json"]);
});

Deno.test("unpack() leaves nothing behind when it is aborted", async () => {
  using directory = new TempDir();
  const reason = new Error("stop");
  await assert.rejects(unpack(sourceOf(GOOD), `${directory.path}/out`, { signal: AbortSignal.abort(reason) }), reason);
  assert.deepEqual(directory.list(), []);
});

Deno.test("unpack() refuses or unpacks 500 corrupt archives without a crash, and leaves nothing else behind", async () => {
  using directory = new TempDir();
  const tar = concat(
    MANIFEST,
    rawEntry({ name: "m/train.py", content: "def train(): ..." }),
    paxEntry({ path: "m/longer", mtime: "7" }),
    rawEntry({ name: "x", content: "y".repeat(600) }),
    rawEntry({ name: "m/link", type: "2", target: "train.py" }),
    END,
  );
  const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), bits: fc.integer({ min: 1, max: 255 }) });
  const damage = fc.record({
    changes: fc.array(change, { minLength: 1, maxLength: 4 }),
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    inside: fc.boolean(),
    sealed: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ changes, cut, inside, sealed: seal }) => {
      let bytes = (inside ? tar : gzip(tar)).slice();
      for (const { at, bits } of changes) bytes[Math.floor(at * (bytes.length - 1))]! ^= bits;
      if (cut !== null) bytes = bytes.slice(0, Math.floor(cut * bytes.length));
      if (inside) {
        // Correct the checksums: otherwise the code behind their check is never reached.
        if (seal) { for (const offset of [0, 1024, 2048]) resealAt(bytes, offset); }
        bytes = gzip(bytes);
      }
      try {
        await unpack(sourceOf(bytes), `${directory.path}/out`);
        Deno.removeSync(`${directory.path}/out`, { recursive: true });
      } catch (error) {
        if (!(error instanceof AimodellibError)) throw error;
      }
      assert.deepEqual(directory.list(), []);
    }),
    { numRuns: 500 },
  );
});

function resealAt(bytes: Uint8Array, offset: number): void {
  if (bytes.length < offset + 512) return;
  bytes.fill(0x20, offset + 148, offset + 156);
  const sum = bytes.subarray(offset, offset + 512).reduce((total, byte) => total + byte, 0);
  bytes.set(utf8(`${sum.toString(8).padStart(6, "0")}\0`), offset + 148);
}
