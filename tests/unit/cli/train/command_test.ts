import assert from "node:assert/strict";
import { parse } from "@optique/core/parser";
import fc from "fast-check";
import { parserOf } from "../../../../src/cli/options/parser.ts";
import { read } from "../../../../src/cli/options/read.ts";
import { run } from "../../../../src/cli/program.ts";
import { restoreSeparator, train } from "../../../../src/cli/train/command.ts";
import { FakeIo } from "../../helper/fake_io.ts";
import { fakePython } from "../../helper/fake_python.ts";
import { TempDir } from "../../helper/temp_dir.ts";

/** A module with a script, and a Python that writes the configuration of START to a file. */
class Fixture implements Disposable {
  readonly directory = new TempDir();
  readonly module = this.directory.folder("my module");
  readonly script = this.directory.write("my module/train.py");
  readonly modelDir = `${this.directory.path}/made/for model`;
  readonly io: FakeIo;
  readonly #config = `${this.directory.path}/config.json`;

  constructor() {
    const python = fakePython(this.directory, async (FakeBridge, path) => {
      const [bridge, config] = await FakeBridge.begin();
      Deno.writeTextFileSync(path, JSON.stringify(config));
      await bridge.send(bridge.kind.done);
    }, this.#config);
    this.io = new FakeIo({ AIMODELLIB_PYTHON: python });
  }

  async train(...words: string[]): Promise<Record<string, unknown>> {
    assert.equal(await run(["train", ...words], this.io), 0, this.io.err);
    return JSON.parse(Deno.readTextFileSync(this.#config));
  }

  [Symbol.dispose](): void {
    this.directory[Symbol.dispose]();
  }
}

Deno.test("train creates the model directory, and passes absolute paths and defaults, without options", async () => {
  using fixture = new Fixture();
  const config = await fixture.train(fixture.module, "train.py", fixture.modelDir);
  assert.deepEqual(config, {
    mode: "train",
    module: fixture.module,
    script: fixture.script,
    model_dir: fixture.modelDir,
    args: [],
    tensor_board_enabled: false,
    tensor_board_dir: `${Deno.cwd()}/tb_logs`,
    max_body: 2 ** 20,
  });
  assert.ok(Deno.statSync(fixture.modelDir).isDirectory);
  assert.equal(fixture.io.out + fixture.io.err, "");
  assert.equal(fixture.io.listeners, 0);
});

Deno.test("train accepts its options before training_module", async () => {
  using fixture = new Fixture();
  const logs = `${fixture.directory.path}/logs`;
  const words = [fixture.module, "train.py", fixture.modelDir];
  for (
    const options of [
      ["--enable-tensorboard", "--tensorboard-dir", logs, "--stop-timeout", "5"],
      ["-T", logs, "--stop-timeout=5", "--enable-tensorboard"],
      ["--enable-tensorboard", `--tensorboard-dir=${logs}`, "--"],
    ]
  ) {
    const config = await fixture.train(...options, ...words);
    assert.deepEqual([config["tensor_board_enabled"], config["tensor_board_dir"]], [true, logs]);
    assert.deepEqual(config["args"], []);
  }
});

for (
  const args of [
    ["--epochs", "3"],
    ["--epochs=3", "-v"],
    ["-h"],
    ["--help"],
    ["--version"],
    ["--python", "/no/python", "--enable-tensorboard", "-T", "x"],
    ["--"],
    ["--", "--epochs", "3"],
    ["--", "--"],
    ["--", "--", "x", "--"],
    ["a", "--", "b"],
    [""],
    ["", "", "x", ""],
    ["-"],
    ["--stop-timeout"],
    ["--unknown-option"],
    ["model", "train.py"],
    ["", " ", "a b", "ü", "-", "--=", "--x=--y"],
    ["completion", "bash"],
  ]
) {
  Deno.test(`train passes ${JSON.stringify(args)} after model_dir to the script`, async () => {
    using fixture = new Fixture();
    assert.deepEqual((await fixture.train(fixture.module, "train.py", fixture.modelDir, ...args))["args"], args);
  });
}

Deno.test("train passes any arguments after model_dir to the script", () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "--",
      "-h",
      "--help",
      "--python",
      "-T",
      "--enable-tensorboard",
      "--stop-timeout=1",
      "--version",
      "-",
      "x",
    ),
  );
  const parser = parserOf(train.form);
  const before = fc.constantFrom<string[]>([], ["--enable-tensorboard"], ["-T", "dir"], ["--"], [
    "--stop-timeout=3",
    "--",
  ]);
  fc.assert(
    fc.property(before, fc.array(word), (before, args) => {
      const words = [...before, "module", "train.py", "model", ...args];
      const quick = read(train.form, words);
      const parsed = quick.kind === "parsed" ? { success: true, value: quick.value } as const : parse(parser, words);
      if (!parsed.success) return assert.fail("It was refused");
      const options = parsed.value;
      assert.deepEqual([options.module, options.script, options.modelDir], ["module", "train.py", "model"]);
      assert.deepEqual(restoreSeparator(words, options), args);
    }),
    { numRuns: 300 },
  );
});

Deno.test("train returns the script's exit code and prints the reason when training fails", async () => {
  using directory = new TempDir();
  directory.write("train.py");
  const python = fakePython(directory, async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.failed, 0, { type: "ValueError", message: "no data" });
    Deno.exit(1);
  });
  const io = new FakeIo();
  assert.equal(await run(["train", "--python", python, directory.path, "train.py", `${directory.path}/model`], io), 1);
  assert.equal(io.err, "Error: Training raised ValueError: no data\n");
});

Deno.test("train returns 0 with a warning when the script exits by itself", async () => {
  using directory = new TempDir();
  directory.write("train.py");
  const python = fakePython(directory, async (FakeBridge) => void (await FakeBridge.begin()));
  const io = new FakeIo();
  assert.equal(await run(["train", "--python", python, directory.path, "train.py", `${directory.path}/model`], io), 0);
  assert.equal(io.err, "Warning: The script ended the process with exit code 0 before train() returned\n");
});

Deno.test("train returns 2 and creates nothing when the script does not exist", async () => {
  using directory = new TempDir();
  const io = new FakeIo();
  assert.equal(await run(["train", directory.path, "train.py", `${directory.path}/model`], io), 2);
  assert.match(io.err, /^Error: The module directory '.*' has no script 'train\.py'; it contains no \.py file\n$/);
  assert.deepEqual(directory.list(), []);
});
