import assert from "node:assert/strict";
import zlib from "node:zlib";
import { collect } from "../../../src/archive/collect.ts";
import { pack, type PackOptions } from "../../../src/archive/pack.ts";
import { scan } from "../../../src/archive/scan.ts";
import { unpack } from "../../../src/archive/unpack.ts";
import { concat, equalBytes, pattern } from "../helper/bytes.ts";
import { sourceOf } from "../helper/source.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** Packs a folder to bytes. */
async function packed(
  root: string,
  options: Partial<PackOptions> = {},
  module = "m",
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  const write = (bytes: Uint8Array) => {
    parts.push(bytes.slice());
    return Promise.resolve();
  };
  const files = collect(root, () => false);
  await pack({ manifest: "{}", parts: [{ folder: module, files }] }, {
    level: 6,
    mtime: 7,
    write,
    threads: 0,
    ...options,
  });
  return concat(...parts);
}

function fill(directory: TempDir): void {
  directory.write("b/train.py", "x = 1\n".repeat(1000));
  directory.write("a.bin", pattern(3_000_000));
  directory.write("run.sh", "#!/bin/sh\n", 0o700);
  directory.write("é".repeat(100), "long name");
  directory.write(`${"deep/".repeat(30)}file`, "");
  directory.folder("empty");
  Deno.symlinkSync("../a.bin", `${directory.path}/b/link`);
}

Deno.test("unpack() restores the files that pack() has packed", async () => {
  using directory = new TempDir();
  using out = new TempDir();
  fill(directory);
  const bytes = await packed(directory.path);
  await unpack(sourceOf(bytes), `${out.path}/x`);
  assert.deepEqual(
    collect(`${out.path}/x/m`, () => false).entries.map(({ source: _, mtimeMs: __, inode: ___, ...entry }) => entry),
    collect(directory.path, () => false).entries.map(({ source: _, mtimeMs: __, inode: ___, ...entry }) => entry),
  );
  assert.ok(equalBytes(Deno.readFileSync(`${out.path}/x/m/a.bin`), pattern(3_000_000)));
});

for (const threads of [1, 3]) {
  Deno.test(`pack() makes the same bytes with ${threads} threads as without`, async () => {
    using directory = new TempDir();
    fill(directory);
    assert.ok(equalBytes(await packed(directory.path, { threads }), await packed(directory.path)));
  });
}

Deno.test("pack() makes the same bytes from the same files in another folder, with other times and modes", async () => {
  using one = new TempDir();
  using other = new TempDir();
  fill(one);
  other.write("z");
  Deno.removeSync(`${other.path}/z`);
  fill(other);
  Deno.utimeSync(`${other.path}/a.bin`, 1, 1);
  Deno.chmodSync(`${other.path}/b/train.py`, 0o600);
  assert.ok(equalBytes(await packed(one.path), await packed(other.path)));
});

Deno.test("pack() writes the manifest first, in one gzip member without name and time", async () => {
  using directory = new TempDir();
  fill(directory);
  const bytes = await packed(directory.path);
  assert.deepEqual([...bytes.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const names: string[] = [];
  await scan(sourceOf(bytes), { onEntry: ({ path }) => void names.push(path) });
  assert.deepEqual(names.slice(0, 4), ["manifest.json", "m", "m/a.bin", "m/b"]);
});

Deno.test("pack() leaves out the module's own manifest when the module is the root", async () => {
  using directory = new TempDir();
  directory.write("manifest.json", '{"unused": 1}');
  directory.write("train.py");
  const { unknown, entries } = await scan(sourceOf(await packed(directory.path, {}, "")));
  assert.deepEqual([unknown, entries], [{}, 2]);
});

for (const level of [0, 1, 9]) {
  Deno.test(`pack() makes a readable archive at level ${level}`, async () => {
    using directory = new TempDir();
    fill(directory);
    const bytes = await packed(directory.path, { level });
    const { sha256, entries } = await scan(sourceOf(bytes));
    assert.equal(sha256.length, 64);
    assert.ok(entries > 30);
    if (level === 0) assert.ok(bytes.length > 3_000_000);
  });
}

Deno.test("pack() stores random bytes, codes weights, and matches text", async () => {
  using directory = new TempDir();
  const random = new Uint8Array(4_000_000);
  for (let i = 0; i < random.length; i += 50_000) crypto.getRandomValues(random.subarray(i, i + 50_000));
  const floats = random.slice();
  for (let i = 3; i < floats.length; i += 4) floats[i] = 0x3b + (floats[i]! & 3);
  for (
    const [content, least, most] of [
      [random, 1, 1.001],
      [floats, 0.88, 0.93],
      [new TextEncoder().encode("def train(model_dir): ...\n".repeat(100_000)), 0, 0.02],
    ] as const
  ) {
    directory.write("file", content);
    const ratio = (await packed(directory.path)).length / content.length;
    assert.ok(ratio >= least && ratio <= most, `${ratio}`);
    // Compare with the list of another program.
    const tar = zlib.gunzipSync(await packed(directory.path));
    assert.ok(equalBytes(tar.subarray(2048, 2048 + content.length), content));
  }
});

Deno.test("pack() refuses a file that has grown, shrunk or vanished since it was found", async () => {
  using directory = new TempDir();
  const path = directory.write("weights.bin", pattern(100));
  const files = collect(directory.path, () => false);
  const write = () => Promise.resolve();
  for (
    const [change, message] of [
      [
        () => Deno.writeFileSync(path, pattern(101)),
        /^The archive can't be packed: 'm\/weights.bin' changed while it was read/,
      ],
      [
        () => Deno.writeFileSync(path, pattern(99)),
        /^The archive can't be packed: 'm\/weights.bin' changed while it was read/,
      ],
      [() => Deno.removeSync(path), /^The archive can't be packed: 'm\/weights.bin' can't be read: No such file/],
    ] as const
  ) {
    change();
    await assert.rejects(
      pack({ manifest: "{}", parts: [{ folder: "m", files }] }, { level: 6, mtime: 0, write, threads: 0 }),
      { name: "ArchiveError", message },
    );
  }
});

Deno.test("pack() refuses a file that is written to while it is read", async () => {
  using directory = new TempDir();
  const path = directory.write("weights.bin", pattern(5_000_000));
  // The clock of the file system is coarse.
  Deno.utimeSync(path, 1, 1);
  const files = collect(directory.path, () => false);
  let blocks = 0;
  const write = () => {
    if (blocks++ === 2) Deno.writeFileSync(path, pattern(5_000_000, 2));
    return Promise.resolve();
  };
  await assert.rejects(
    pack({ manifest: "{}", parts: [{ folder: "m", files }] }, { level: 1, mtime: 0, write, threads: 0 }),
    {
      message: /^The archive can't be packed: 'm\/weights.bin' changed while it was read/,
    },
  );
});

for (const threads of [0, 2]) {
  Deno.test(`pack() rejects when the output can't be written, with ${threads} threads`, async () => {
    using directory = new TempDir();
    directory.write("a", pattern(9_000_000));
    const files = collect(directory.path, () => false);
    let writes = 0;
    const write = () => ++writes > 3 ? Promise.reject(new Error("disk full")) : Promise.resolve();
    await assert.rejects(
      pack({ manifest: "{}", parts: [{ folder: "m", files }] }, { level: 1, mtime: 0, write, threads }),
      {
        message: "disk full",
      },
    );
  });
}
