import assert from "node:assert/strict";
import { namesArchive } from "../../../../src/cli/run/form.ts";
import { TempDir } from "../../helper/temp_dir.ts";

Deno.test("a command line names an archive, or a module and its script", () => {
  using dir = new TempDir();
  dir.folder("module");
  dir.write("unpacked/manifest.json", "{}");
  dir.write("unpacked/script");
  dir.write("file");
  for (
    const [target, next, expected] of [
      ["module", "train.py", false],
      ["module", undefined, false],
      ["missing", "train.py", false],
      ["missing.tar.gz", "model", true],
      ["missing.tgz", "model", true],
      ["file", "model", true],
      ["file", undefined, true],
      ["file", "train.py", false],
      ["unpacked", "model", true],
      ["unpacked", undefined, true],
      ["unpacked", "train.py", false],
      ["unpacked", "script", false],
    ] as const
  ) {
    assert.equal(namesArchive(`${dir.path}/${target}`, next), expected, `${target} ${next}`);
  }
  assert.equal(namesArchive("-", "model"), true);
});
