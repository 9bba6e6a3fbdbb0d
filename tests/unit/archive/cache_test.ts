import assert from "node:assert/strict";
import { obtainArchive } from "../../../src/archive/cache.ts";
import { hashFile } from "../../../src/archive/content.ts";
import { fakeEnv } from "../helper/env.ts";
import { archive } from "../helper/tar.ts";
import { TempDir } from "../helper/temp_dir.ts";

const NOBODY = 65534;

/** Makes an archive with a script that prints `text`. */
function written(directory: TempDir, name: string, text: string): string {
  return directory.write(name, archive({ name: "m/train.py", content: text }));
}

/** Obtains an archive, and returns the source of its script. */
async function textOf(path: string, cacheDir: string | undefined, verify?: () => Promise<void>): Promise<string> {
  const witness = verify && { update() {}, verify };
  const obtained = await obtainArchive(path, { cacheDir, env: fakeEnv(), witness, say() {} });
  using _ = obtained;
  return Deno.readTextFileSync(`${obtained.root}/m/train.py`);
}

Deno.test("obtainArchive() refuses an archive that is replaced after its signature was verified", async () => {
  using directory = new TempDir();
  const path = written(directory, "model.tar.gz", "good");
  const other = written(directory, "other.tar.gz", "evil");
  const replace = () => {
    const { mtime } = Deno.statSync(path);
    Deno.utimeSync(other, mtime!, mtime!);
    Deno.renameSync(other, path);
    return Promise.resolve();
  };
  await assert.rejects(textOf(path, `${directory.path}/cache`, replace), /changed while it was read/);
});

/**
 * Where a whole generation of another archive lies, which this user owns, and what names the current one. `DIGEST` is that of the archive
 * which is run, `CACHE` the path of the cache.
 */
const OTHERS: readonly (readonly [what: string, place: string, current?: string])[] = [
  ["a name without a generation", "archives/DIGEST"],
  ["a generation that is not current", "archives/DIGEST-00000000"],
  ["a digest in capital letters", "archives/CAPITALS-00000000", "00000000"],
  ["a name that leads up", "evil", "00000000/../../evil"],
  ["a name that leads up from the shelf", "evil", "../../evil"],
  ["an absolute name", "evil", "/CACHE/evil"],
  ["another form of a name", "archives/DIGEST-evil", "evil"],
  ["a digit of another script", "archives/DIGEST-0000000\u0660", "0000000\u0660"],
  ["a name with more behind it", "archives/DIGEST-00000000", "00000000 0"],
  ["no name", "archives/DIGEST-", ""],
];

/** Puts a generation with the script `evil` into a cache, and returns the script that is run. */
async function runBeside(directory: TempDir, path: string, place: string, current?: string): Promise<string> {
  const cache = `${directory.path}/cache`;
  const elsewhere = `${directory.path}/elsewhere`;
  for (const folder of [cache, elsewhere]) await Deno.remove(folder, { recursive: true }).catch(() => {});
  await textOf(written(directory, "other.tar.gz", "evil"), elsewhere);
  const generation = directory.list("elsewhere/archives").find((name) => /-[0-9a-f]{8}$/.test(name))!;
  const digest = hashFile(path);
  const named = (text: string) =>
    text.replace("DIGEST", digest).replace("CAPITALS", digest.toUpperCase()).replace("/CACHE", cache);
  for (const folder of ["archives", `archives/${digest}-00000000`]) directory.folder(`cache/${folder}`);
  // A folder that is renamed is still as its list says; one that is copied is not.
  Deno.renameSync(`${elsewhere}/archives/${generation}`, `${cache}/${named(place)}`);
  if (current !== undefined) Deno.writeTextFileSync(`${cache}/archives/${digest}.current`, `${named(current)}\n`);
  return await textOf(path, cache);
}

Deno.test("obtainArchive() uses nothing in the cache but the current generation, whatever has a similar name", async () => {
  using directory = new TempDir();
  const path = written(directory, "model.tar.gz", "good");
  assert.equal(
    await runBeside(directory, path, "archives/DIGEST-00000000", "00000000"),
    "evil",
    "what the test plants",
  );
  for (const [what, ...planted] of OTHERS) assert.equal(await runBeside(directory, path, ...planted), "good", what);
});

/** Changes that another user made to the unpacked files or their list while the folder was writable for everybody. */
const PLANTED: readonly (readonly [what: string, plant: (generation: string) => string])[] = [
  ["a file whose name differs in case", (generation) => add(`${generation}/root/m/Train.py`)],
  [
    "a file whose name differs in Unicode's normal form",
    (generation) => add(`${generation}/root/m/gro\u0308\u00dfe.py`),
  ],
  [
    "a list with a name that leads out",
    (generation) => list(generation, { path: "../trap", kind: "link", target: "/" }),
  ],
  ["a list with an absolute name", (generation) => list(generation, { path: "/trap", kind: "folder" })],
  ["a list of the same content", (generation) => list(generation)],
];

function add(path: string): string {
  Deno.writeTextFileSync(path, "evil");
  return path;
}

/** Adds an existing item to the list of a generation. */
function list(generation: string, item?: { path: string; kind: string; target?: string }): string {
  const path = `${generation}/content.json`;
  const items = JSON.parse(Deno.readTextFileSync(path));
  if (item?.target !== undefined) Deno.symlinkSync(item.target, `${generation}/root/${item.path}`);
  Deno.writeTextFileSync(path, JSON.stringify(item === undefined ? items : [...items, item]));
  return path;
}

Deno.test("obtainArchive() unpacks anew when another user added to the files or their list", {
  ignore: Deno.uid() !== 0,
}, async () => {
  using directory = new TempDir();
  const path = directory.write(
    "model.tar.gz",
    archive({ name: "m/train.py", content: "good" }, { name: "m/gr\u00f6\u00dfe.py", content: "good" }),
  );
  const cache = `${directory.path}/cache`;
  const current = () => directory.list("cache/archives").find((name) => /-[0-9a-f]{8}$/.test(name))!;
  await textOf(path, cache);
  for (const [what, plant] of PLANTED) {
    const before = current();
    Deno.chownSync(plant(`${cache}/archives/${before}`), NOBODY, NOBODY);
    assert.equal(await textOf(path, cache), "good", what);
    assert.notEqual(current(), before, what);
    assert.deepEqual(directory.list("cache/runs"), [], what);
  }
});
