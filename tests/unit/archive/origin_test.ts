import assert from "node:assert/strict";
import { collect } from "../../../src/archive/collect.ts";
import { parseManifest } from "../../../src/archive/manifest.ts";
import { Origin } from "../../../src/archive/origin.ts";
import { unpack } from "../../../src/archive/unpack.ts";
import { sourceOf } from "../helper/source.ts";
import { archive } from "../helper/tar.ts";
import { TempDir } from "../helper/temp_dir.ts";

const NOTE = ".aimodellib-origin.json";
const TEN = "0123456789";

/** A module that also has files where runs leave some, and the note of another archive. */
const GOOD = archive(
  { name: NOTE, content: "{}" },
  { name: "m/", type: "5" },
  { name: "m/train.py", content: TEN, mode: 0o755 },
  { name: "m/link", type: "2", target: "train.py" },
  { name: "m/hard", type: "1", target: "m/train.py" },
  { name: "m/old.pyc", content: TEN },
  { name: "m/.venv/pyvenv.cfg", content: TEN },
  { name: "logs/kept.log", content: TEN },
);

/** An archive that was unpacked with a note. */
async function unpacked(directory: TempDir): Promise<Origin> {
  await unpack(sourceOf(GOOD), `${directory.path}/out`, { noteOrigin: "/build/x.tar.gz" });
  return read(directory)!;
}

function read({ path }: TempDir): Origin | undefined {
  const { manifest } = parseManifest(Deno.readFileSync(`${path}/out/manifest.json`));
  return Origin.read(`${path}/out`, manifest);
}

/** Writes other bytes of the same length, with the same modification time. */
function forge(path: string, text: string): void {
  const { mtime } = Deno.statSync(path);
  Deno.writeTextFileSync(path, text);
  Deno.utimeSync(path, mtime!, mtime!);
}

Deno.test("unpack() writes a note of the origin, which does not count as content", async () => {
  using directory = new TempDir();
  const origin = await unpacked(directory);
  const { sha256 } = await unpack(sourceOf(GOOD), `${directory.path}/plain`);
  assert.deepEqual([origin.archive, origin.sha256, origin.holds], ["x.tar.gz", sha256, undefined]);
  assert.equal(await origin.check(), true);
  assert.equal(origin.holds, true);
  assert.deepEqual(directory.list("plain"), ["logs", "m", "manifest.json"], "nor is one in an archive unpacked");
  const { entries, leftOut } = collect(`${directory.path}/out`, () => false);
  assert.ok(entries.every(({ path }) => path !== NOTE));
  assert.deepEqual(leftOut.filter(({ path }) => path === NOTE), [{ path: NOTE, reason: "note of unpack" }]);
});

Deno.test("the digest covers a line of JSON for each file, sorted by path", async () => {
  using directory = new TempDir();
  const names = ["m/z.py", 'm/"quoted"', "m/back\\slash", "m/line\nfeed", "m/\u007f", "m/é", "m/🙂", "M.txt"];
  await unpack(
    sourceOf(archive(...names.map((name) => ({ name, content: TEN })))),
    `${directory.path}/out`,
    { noteOrigin: "x" },
  );
  const file = async (path: string) => {
    const digest = await crypto.subtle.digest("SHA-256", Deno.readFileSync(`${directory.path}/out/${path}`));
    return `${JSON.stringify([path, `file ${new Uint8Array(digest).toHex()}`])}\n`;
  };
  const lines = (await Promise.all(["manifest.json", ...names].sort().map(file))).join("");
  const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines))).toHex();
  assert.equal(JSON.parse(Deno.readTextFileSync(`${directory.path}/out/${NOTE}`)).content, expected);
});

Deno.test("an archive from standard input has a digest but no name", async () => {
  using directory = new TempDir();
  await unpack(sourceOf(GOOD), `${directory.path}/out`, { noteOrigin: "-" });
  const origin = read(directory)!;
  assert.deepEqual([origin.archive, await origin.check()], [undefined, true]);
});

for (
  const [what, change] of [
    ["nothing is changed", () => {}],
    ["it is copied", (out: string) => void new Deno.Command("cp", { args: ["-rP", out, `${out}.2`] }).outputSync()],
    ["Python was compiled", (out: string) => {
      Deno.mkdirSync(`${out}/m/__pycache__`);
      Deno.writeTextFileSync(`${out}/m/__pycache__/train.cpython-311.pyc`, "");
    }],
    ["an environment was made", (out: string) => {
      Deno.mkdirSync(`${out}/m/venv`);
      Deno.writeTextFileSync(`${out}/m/venv/pyvenv.cfg`, "");
      Deno.writeTextFileSync(`${out}/m/venv/more.py`, "");
    }],
    ["runs have logged", (out: string) => Deno.writeTextFileSync(`${out}/logs/new.log`, "")],
    ["times and modes are others", (out: string) => {
      Deno.utimeSync(`${out}/m/train.py`, 1, 1);
      Deno.chmodSync(`${out}/m/train.py`, 0o600);
    }],
  ] as const
) {
  Deno.test(`a folder counts as unchanged when ${what}`, async () => {
    using directory = new TempDir();
    const origin = await unpacked(directory);
    await origin.check();
    change(`${directory.path}/out`);
    assert.equal(await origin.check(), true);
    assert.equal(await read(directory)!.check(), true);
  });
}

for (
  const [what, change] of [
    ["a file", (out: string) => Deno.writeTextFileSync(`${out}/m/train.py`, "x")],
    ["a file, to one as long and as old", (out: string) => forge(`${out}/m/train.py`, "9876543210")],
    ["the manifest", (out: string) => Deno.writeTextFileSync(`${out}/manifest.json`, "{ }")],
    ["a link", (out: string) => {
      Deno.removeSync(`${out}/m/link`);
      Deno.symlinkSync("hard", `${out}/m/link`);
    }],
    ["a link, to what it leads to", (out: string) => {
      Deno.removeSync(`${out}/m/link`);
      Deno.copyFileSync(`${out}/m/train.py`, `${out}/m/link`);
    }],
    ["by a file more", (out: string) => Deno.writeTextFileSync(`${out}/m/json.py`, "")],
    ["by a file less", (out: string) => Deno.removeSync(`${out}/m/hard`)],
    ["in what it had of compiled Python", (out: string) => Deno.writeTextFileSync(`${out}/m/old.pyc`, "x")],
    ["in what it had of an environment", (out: string) => Deno.removeSync(`${out}/m/.venv/pyvenv.cfg`)],
    ["in what it had of logs", (out: string) => forge(`${out}/logs/kept.log`, "9876543210")],
  ] as const
) {
  Deno.test(`a folder counts as changed: ${what}`, async () => {
    using directory = new TempDir();
    const origin = await unpacked(directory);
    change(`${directory.path}/out`);
    assert.equal(await origin.check(), false);
    assert.equal(await read(directory)!.check(), false);
  });
}

Deno.test("a folder counts as unchanged without any wheels, but not without one of them", async () => {
  using directory = new TempDir();
  const bytes = archive({ name: "serve.py", content: TEN }, { name: "wheels/a-1-py3-none-any.whl", content: TEN }, {
    name: "wheels/b-1-py3-none-any.whl",
    content: TEN,
  });
  await unpack(sourceOf(bytes), `${directory.path}/out`, { noteOrigin: "x.tar.gz" });
  const origin = read(directory)!;
  assert.equal(await origin.check(), true);
  Deno.removeSync(`${directory.path}/out/wheels/a-1-py3-none-any.whl`);
  assert.equal(await origin.check(), false);
  Deno.removeSync(`${directory.path}/out/wheels`, { recursive: true });
  assert.equal(await origin.check(), true);
  Deno.writeTextFileSync(`${directory.path}/out/serve.py`, "9");
  assert.equal(await origin.check(), false);
});

Deno.test("a folder that was changed back counts as unchanged again, at every check", async () => {
  using directory = new TempDir();
  const origin = await unpacked(directory);
  const path = `${directory.path}/out/m/train.py`;
  const found = [await origin.check()];
  Deno.writeTextFileSync(path, "longer than before");
  found.push(await origin.check(), await origin.check());
  Deno.writeTextFileSync(path, TEN);
  found.push(...await Promise.all([origin.check(), origin.check()]));
  Deno.removeSync(`${directory.path}/out`, { recursive: true });
  found.push(await origin.check());
  assert.deepEqual(found, [true, false, false, true, true, false]);
});

Deno.test("a folder has no origin when its note is not valid", async () => {
  using directory = new TempDir();
  await unpacked(directory);
  const path = `${directory.path}/out/${NOTE}`;
  const note = JSON.parse(Deno.readTextFileSync(path));
  for (
    const other of [
      "",
      "null",
      "[]",
      ...[{ archive: "a/b" }, { archive: 3 }, { sha256: "x" }, { content: 3 }, { also: {} }].map((part) =>
        JSON.stringify({ ...note, ...part })
      ),
    ]
  ) {
    Deno.writeTextFileSync(path, other);
    assert.equal(read(directory), undefined, other);
  }
  Deno.removeSync(path);
  assert.equal(read(directory), undefined);
});
