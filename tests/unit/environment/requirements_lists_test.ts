import assert from "node:assert/strict";
import { namedOutside } from "../../../src/environment/requirements_lists.ts";
import { TempDir } from "../helper/temp_dir.ts";

function found(files: Readonly<Record<string, string>>): string[] {
  using folder = new TempDir();
  for (const [name, content] of Object.entries(files)) folder.write(name, content);
  return namedOutside(folder.path);
}

const notice = (list: string, path: string) =>
  `${list} names '${path}', which is outside of the module and not in the archive: move it into the module, or add wheels with --bundle-wheels`;

Deno.test("namedOutside() names lists, folders and wheels outside of the module once", () => {
  const lines = [
    "-r ../base.txt",
    "-c more/../../pins.txt",
    "../lib",
    "-e ../lib[x]",
    "../fox-1.0-py3-none-any.whl",
    "../lib",
  ];
  assert.deepEqual(
    found({ "requirements.txt": lines.join("\n") }),
    ["../base.txt", "more/../../pins.txt", "../lib", "../fox-1.0-py3-none-any.whl"].map((path) =>
      notice("requirements.txt", path)
    ),
  );
});

Deno.test("namedOutside() reads nested lists, whose lists are beside them and whose packages are in the module", () => {
  const nested = "-r ../base.txt\n-r ../../outer.txt\n../lib\n./fox\n";
  assert.deepEqual(found({ "requirements.txt": "-r more/list.txt\n", "more/list.txt": nested }), [
    notice("more/list.txt", "../../outer.txt"),
    notice("more/list.txt", "../lib"),
  ]);
});

Deno.test("namedOutside() accepts the module itself, absolute paths, URLs and what is in the module", () => {
  const lines = [
    ".",
    "-e .",
    "./a/../b",
    "/srv/fox",
    "~/fox",
    "file:///srv/fox.whl",
    "-f /srv/wheels",
    "fox @ https://h/../f.whl",
    "six",
  ];
  assert.deepEqual(found({ "requirements.txt": lines.join("\n") }), []);
});
