import assert from "node:assert/strict";
import { run } from "../../../../src/cli/program.ts";
import { FakeIo } from "../../helper/fake_io.ts";
import { shellPython } from "../../helper/fake_python.ts";
import { TempDir } from "../../helper/temp_dir.ts";

Deno.test("doctor prints a line with a mark for each finding, and returns 1 when one would stop a run", async () => {
  using directory = new TempDir();
  const python = shellPython(directory, "printf '3.7.9\\n/site\\n'; exit $(($# == 1))");
  const io = new FakeIo();
  assert.equal(await run(["doctor", "--python", python], io), 1);
  assert.equal(io.err, "");
  const lines = io.out.trimEnd().split("\n");
  assert.ok(lines.every((line) => /^([✓✗] | {2})/.test(line)), io.out);
  assert.ok(lines.includes(`✓ Python: ${python} (from --python)`), io.out);
  assert.ok(lines.includes("✗ Python version: 3.7.9; 3.8 or later is needed"), io.out);
});

Deno.test("doctor colours its marks on a terminal with colours", async () => {
  using directory = new TempDir();
  const io = new FakeIo({ PATH: directory.path }, true);
  assert.equal(await run(["doctor", "-m", directory.path], io), 1);
  assert.ok(io.out.startsWith("\x1b[32m✓\x1b[0m aimodellib "), io.out);
  assert.ok(io.out.includes("\n\x1b[31m✗\x1b[0m No Python was found"), io.out);
});

Deno.test("doctor --json prints the same findings as JSON, and returns the same exit code", async () => {
  using directory = new TempDir();
  const python = shellPython(directory, "printf '3.7.9\\n/site\\n'; exit $(($# == 1))");
  const [text, json] = [new FakeIo(), new FakeIo()];
  assert.equal(await run(["doctor", "--python", python], text), 1);
  assert.equal(await run(["doctor", "--json", "--python", python], json), 1);
  const { ok, findings } = JSON.parse(json.out);
  assert.equal(ok, false);
  const lines = (findings as { ok: boolean; text: string }[]).map(({ ok, text }) => `${ok ? "✓" : "✗"} ${text}`);
  assert.equal(`${lines.join("\n")}\n`, text.out);
});
