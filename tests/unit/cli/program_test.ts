import assert from "node:assert/strict";
import { run } from "../../../src/cli/program.ts";
import { VERSION } from "../../../src/version.ts";
import { FakeIo } from "../helper/fake_io.ts";

/** Runs the program with these arguments. */
async function call(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  const code = await run(words, io);
  return { code, out: io.out, err: io.err };
}

for (const option of ["--help", "-h"]) {
  Deno.test(`run() lists the commands on standard output and returns 0 for ${option}`, async () => {
    const { code, out, err } = await call(option);
    assert.equal(code, 0);
    assert.equal(err, "");
    for (
      const line of [
        /^ +train +Train a model\.$/m,
        /^ +serve +Serve a model over HTTP\.$/m,
        /^ +doctor +Check this machine for problems\.$/m,
      ]
    ) {
      assert.match(out, line);
    }
  });
}

for (const option of ["--version", "-V"]) {
  Deno.test(`run() prints the version and returns 0 for ${option}`, async () => {
    const { code, out, err } = await call(option);
    assert.deepEqual([code, err], [0, ""]);
    const [version, built, ...others] = out.split("\n");
    assert.deepEqual([version, others], [VERSION, [""]]);
    assert.equal(built, `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.target}`);
  });
}

Deno.test("run() prints the version as JSON for --version --json", async () => {
  const { code, out } = await call("--version", "--json");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), {
    version: VERSION,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    target: Deno.build.target,
    standalone: false,
  });
});

Deno.test("run() shows help and returns 2 without arguments", async () => {
  const { code, out, err } = await call();
  assert.equal(code, 2);
  assert.equal(err, "");
  assert.match(out, /^Usage: aimodellib <command> \[options\]$/m);
});

for (
  const [word, meant] of [
    ["trian", "train"],
    ["serv", "serve"],
    ["docter", "doctor"],
    ["version", "--version"],
    ["comp", "completion"],
  ] as const
) {
  Deno.test(`run() returns 2 and suggests ${meant} on standard error when the command is ${word}`, async () => {
    const { code, out, err } = await call(word, "a", "b", "c");
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.equal(err, `Error: Unknown command '${word}'\nDid you mean '${meant}'?\n`);
  });
}

Deno.test("run() returns 2 without a suggestion when the command resembles no other", async () => {
  const { code, err } = await call("frobnicate");
  assert.equal(code, 2);
  assert.equal(err, "Error: Unknown command 'frobnicate'\nSee 'aimodellib --help'\n");
});

for (
  const [words, meant] of [
    [["serve", "--prot", "80", "m", "s", "d"], "--port"],
    [["serve", "m", "s", "d", "--max-bodi", "1"], "--max-body"],
    [["train", "--pyhton", "x", "m", "s", "d"], "--python"],
    [["train", "--enable-tensorbord", "m", "s", "d"], "--enable-tensorboard"],
    [["doctor", "--modul-dir", "x"], "--module-dir"],
  ] as const
) {
  Deno.test(`run() returns 2 and suggests ${meant} when the words are ${words.join(" ")}`, async () => {
    const { code, out, err } = await call(...words);
    assert.equal(code, 2);
    assert.equal(out, "");
    const [complaint, advice, ...others] = err.split("\n");
    assert.match(complaint!, /^Error: Unknown option '--/);
    assert.ok(advice!.startsWith("Did you mean ") && advice!.includes(`'${meant}'`), err);
    assert.deepEqual(others, [""]);
  });
}

for (
  const [words, message] of [
    [["serve", "m", "s"], /The module directory 'm' does not exist/],
    [["train", "m"], /^Error: <training_script> is missing\nThe form is 'aimodellib train /],
    [["train", "--python"], /`--python` requires `PATH`/],
    [["serve", "m", "s", "d", "http"], /`port`: Expected a valid integer, but got "http"/],
    [["serve", "m", "s", "d", "65536"], /`port`: Expected a value less than or equal to 65,535/],
    [["serve", "--port", "-1", "m", "s", "d"], /--port/],
    [["serve", "m", "s", "d", "1", "more"], /^Error: Unexpected argument 'more'\nSee 'aimodellib help serve'\n$/],
    [["serve", "--max-body", "much", "m", "s", "d"], /`--max-body`: Expected a size such as "100MiB", but got "much"/],
    [["serve", "--drain-timeout", "0", "m", "s", "d"], /`--drain-timeout`: Expected a number of seconds above 0/],
    [["train", "--stop-timeout=x", "m", "s", "d"], /`--stop-timeout`: Expected a number of seconds above 0/],
    [["doctor", "word"], /^Error: Unexpected argument 'word'\nSee 'aimodellib help doctor'\n$/],
    [["serve", "--install", "alway", "m", "s", "d"], /^Error: .*"alway"\nDid you mean 'always'\?\n$/],
    [["cache", "lst"], /^Error: .*"lst"\nDid you mean 'list'\?\n$/],
    [["help", "srve"], /^Error: Unknown command 'srve'\nDid you mean 'serve'\?\n$/],
    [["--version", "more"], /^Error: Unexpected 'more' after --version\nOnly --json can follow it\n$/],
    [["completion"], /^Error: <shell> is missing\n/],
    [["predict"], /^Error: <inference_module> is missing\nThe form is 'aimodellib predict /],
    [["verify"], /^Error: <archive> is missing\nThe form is 'aimodellib verify /],
    [["image"], /^Error: Missing option `--base`\n/],
  ] as const
) {
  Deno.test(`run() returns 2 and says what is wrong when the words are ${words.join(" ")}`, async () => {
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
    Deno.test(`run() describes ${command} on standard output and returns 0 for ${option}`, async () => {
      const { code, out, err } = await call(command, option);
      assert.equal(code, 0);
      assert.equal(err, "");
      assert.ok(out.includes(`Usage: aimodellib ${command} `), out);
      for (const part of parts) assert.ok(out.includes(part), part);
    });
  }
}

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`run() prints the completion script of ${shell} and returns 0`, async () => {
    const { code, out, err } = await call("completion", shell);
    assert.equal(code, 0);
    assert.equal(err, "");
    assert.ok(out.length > 200 && out.includes("aimodellib"));
  });
}

Deno.test("run() completes commands and options for a completion script", async () => {
  const commands = await call("completion", "bash", "");
  assert.deepEqual(["train", "serve", "doctor"].filter((name) => !commands.out.includes(name)), []);
  const options = await call("completion", "bash", "serve", "--m");
  assert.ok(options.out.includes("--max-body") && !options.out.includes("--port"), options.out);
});

Deno.test("run() uses colours only on a terminal with colours", async () => {
  const plain = new FakeIo();
  const colored = new FakeIo({}, true);
  await run(["--help"], plain);
  await run(["--help"], colored);
  assert.ok(!plain.out.includes("\x1b"));
  assert.ok(colored.out.includes("\x1b["));
});

Deno.test("run() shows no stack for a usage error that a command finds", async () => {
  const { code, out, err } = await call("serve", "/no/such/module", "serve.py", "/tmp");
  assert.deepEqual([code, out], [2, ""]);
  assert.equal(err, "Error: The module directory '/no/such/module' does not exist\n");
});
