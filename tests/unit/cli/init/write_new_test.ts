import assert from "node:assert/strict";
import { writeNew } from "../../../../src/cli/init/write_new.ts";
import { UsageError } from "../../../../src/errors.ts";

const FILES = { "a.py": "a\n", "sub/deep/b.py": "b\n" };

/** Runs a test in an empty folder. */
function inFolder(name: string, check: (folder: string) => void): void {
  Deno.test(name, () => {
    const folder = Deno.makeTempDirSync({ prefix: "write-new-" });
    try {
      check(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

inFolder("writeNew() makes the folder and those in it", (folder) => {
  assert.deepEqual(writeNew(`${folder}/x//y/`, FILES), []);
  assert.equal(Deno.readTextFileSync(`${folder}/x/y/a.py`), "a\n");
  assert.equal(Deno.readTextFileSync(`${folder}/x/y/sub/deep/b.py`), "b\n");
});

inFolder("writeNew() leaves other files alone, and writes nothing if one of its own is there", (folder) => {
  Deno.mkdirSync(`${folder}/sub/deep`, { recursive: true });
  Deno.writeTextFileSync(`${folder}/other`, "other");
  Deno.symlinkSync("nothing", `${folder}/sub/deep/b.py`);
  assert.deepEqual(writeNew(folder, FILES), [`${folder}/sub/deep/b.py`]);
  assert.deepEqual(namesIn(folder), ["other", "sub"]);
  Deno.removeSync(`${folder}/sub/deep/b.py`);
  assert.deepEqual(writeNew(folder, FILES), []);
  assert.deepEqual(writeNew(folder, FILES), [`${folder}/a.py`, `${folder}/sub/deep/b.py`]);
});

inFolder("writeNew() writes nothing where a folder's place is taken", (folder) => {
  Deno.writeTextFileSync(`${folder}/sub`, "");
  assert.throws(() => writeNew(folder, FILES), (error) => {
    return error instanceof UsageError && error.message.startsWith(`'${folder}/sub' exists and is not a folder`);
  });
  assert.throws(() => writeNew(`${folder}/sub`, { "a.py": "" }), UsageError);
  Deno.symlinkSync("nothing", `${folder}/link`);
  assert.throws(() => writeNew(`${folder}/link`, { "a.py": "" }), UsageError);
  assert.deepEqual(namesIn(folder), ["link", "sub"]);
});

inFolder("writeNew() removes what it has written when the rest can't be", (folder) => {
  Deno.mkdirSync(`${folder}/kept`);
  const name = "n".repeat(300);
  assert.throws(() => writeNew(folder, { "new/a.py": "a", "kept/a.py": "a", [name]: "" }), Error);
  assert.deepEqual(namesIn(folder), ["kept"]);
  assert.deepEqual(namesIn(`${folder}/kept`), []);
});
