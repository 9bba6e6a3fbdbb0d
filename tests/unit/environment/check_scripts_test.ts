import assert from "node:assert/strict";
import { checkScripts, importable } from "../../../src/environment/check_scripts.ts";
import { UsageError } from "../../../src/errors.ts";
import { fakeEnv } from "../helper/env.ts";
import { shellPython } from "../helper/fake_python.ts";
import { TempDir } from "../helper/temp_dir.ts";

const SCRIPT = {
  role: "serve",
  name: "serve.py",
  path: "serve.py",
  module: "folder",
  source: new TextEncoder().encode("x = 1\n"),
  neighbours: [],
  beside: [],
} as const;

Deno.test("importable() lists the names by which a module's files and folders can be imported", () => {
  const paths = ["a.py", "b/c.py", "b/d.py", "data-1/x.py", "notes.txt", "über.py", "1.py"];
  assert.deepEqual(importable(paths), ["a", "b", "über"]);
});

Deno.test("checkScripts() passes the source to Python, and returns its findings", async () => {
  using directory = new TempDir();
  const python = shellPython(
    directory,
    `cat > '${directory.path}/in'; printf '%s ' "$@" > '${directory.path}/args'; echo '{"problems": ["p"], "unrelated": true, "notices": []}'`,
  );
  const checked = await checkScripts([{ ...SCRIPT, neighbours: ["near"], beside: ["far"] }], {
    python,
    env: fakeEnv({}),
  });
  assert.deepEqual(checked, { results: [{ problems: ["p"], unrelated: true, notices: [] }] });
  assert.equal(Deno.readTextFileSync(`${directory.path}/in`), "x = 1\n");
  assert.match(
    Deno.readTextFileSync(`${directory.path}/args`),
    /^-I -S .*__main__.py check serve serve.py serve.py folder near \/ far $/,
  );
});

for (
  const [what, shell, reason] of [
    ["is too old", "echo 'Python 3.8 or later is needed' >&2; exit 86", /can't: Python 3.8 or later is needed$/],
    ["fails", "echo 'no such module' >&2; exit 3", /can't: it ended with exit code 3: no such module$/],
  ] as const
) {
  Deno.test(`checkScripts() says that nothing was checked when Python ${what}`, async () => {
    using directory = new TempDir();
    const checked = await checkScripts([SCRIPT], { python: shellPython(directory, shell), env: fakeEnv({}) });
    assert.ok("skipped" in checked);
    assert.match(checked.skipped, reason);
  });
}

Deno.test("checkScripts() does not wait for a Python that reads nothing", async () => {
  using directory = new TempDir();
  const script = { ...SCRIPT, source: new Uint8Array(1024 * 1024) };
  const checked = await checkScripts([script], { python: shellPython(directory, "exit 1"), env: fakeEnv({}) });
  assert.ok("skipped" in checked);
});

Deno.test("checkScripts() refuses a named Python that does not exist, and does without an unnamed one", async () => {
  await assert.rejects(checkScripts([SCRIPT], { python: "/no/python", env: fakeEnv({}) }), UsageError);
  await assert.rejects(checkScripts([SCRIPT], { env: fakeEnv({ AIMODELLIB_PYTHON: "/no/python" }) }), UsageError);
  assert.deepEqual(await checkScripts([SCRIPT], { env: fakeEnv({ PATH: "/no" }) }), { skipped: "no Python was found" });
});
