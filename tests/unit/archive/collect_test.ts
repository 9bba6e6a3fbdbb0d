import assert from "node:assert/strict";
import { collect } from "../../../src/archive/collect.ts";
import { TempDir } from "../helper/temp_dir.ts";

const paths = (directory: TempDir) => collect(directory.path, () => false).entries.map(({ path }) => path);

Deno.test("collect() sorts paths by their bytes", () => {
  using directory = new TempDir();
  for (const name of ["b", "a.txt", "a/z", "A", "é", "\u{1f600}", "\uffee"]) directory.write(name);
  assert.deepEqual(paths(directory), ["A", "a", "a.txt", "a/z", "b", "é", "\uffee", "\u{1f600}"]);
});

Deno.test("collect() excludes files that never belong in an archive, with a reason", () => {
  using directory = new TempDir();
  for (
    const name of [
      ".git/HEAD",
      "__pycache__/a.pyc",
      "d/b.pyc",
      ".venv/pyvenv.cfg",
      "env/conda-meta/x",
      "venv/kept.py",
      "out",
    ]
  ) directory.write(name);
  const { entries, leftOut, bytes } = collect(directory.path, (path) => path.endsWith("/out"));
  assert.deepEqual(entries.map(({ path }) => path), ["d", "venv", "venv/kept.py"]);
  assert.equal(bytes, 0);
  assert.deepEqual(leftOut.toSorted((a, b) => a.path < b.path ? -1 : 1), [
    { path: ".git/", reason: ".git" },
    { path: ".venv/", reason: "virtual environment" },
    { path: "__pycache__/", reason: "__pycache__" },
    { path: "d/b.pyc", reason: "*.pyc" },
    { path: "env/", reason: "virtual environment" },
    { path: "out", reason: "output" },
  ]);
});

Deno.test("collect() follows the rules of .gitignore in .aimodellibignore, the nearest first", () => {
  using directory = new TempDir();
  directory.write(".aimodellibignore", "*.log\n/data/\n!keep.log\n# comment\n");
  directory.write("d/.aimodellibignore", "!special.log\nlocal.txt\n");
  for (
    const name of ["a.log", "keep.log", "data/x", "d/b.log", "d/special.log", "d/local.txt", "local.txt", "d/data/x"]
  ) {
    directory.write(name);
  }
  assert.deepEqual(paths(directory), [
    ".aimodellibignore",
    "d",
    "d/.aimodellibignore",
    "d/data",
    "d/data/x",
    "d/special.log",
    "keep.log",
    "local.txt",
  ]);
});

Deno.test("collect() keeps links that stay inside, and makes absolute ones relative", () => {
  using directory = new TempDir();
  directory.write("d/file");
  const root = directory.path;
  Deno.symlinkSync("file", `${root}/d/near`);
  Deno.symlinkSync(`${root}/d/file`, `${root}/d/absolute`);
  Deno.symlinkSync(root, `${root}/d/root`);
  Deno.symlinkSync("nowhere", `${root}/dangling`);
  const links = collect(root, () => false).entries.filter(({ kind }) => kind === "symlink");
  assert.deepEqual(links.map(({ path, target }) => [path, target]), [
    ["d/absolute", "../d/file"],
    ["d/near", "file"],
    ["d/root", ".."],
    ["dangling", "nowhere"],
  ]);
});

for (const target of ["/etc/passwd", "../x", "d/../../x", "d/up/.."]) {
  Deno.test(`collect() refuses a link to ${target}`, () => {
    using directory = new TempDir();
    directory.folder("d");
    Deno.symlinkSync("..", `${directory.path}/d/up`);
    Deno.symlinkSync(target, `${directory.path}/link`);
    assert.throws(() => paths(directory), {
      name: "ArchiveError",
      reason: `contains 'link', a link that leads out, to '${target}': replace it by a copy of its target, ` +
        "or list it in .aimodellibignore",
    });
  });
}

Deno.test("collect() refuses a socket", () => {
  using directory = new TempDir();
  using _ = Deno.listen({ transport: "unix", path: `${directory.path}/socket` });
  assert.throws(() => paths(directory), { reason: /^contains 'socket', which is neither a file, a folder nor a link/ });
});
