import assert from "node:assert/strict";
import { RuntimeDir } from "../../../src/bridge/runtime_dir.ts";
import { fakeEnv } from "../helper/env.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** Returns a path in `directory` of this length in bytes. */
function folderOfLength(directory: TempDir, length: number): string {
  let path = directory.path;
  while (length - path.length > 200) path += `/${"d".repeat(100)}`;
  path += `/${"d".repeat(length - path.length - 1)}`;
  Deno.mkdirSync(path, { recursive: true });
  assert.equal(path.length, length);
  return path;
}

function parentOf({ path }: RuntimeDir<unknown>): string {
  return path.slice(0, path.lastIndexOf("/"));
}

Deno.test("create() creates a private directory in TMPDIR, which disposing removes", () => {
  using directory = new TempDir();
  const made = RuntimeDir.create(fakeEnv({ TMPDIR: directory.path, XDG_RUNTIME_DIR: "/nowhere" }), () => {});
  assert.equal(parentOf(made), directory.path);
  assert.equal((Deno.statSync(made.path).mode ?? 0) & 0o777, 0o700);
  Deno.writeTextFileSync(`${made.path}/ledger`, "");
  made[Symbol.dispose]();
  assert.deepEqual(directory.list(), []);
  made[Symbol.dispose]();
});

Deno.test("create() creates a new directory each time", () => {
  using directory = new TempDir();
  const env = fakeEnv({ TMPDIR: directory.path });
  using one = RuntimeDir.create(env, () => {});
  using two = RuntimeDir.create(env, () => {});
  assert.notEqual(one.path, two.path);
});

Deno.test("create() creates a directory for a socket in the longest possible TMPDIR", () => {
  using directory = new TempDir();
  const longest = folderOfLength(directory, 67);
  using made = RuntimeDir.create(fakeEnv({ TMPDIR: longest }), () => {});
  assert.equal(parentOf(made), longest);
  Deno.listen({ transport: "unix", path: `${made.path}/bridge.sock` }).close();
});

Deno.test("create() uses XDG_RUNTIME_DIR when TMPDIR is too long for a socket", () => {
  using directory = new TempDir();
  for (const length of [68, 100, 400]) {
    const XDG_RUNTIME_DIR = directory.folder("run");
    using made = RuntimeDir.create(fakeEnv({ TMPDIR: folderOfLength(directory, length), XDG_RUNTIME_DIR }), () => {});
    assert.equal(parentOf(made), XDG_RUNTIME_DIR);
  }
});

Deno.test("create() counts bytes, not characters, when TMPDIR is not ASCII", () => {
  using directory = new TempDir();
  const TMPDIR = directory.folder("ü".repeat((66 - directory.path.length) / 2 + 1));
  assert.ok(TMPDIR.length <= 67 && new TextEncoder().encode(TMPDIR).length > 67);
  using made = RuntimeDir.create(fakeEnv({ TMPDIR }), () => {});
  assert.equal(parentOf(made), "/tmp");
});

Deno.test("create() tries the next place when one is missing or not a directory", () => {
  using directory = new TempDir();
  const XDG_RUNTIME_DIR = directory.folder("run");
  for (const TMPDIR of [`${directory.path}/missing`, directory.write("file"), ""]) {
    using made = RuntimeDir.create(fakeEnv({ TMPDIR, XDG_RUNTIME_DIR }), () => {});
    assert.equal(parentOf(made), XDG_RUNTIME_DIR);
  }
});

Deno.test("create() tries the next place when one is not writable", { ignore: Deno.uid() === 0 }, () => {
  using directory = new TempDir();
  const TMPDIR = directory.folder("read-only");
  Deno.chmodSync(TMPDIR, 0o555);
  using made = RuntimeDir.create(fakeEnv({ TMPDIR }), () => {});
  assert.equal(parentOf(made), "/tmp");
});

Deno.test("create() tries the next place when the files can't be created, and leaves nothing in the first", () => {
  using directory = new TempDir();
  const [full, free] = [directory.folder("full"), directory.folder("free")];
  using made = RuntimeDir.create(fakeEnv({ TMPDIR: full, XDG_RUNTIME_DIR: free }), (path) => {
    Deno.writeTextFileSync(`${path}/half`, "");
    if (path.startsWith(full)) throw new Error("No space left on device (os error 28)");
    return "made";
  });
  assert.deepEqual([parentOf(made), made.content, directory.list("full")], [free, "made", []]);
});

Deno.test("create() uses /tmp when the environment names no place", () => {
  using made = RuntimeDir.create(fakeEnv(), () => {});
  assert.equal(parentOf(made), "/tmp");
});

Deno.test("create() throws an Error that names each place with the reason when none can be used", () => {
  using directory = new TempDir();
  const makeTempDir = Deno.makeTempDirSync;
  Deno.makeTempDirSync = (options) => {
    throw new Deno.errors.PermissionDenied(`No writing in ${options?.dir}`);
  };
  try {
    const [long, XDG_RUNTIME_DIR] = [folderOfLength(directory, 80), directory.folder("run")];
    assert.throws(() => RuntimeDir.create(fakeEnv({ TMPDIR: long, XDG_RUNTIME_DIR }), () => {}), {
      message: `No directory for a Unix socket: '${long}' is too long for the path of a Unix socket; ` +
        `'${XDG_RUNTIME_DIR}': No writing in ${XDG_RUNTIME_DIR}; '/tmp': No writing in /tmp; '/var/tmp': No writing in /var/tmp. ` +
        "Set TMPDIR to a short path that can be written to",
    });
  } finally {
    Deno.makeTempDirSync = makeTempDir;
  }
});
