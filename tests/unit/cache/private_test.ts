import assert from "node:assert/strict";
import { distrustOfTree } from "../../../src/cache/private.ts";

const NOBODY = 65534;
const IS_ROOT = Deno.uid() === 0;

/** Files of an environment, to which another user may have added one, or changed one. */
const FILES = [
  "lib/site-packages/json.py",
  "lib/site-packages/sitecustomize.py",
  "lib/site-packages/usercustomize.py",
  "lib/site-packages/evil.pth",
  "lib/site-packages/__pycache__/fox.pyc",
  "bin/python",
  ".complete",
];
const FOLDERS = ["/", "/lib", "/bin", "/lib/site-packages", "/lib/site-packages/__pycache__"];
const PATHS = [...FOLDERS, ...FILES.map((name) => `/${name}`)];

/** Makes a folder with all of these files, and removes it after the test. */
function withTree(body: (root: string) => void): void {
  const root = Deno.makeTempDirSync({ prefix: "private-" });
  try {
    for (const name of FOLDERS) Deno.mkdirSync(`${root}${name}`, { recursive: true });
    for (const name of FILES) Deno.writeTextFileSync(`${root}/${name}`, "");
    for (const path of PATHS) Deno.chmodSync(`${root}${path}`, 0o755);
    body(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("distrustOfTree() trusts a tree that only its owner can write to", () => {
  withTree((root) => assert.equal(distrustOfTree(root), undefined));
});

Deno.test({
  name: `distrustOfTree() names each file or folder that another user owns${IS_ROOT ? "" : " (skipped: not root)"}`,
  ignore: !IS_ROOT,
  fn() {
    withTree((root) => {
      for (const name of PATHS) {
        const path = `${root}${name}`.replace(/\/$/, "");
        Deno.chownSync(path, NOBODY, NOBODY);
        assert.equal(distrustOfTree(root), `'${path}' belongs to user ${NOBODY}`);
        Deno.chownSync(path, 0, 0);
      }
    });
  },
});

Deno.test("distrustOfTree() names each file or folder that all users can write to", () => {
  withTree((root) => {
    for (const name of PATHS) {
      const path = `${root}${name}`.replace(/\/$/, "");
      Deno.chmodSync(path, 0o757);
      assert.equal(distrustOfTree(root), `'${path}' may be written to by others`);
      Deno.chmodSync(path, 0o755);
    }
  });
});
