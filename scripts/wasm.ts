/** Compiles the AssemblyScript of `src/` to WebAssembly. The result is committed: only this task needs the compiler. */

import { createHash } from "node:crypto";
import { runOrThrow } from "./build/process.ts";

const COMPILER = "npm:assemblyscript@0.28.20/asc";

/** The sources, each in a folder `assembly`, and the options for their memory, which is in pages of 64 KiB. */
const SOURCES = [
  // Enough pages for `MEMORY` in the source.
  { folder: "src/archive/deflate", name: "loops", memory: ["--initialMemory", "58", "--maximumMemory", "58"] },
  { folder: "src/archive/sha256", name: "sha256", memory: ["--initialMemory", "1"] },
];

for (const { folder, name, memory } of SOURCES) {
  const source = `${folder}/assembly/${name}.ts`;
  const output = Deno.makeTempFileSync({ suffix: ".wasm" });
  const args = ["run", "--quiet", "--no-lock", "-A", COMPILER, source, "-O3", "--runtime", "stub", ...memory];
  await runOrThrow(`compile ${source}`, Deno.execPath(), [...args, "-o", output]);
  const wasm = Deno.readFileSync(output).toBase64();
  Deno.removeSync(output);
  const digest = createHash("sha256").update(Deno.readFileSync(source)).digest("hex");
  const lines = wasm.match(/.{1,110}/g)!.map((line) => `  "${line}"`).join(" +\n");
  Deno.writeTextFileSync(
    `${folder}/${name}_wasm.ts`,
    `/** Made by \`scripts/deno task wasm\` from \`assembly/${name}.ts\`: WebAssembly in base64. */
export const ${name.toUpperCase()}_WASM =
${lines};

/** The SHA-256 of the source from which it was compiled. */
export const ${name.toUpperCase()}_SOURCE_SHA256 = "${digest}";
`,
  );
}
