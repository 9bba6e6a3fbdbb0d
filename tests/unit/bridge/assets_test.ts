import assert from "node:assert/strict";
import { layOutAssets } from "../../../src/bridge/assets.ts";
import { cacheDir } from "../../../src/cache/folder.ts";
import { VERSION } from "../../../src/version.ts";
import { fakeEnv } from "../helper/env.ts";
import { TempDir } from "../helper/temp_dir.ts";

const SOURCE = new URL("../../../python", import.meta.url).pathname;
const ENTRY = "aimodellib/_bridge/__main__.py";

/** The files below a folder, with their content. */
function tree(root: string, folder = ""): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(`${root}/${folder}`)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) { for (const [key, value] of tree(root, path)) files.set(key, value); }
    else files.set(path, Deno.readTextFileSync(`${root}/${path}`));
  }
  return new Map([...files].sort(([a], [b]) => a < b ? -1 : 1));
}

let expectedFiles: Map<string, string> | undefined;

/** The files that must be laid out. Beside them are caches of Python and of its tools, which are not read. */
function expected(): Map<string, string> {
  return expectedFiles ??= new Map(
    [...sources("aimodellib")].sort(([a], [b]) => a < b ? -1 : 1),
  );
}

function* sources(folder: string): Generator<[string, string]> {
  for (const { name, isDirectory } of Deno.readDirSync(`${SOURCE}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".py") || name === "py.typed") yield [path, Deno.readTextFileSync(`${SOURCE}/${path}`)];
  }
}

Deno.test("layOutAssets() uses the sources in place when it does not run in the executable", async () => {
  using directory = new TempDir();
  using assets = await layOutAssets(fakeEnv({ AIMODELLIB_CACHE_DIR: directory.path }), false);
  assert.equal(assets.root, SOURCE);
  assert.equal(assets.entry, `${SOURCE}/${ENTRY}`);
  assert.deepEqual(directory.list(), []);
  assets[Symbol.dispose]();
  assert.ok(Deno.statSync(assets.entry).isFile);
});

Deno.test("layOutAssets() writes all Python files, and nothing else, to an empty cache", async () => {
  using directory = new TempDir();
  const cache = `${directory.path}/a/b`;
  const assets = await layOutAssets(fakeEnv({ AIMODELLIB_CACHE_DIR: cache }), true);
  assert.match(assets.root, new RegExp(`^${cache}/python-${VERSION}-[0-9a-f]{16}$`));
  assert.equal(assets.entry, `${assets.root}/${ENTRY}`);
  assert.deepEqual(tree(assets.root), expected());
  assert.ok(tree(assets.root).size > 10);
  assert.deepEqual(directory.list("a/b").length, 1, "Nothing is left beside it");
  assets[Symbol.dispose]();
  assert.deepEqual(tree(assets.root), expected(), "The cache stays");
});

Deno.test("layOutAssets() does not write files that are intact", async () => {
  using directory = new TempDir();
  const env = fakeEnv({ AIMODELLIB_CACHE_DIR: directory.path });
  const { root, entry } = await layOutAssets(env, true);
  const before = Deno.statSync(entry).ino;
  Deno.mkdirSync(`${root}/aimodellib/__pycache__`, { recursive: true });
  Deno.writeTextFileSync(`${root}/aimodellib/__pycache__/of-python.cpython-311.pyc`, "what Python writes there");
  assert.equal((await layOutAssets(env, true)).root, root);
  assert.equal(Deno.statSync(entry).ino, before);
  assert.deepEqual(directory.list(), [root.slice(directory.path.length + 1)]);
});

/** A cache that several tests damage in turn: each begins with intact files, which are written only if the one before it has failed. */
let damagedCache: TempDir | undefined;
Deno.test.afterAll(() => damagedCache?.[Symbol.dispose]());

for (
  const [what, damage] of [
    ["a file was changed", (root: string) => {
      const path = `${root}/${ENTRY}`;
      Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("import os", "import no"));
    }],
    ["a file is longer", (root: string) => Deno.writeTextFileSync(`${root}/${ENTRY}`, "\n", { append: true })],
    ["a file is empty", (root: string) => Deno.truncateSync(`${root}/aimodellib/util/types.py`)],
    ["a file is gone", (root: string) => Deno.removeSync(`${root}/aimodellib/py.typed`)],
    ["a folder is gone", (root: string) => Deno.removeSync(`${root}/aimodellib/_bridge`, { recursive: true })],
    ["a folder is a file", (root: string) => {
      Deno.removeSync(`${root}/aimodellib/util`, { recursive: true });
      Deno.writeTextFileSync(`${root}/aimodellib/util`, "");
    }],
    ["there is bytecode without a source", (root: string) => {
      Deno.writeTextFileSync(`${root}/aimodellib/util/extra.pyc`, "Python would import it");
    }],
    ["all of it is a file", (root: string) => {
      Deno.removeSync(root, { recursive: true });
      Deno.writeTextFileSync(root, "");
    }],
    ["all of it is an empty folder", (root: string) => {
      Deno.removeSync(root, { recursive: true });
      Deno.mkdirSync(root);
    }],
  ] as const
) {
  Deno.test(`layOutAssets() repairs its files when ${what}`, async () => {
    const directory = damagedCache ??= new TempDir();
    const env = fakeEnv({ AIMODELLIB_CACHE_DIR: directory.path });
    const { root } = await layOutAssets(env, true);
    damage(root);
    assert.equal((await layOutAssets(env, true)).root, root);
    assert.deepEqual(tree(root), expected());
    assert.deepEqual(directory.list(), [root.slice(directory.path.length + 1)], "Nothing is left beside it");
  });
}

/** Lays the files out in a private directory, and checks that it is removed. */
async function assertPrivate(variables: Record<string, string>): Promise<void> {
  const assets = await layOutAssets(fakeEnv(variables), true);
  assert.ok(!Object.values(variables).some((value) => value !== "" && assets.root.startsWith(value)), assets.root);
  assert.deepEqual(tree(assets.root), expected());
  assert.equal((Deno.statSync(assets.root).mode ?? 0) & 0o777, 0o700);
  assets[Symbol.dispose]();
  assert.throws(() => Deno.statSync(assets.root), Deno.errors.NotFound);
}

Deno.test("layOutAssets() writes to a private directory when the cache can't be created", async () => {
  using directory = new TempDir();
  const file = directory.write("file");
  await assertPrivate({ AIMODELLIB_CACHE_DIR: `${file}/cache` });
  await assertPrivate({ AIMODELLIB_CACHE_DIR: "/proc/aimodellib" });
  await assertPrivate({ HOME: file });
  await assertPrivate({});
});

Deno.test("layOutAssets() writes to a private directory when the cache can't be written to", {
  ignore: Deno.uid() === 0,
}, async () => {
  using directory = new TempDir();
  const cache = directory.folder("cache");
  Deno.chmodSync(cache, 0o555);
  await assertPrivate({ AIMODELLIB_CACHE_DIR: cache });
});

Deno.test("layOutAssets() uses a read-only cache that contains the files", {
  ignore: Deno.uid() === 0,
}, async () => {
  using directory = new TempDir();
  const cache = directory.folder("cache");
  const env = fakeEnv({ AIMODELLIB_CACHE_DIR: cache });
  const { root } = await layOutAssets(env, true);
  Deno.chmodSync(cache, 0o555);
  assert.equal((await layOutAssets(env, true)).root, root);
});

/** Starts several processes that lay out the files at the same moment, and returns where each found them. */
async function layOutAtOnce(cache: string, starts: number): Promise<string[]> {
  const script = new URL("../helper/lay_out_assets.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-config", "--no-lock", "--allow-all", script, cache];
  const children = Array.from({ length: starts }, () => {
    return new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
  });
  const readers = children.map(({ stdout }) => stdout.pipeThrough(new TextDecoderStream()).getReader());
  for (const reader of readers) assert.equal((await reader.read()).value, "ready\n");
  await Promise.all(children.map(({ stdin }) => stdin.close()));
  return await Promise.all(readers.map(async (reader, i) => {
    let root = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) root += next.value;
    assert.equal((await children[i]!.status).code, 0);
    return root;
  }));
}

for (const damaged of [false, true]) {
  const when = damaged ? "many starts find it damaged at once" : "many starts make it at once";
  Deno.test(`layOutAssets() leaves one complete set of files when ${when}`, async () => {
    using directory = new TempDir();
    const cache = directory.folder("cache");
    if (damaged) {
      const { entry } = await layOutAssets(fakeEnv({ AIMODELLIB_CACHE_DIR: cache }), true);
      Deno.truncateSync(entry);
    }
    const roots = await layOutAtOnce(cache, 4);
    const [name = ""] = directory.list("cache").filter((name) => !name.startsWith("."));
    assert.deepEqual(directory.list("cache"), [name], "Nothing is left beside it");
    assert.ok(roots.includes(`${cache}/${name}`));
    for (const root of roots) {
      assert.deepEqual(tree(root), expected());
      // A process that lost the race has created a directory of its own, which it must remove.
      if (!root.startsWith(cache)) Deno.removeSync(root, { recursive: true });
    }
  });
}

for (
  const [variables, expected] of [
    [{ AIMODELLIB_CACHE_DIR: "/own", XDG_CACHE_HOME: "/xdg", HOME: "/users/u" }, "/own"],
    [{ XDG_CACHE_HOME: "/xdg", HOME: "/users/u" }, "/xdg/aimodellib"],
    [{ XDG_CACHE_HOME: "", HOME: "/users/u" }, "/users/u/.cache/aimodellib"],
    [{ AIMODELLIB_CACHE_DIR: "", HOME: "/users/u" }, "/users/u/.cache/aimodellib"],
    [{ HOME: "" }, undefined],
    [{}, undefined],
  ] as const
) {
  Deno.test(`cacheDir() is ${expected} when the environment is ${JSON.stringify(variables)}`, () => {
    assert.equal(cacheDir(fakeEnv(variables)), expected);
  });
}
