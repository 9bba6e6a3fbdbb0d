import assert from "node:assert/strict";
import { run } from "../../../src/cli/program.ts";
import { VERSION } from "../../../src/version.ts";
import { FakeIo } from "../helper/fake_io.ts";

/** Runs the program with these words. */
async function call(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  const code = await run(words, io);
  return { code, out: io.out, err: io.err };
}

for (const option of ["--help", "-h"]) {
  Deno.test(`run() lists the commands on standard output and gives 0 when it is asked for ${option}`, async () => {
    const { code, out, err } = await call(option);
    assert.equal(code, 0);
    assert.equal(err, "");
    for (
      const line of [
        /^ +train +Train a model\.$/m,
        /^ +serve +Serve a model over HTTP\.$/m,
        /^ +doctor +Check this machine\.$/m,
      ]
    ) {
      assert.match(out, line);
    }
  });
}

for (const option of ["--version", "-V"]) {
  Deno.test(`run() prints the version and gives 0 when it is asked for ${option}`, async () => {
    assert.deepEqual(await call(option), { code: 0, out: `${VERSION}\n`, err: "" });
  });
}

Deno.test("run() shows help and gives 2 when there is no word", async () => {
  const { code, out, err } = await call();
  assert.equal(code, 2);
  assert.match(out + err, /^Usage: aimodellib train /m);
});

for (
  const [word, meant] of [["trian", "train"], ["serv", "serve"], ["docter", "doctor"]] as const
) {
  Deno.test(`run() gives 2 and suggests ${meant} on standard error when the command is ${word}`, async () => {
    const { code, out, err } = await call(word, "a", "b", "c");
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.ok(err.includes(`Unexpected option or subcommand: \`${word}\``), err);
    assert.ok(err.includes(`Did you mean \`${meant}\`?`), err);
  });
}

Deno.test("run() gives 2 and suggests nothing when the command is like none", async () => {
  const { code, err } = await call("frobnicate");
  assert.equal(code, 2);
  assert.ok(err.includes("frobnicate") && !err.includes("Did you mean"), err);
});

for (
  const [words, meant] of [
    [["serve", "--prot", "80", "m", "s", "d"], "`--port`"],
    [["serve", "m", "s", "d", "--max-bodi", "1"], "`--max-body`"],
    [["train", "--pyhton", "x", "m", "s", "d"], "`--python`"],
    [["train", "--enable-tensorbord", "m", "s", "d"], "`--enable-tensorboard`"],
    [["doctor", "--modul-dir", "x"], "`--module-dir`"],
  ] as const
) {
  Deno.test(`run() gives 2 and suggests ${meant} when the words are ${words.join(" ")}`, async () => {
    const { code, out, err } = await call(...words);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, /Error: Unexpected option or (argument|subcommand): /);
    assert.ok(err.split("Did you mean")[1]?.includes(meant), err);
  });
}

for (
  const [words, message] of [
    [["serve", "m", "s"], /The module directory 'm' does not exist/],
    [["train", "m"], /Expected a `training_script`, but too few arguments/],
    [["train", "--python"], /`--python` requires `PATH`/],
    [["serve", "m", "s", "d", "http"], /`port`: Expected a valid integer, but got "http"/],
    [["serve", "m", "s", "d", "65536"], /`port`: Expected a value less than or equal to 65,535/],
    [["serve", "--port", "-1", "m", "s", "d"], /--port/],
    [["serve", "m", "s", "d", "1", "more"], /Unexpected option or argument: "more"/],
    [["serve", "--max-body", "much", "m", "s", "d"], /`--max-body`: Expected a size such as "100MiB", but got "much"/],
    [["serve", "--drain-timeout", "0", "m", "s", "d"], /`--drain-timeout`: Expected a number of seconds above 0/],
    [["train", "--stop-timeout=x", "m", "s", "d"], /`--stop-timeout`: Expected a number of seconds above 0/],
    [["doctor", "word"], /Unexpected option or argument: "word"/],
  ] as const
) {
  Deno.test(`run() gives 2 and says what is wrong when the words are ${words.join(" ")}`, async () => {
    const { code, out, err } = await call(...words);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, message);
  });
}

for (
  const [command, parts] of [
    ["train", [
      "training_module",
      "training_script",
      "model_dir",
      "--enable-tensorboard",
      "--tensorboard-dir",
      "-T",
      "--python",
    ]],
    ["serve", [
      "inference_module",
      "inference_script",
      "model_dir",
      "--port",
      "--host",
      "--max-body",
      "--allow-uri-list",
    ]],
    ["doctor", ["--python", "--module-dir", "-m"]],
  ] as const
) {
  for (const option of ["--help", "-h"]) {
    Deno.test(`run() describes ${command} on standard output and gives 0 when it is asked for ${option}`, async () => {
      const { code, out, err } = await call(command, option);
      assert.equal(code, 0);
      assert.equal(err, "");
      assert.ok(out.includes(`Usage: aimodellib ${command} `), out);
      for (const part of parts) assert.ok(out.includes(part), part);
      assert.ok(
        out.split("\n").every((line) => line.startsWith("Usage") || line.length <= 100),
        "It fits the terminal",
      );
    });
  }
}

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`run() prints a completion script and gives 0 when it is asked for that of ${shell}`, async () => {
    const { code, out, err } = await call("completion", shell);
    assert.equal(code, 0);
    assert.equal(err, "");
    assert.ok(out.length > 200 && out.includes("aimodellib"));
  });
}

Deno.test("run() completes commands and options when a completion script asks for them", async () => {
  const commands = await call("completion", "bash", "");
  assert.deepEqual(["train", "serve", "doctor"].filter((name) => !commands.out.includes(name)), []);
  const options = await call("completion", "bash", "serve", "--m");
  assert.ok(options.out.includes("--max-body") && !options.out.includes("--port"), options.out);
});

Deno.test("run() uses colours only when the terminal has them", async () => {
  const plain = new FakeIo();
  const colored = new FakeIo({}, true);
  await run(["--help"], plain);
  await run(["--help"], colored);
  assert.ok(!plain.out.includes("\x1b"));
  assert.ok(colored.out.includes("\x1b["));
});

Deno.test("run() shows no stack when the user's mistake is found by a command", async () => {
  const { code, out, err } = await call("serve", "/no/such/module", "serve.py", "/tmp");
  assert.deepEqual([code, out], [2, ""]);
  assert.equal(err, "Error: The module directory '/no/such/module' does not exist\n");
});
