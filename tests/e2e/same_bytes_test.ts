/** The same files give the same archive on every processor, as signatures and recorded digests require. */

import assert from "node:assert/strict";
import { has, type Need, runs } from "./support/needs.ts";
import { BIN, type Sandbox, test } from "./support/sandbox.ts";

/** Emulation takes up to a minute to start the executable, in ms. */
const EMULATED_MS = 300_000;
const ARM64_ROOT = "/usr/aarch64-linux-gnu";
const ARM64_BIN = `${BIN}-aarch64-unknown-linux-gnu`;

const HAS_QEMU: Need = runs("qemu-x86_64", "--version") || "qemu-x86_64, of Debian's qemu-user, is not installed";

/** The digests of archives of {@linkcode makeFiles}, by level. If they change, the digests of all archives change. */
const DIGESTS: Readonly<Record<string, string>> = {
  "0": "8c5d14c1f340775ec9c7daf5ed7a6ccaf0a9b7e22b1839dc39b6cdfdf8cced48",
  "1": "c98b40231c723e8019610f1dc1f636cef7d78a06a7a798cd6535673896eb0e3e",
  "6": "a10f481e19a5f2d0ef40b390891ec1a52bc3e2e56fdae2fe012b76e888542860",
  "9": "6516be84b7725a26c32e199ff9f3a62fef9b0d234a457547233ae2aaa896708a",
};

let files: Readonly<Record<string, string | Uint8Array>> | undefined;

/** Text, shuffled text, and numbers like weights, each of which is compressed in another way. They are made once. */
function makeFiles(): Readonly<Record<string, string | Uint8Array>> {
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const words = Array.from({ length: 300 }, () => "loss grad step epoch".slice(next(9), 10 + next(9)));
  const text = (count: number) => Array.from({ length: count }, () => words[next(words.length)]).join(" ");
  const [notes, small] = [text(200_000), text(9)];
  const numbers = Uint8Array.from({ length: 2_000_000 }, (_, i) => i % 4 === 3 ? 0x3b + next(4) : next(256));
  return {
    "train.py": "def train(model_dir): ...\n",
    "notes.txt": notes,
    "small.txt": small,
    "weights.bin": numbers,
    "noise.bin": numbers.filter((_, i) => i % 4 !== 3),
  };
}

async function digest(box: Sandbox, level: string, ...emulator: readonly string[]): Promise<string> {
  const module = box.module({});
  Deno.mkdirSync(module);
  for (const [name, content] of Object.entries(files ??= makeFiles())) {
    if (typeof content === "string") Deno.writeTextFileSync(`${module}/${name}`, content);
    else Deno.writeFileSync(`${module}/${name}`, content);
  }
  const [command, ...words] = [...emulator, ...(emulator.includes("-L") ? [] : [BIN])];
  const args = ["package", "--json", "-m", module, "--level", level];
  const { code, stdout, stderr } = await box.run([...words, ...args], { command: command!, limit: EMULATED_MS });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).sha256;
}

for (const level of ["0", "1", "6", "9"]) {
  test(`package creates the recorded bytes at level ${level}`, async (box) => {
    assert.equal(await digest(box, level), DIGESTS[level]);
  });
}

test("package makes the same bytes on an x86-64 processor without SSE 4.2", async (box) => {
  assert.equal(await digest(box, "6", "qemu-x86_64", "-cpu", "core2duo"), DIGESTS["6"]);
}, HAS_QEMU);

test(
  "package makes the same bytes on an arm64 processor",
  async (box) => {
    assert.equal(await digest(box, "6", "qemu-aarch64", "-L", ARM64_ROOT, ARM64_BIN), DIGESTS["6"]);
  },
  runs("qemu-aarch64", "--version") || "qemu-aarch64, of Debian's qemu-user, is not installed",
  has(`${ARM64_ROOT}/lib/ld-linux-aarch64.so.1`),
  has(ARM64_BIN),
);
