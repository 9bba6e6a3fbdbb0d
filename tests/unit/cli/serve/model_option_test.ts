import assert from "node:assert/strict";
import { nameOf, parseModelOptions } from "../../../../src/cli/serve/model_option.ts";
import { TempDir } from "../../helper/temp_dir.ts";

Deno.test("parseModelOptions() parses a module with its script, and an archive", () => {
  assert.deepEqual(parseModelOptions(["a.b-1=src, serve.py ,model", "c=c.tar.gz,weights=2"]), [
    { name: "a.b-1", module: "src", script: "serve.py", modelDir: "model" },
    { name: "c", module: "c.tar.gz", script: undefined, modelDir: "weights=2" },
  ]);
});

Deno.test("parseModelOptions() accepts a folder as an archive only if it contains a manifest", () => {
  using directory = new TempDir();
  directory.write("unpacked/manifest.json");
  directory.folder("bare");
  const { path } = directory;
  assert.equal(parseModelOptions([`a=${path}/unpacked,model`])[0]!.script, undefined);
  assert.throws(() => parseModelOptions([`a=${path}/bare,model`]), { name: "UsageError" });
});

for (
  const text of [
    "",
    "a",
    "a=",
    "=m.tar.gz,d",
    "a=m,s.py,",
    "a=m,s.py,d,e",
    "a b=m.tar.gz,d",
    "../a=m.tar.gz,d",
  ]
) {
  Deno.test(`parseModelOptions() throws an error that shows both forms when it is given '${text}'`, () => {
    assert.throws(() => parseModelOptions([text]), {
      name: "UsageError",
      message:
        "--model must be NAME=ARCHIVE,MODEL_DIR or NAME=MODULE,SCRIPT,MODEL_DIR, with a name of letters, digits " +
        `and ._-, not '${text}'`,
    });
  });
}

Deno.test("parseModelOptions() throws when a name occurs twice", () => {
  assert.throws(() => parseModelOptions(["a=x.tgz,d", "b=x.tgz,d", "a=y.tgz,d"]), {
    message: "--model uses the name 'a' twice: each model needs its own",
  });
});

for (
  const [target, name] of [
    ["digits", "digits"],
    ["/opt/ml/model/", "model"],
    ["out/my model.tar.gz", "my-model"],
    ["x.tgz", "x"],
    ["..", "model"],
    [".hidden", "hidden"],
    ["-", "model"],
    ["a".repeat(200), "a".repeat(128)],
  ] as const
) {
  Deno.test(`nameOf() returns '${name.slice(0, 20)}' for '${target.slice(0, 20)}'`, () => {
    assert.equal(nameOf(target), name);
  });
}

Deno.test("nameOf() returns the first valid name of several targets", () => {
  assert.equal(nameOf("", "a/b.tar.gz", "c"), "b");
  assert.equal(nameOf("src/iris/", "x.tar.gz"), "iris");
  assert.equal(nameOf("./", "..", "c"), "c");
  assert.equal(nameOf(".", "-"), "model");
});
