/** Compiles the AssemblyScript of `src/` to WebAssembly. The result is committed: only this task needs the compiler. */

import { createHash } from "node:crypto";
import { runOrThrow } from "./build/process.ts";

const FOLDER = "src/archive/deflate";
const SOURCE = `${FOLDER}/assembly/loops.ts`;
const COMPILER = "npm:assemblyscript@0.28.20/asc";
/** The memory of the module in pages of 64 KiB: enough for `MEMORY` in the source. */
const PAGES = 58;

const output = Deno.makeTempFileSync({ suffix: ".wasm" });
const memory = ["--initialMemory", `${PAGES}`, "--maximumMemory", `${PAGES}`];
const args = [
  "run",
  "--quiet",
  "--no-lock",
  "-A",
  COMPILER,
  SOURCE,
  "-O3",
  "--runtime",
  "stub",
  ...memory,
  "-o",
  output,
];
await runOrThrow(`compile ${SOURCE}`, Deno.execPath(), args);
const wasm = Deno.readFileSync(output).toBase64();
Deno.removeSync(output);
const digest = createHash("sha256").update(Deno.readFileSync(SOURCE)).digest("hex");
const lines = wasm.match(/.{1,110}/g)!.map((line) => `  "${line}"`).join(" +\n");
Deno.writeTextFileSync(
  `${FOLDER}/loops_wasm.ts`,
  `/** Made by \`scripts/deno task wasm\` from \`assembly/loops.ts\`: WebAssembly in base64. */
export const LOOPS_WASM =
${lines};

/** The SHA-256 of the source from which it was compiled. */
export const LOOPS_SOURCE_SHA256 = "${digest}";
`,
);
