import assert from "node:assert/strict";
import { meantForm } from "../../../../src/cli/run/meant.ts";
import { TempDir } from "../../helper/temp_dir.ts";

const SERVE = { name: "serve", usual: "serve.py" } as const;
const PREDICT = { name: "predict", usual: "serve.py" } as const;
const TRAIN = { name: "train", usual: "train.py" } as const;

/** A folder with a module that has both scripts, one that has neither, an unpacked archive, and a model. */
function filled(): TempDir {
  const directory = new TempDir();
  for (const file of ["iris/serve.py", "iris/train.py", "a b/serve.py", "plain/model.py", "out/model.json"]) {
    directory.write(file);
  }
  directory.write("unpacked/manifest.json", "{}");
  directory.write("model.tar.gz");
  return directory;
}

for (
  const [command, words, meant] of [
    [SERVE, "DIR/iris/serve.py DIR/out", "serve DIR/iris serve.py DIR/out"],
    [SERVE, "DIR/iris/serve.py", "serve DIR/iris serve.py MODEL_DIR"],
    [SERVE, "DIR/iris/serve.py DIR/out 8000", "serve DIR/iris serve.py DIR/out 8000"],
    [SERVE, "DIR/iris", "serve DIR/iris serve.py MODEL_DIR"],
    [SERVE, "DIR/iris DIR/out", "serve DIR/iris serve.py DIR/out"],
    [SERVE, "DIR/iris DIR/out 8000", "serve DIR/iris serve.py DIR/out 8000"],
    [SERVE, "DIR/plain DIR/out", "serve DIR/plain SCRIPT DIR/out"],
    [TRAIN, "DIR/iris/train.py DIR/out --epochs 3", "train DIR/iris train.py DIR/out --epochs 3"],
    [TRAIN, "DIR/iris", "train DIR/iris train.py MODEL_DIR"],
    [TRAIN, "DIR/iris DIR/new", "train DIR/iris train.py DIR/new"],
    [PREDICT, "localhost:8080 one.json", "predict http://localhost:8080/ one.json"],
    [PREDICT, "10.0.0.1:80/invocations", "predict http://10.0.0.1:80/invocations"],
    [PREDICT, "[::1]:8080", "predict 'http://[::1]:8080/'"],
  ] as const
) {
  Deno.test(`meantForm() suggests '${meant}' for ${command.name} with '${words}'`, () => {
    using directory = filled();
    const inside = (text: string) => text.replaceAll("DIR/", `${directory.path}/`);
    const found = meantForm(command, inside(words).split(" "));
    assert.equal(found?.[1], `Did you mean: aimodellib ${inside(meant)}`);
  });
}

Deno.test("meantForm() quotes words for the shell", () => {
  using directory = filled();
  const found = meantForm(SERVE, [`${directory.path}/a b`]);
  assert.equal(found?.[1], `Did you mean: aimodellib serve '${directory.path}/a b' serve.py MODEL_DIR`);
});

for (
  const words of [
    "",
    "DIR/iris serve.py DIR/out",
    "DIR/iris serve.py",
    "DIR/iris misspelt.py DIR/out",
    "DIR/iris serve DIR/out",
    "DIR/iris serv out 8000",
    "DIR/model.tar.gz DIR/out",
    "DIR/model.tar.gz",
    "DIR/unpacked DIR/out",
    "DIR/unpacked",
    "DIR/nowhere DIR/out",
    "DIR/nowhere/serve.py DIR/out",
    "- DIR/out",
  ]
) {
  Deno.test(`meantForm() suggests nothing for serve with '${words}'`, () => {
    using directory = filled();
    const given = words.replaceAll("DIR/", `${directory.path}/`).split(" ").filter(Boolean);
    assert.equal(meantForm(SERVE, given), undefined);
  });
}
