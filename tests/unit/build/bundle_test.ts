import assert from "node:assert/strict";
import { parse } from "acorn";
import { runOrThrow } from "../../../scripts/build/process.ts";
import { ROOT } from "../../../scripts/project.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** Counts the variables that JavaScript declares with `using` or `await using`. */
function countUsing(node: unknown): number {
  if (Array.isArray(node)) return node.reduce((sum, item) => sum + countUsing(item), 0);
  if (typeof node !== "object" || node === null) return 0;
  const { type, kind, declarations } = node as { type?: string; kind?: string; declarations?: unknown[] };
  const own = type === "VariableDeclaration" && kind?.endsWith("using") ? declarations?.length ?? 0 : 0;
  return Object.values(node).reduce((sum, child) => sum + countUsing(child), own);
}

async function bundledUsing(entry: string, folder: string, ...options: readonly string[]): Promise<number> {
  const args = ["bundle", "--quiet", "--platform", "deno", ...options, "--code-splitting", "--outdir", folder, entry];
  await runOrThrow(`bundle ${entry}`, Deno.execPath(), args, { cwd: ROOT });
  let count = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    count += countUsing(
      parse(Deno.readTextFileSync(`${folder}/${name}`), { ecmaVersion: "latest", sourceType: "module" }),
    );
  }
  return count;
}

// The minifier replaces a variable that is used once, in the next statement, by its value. It does the same to `using`, and then nothing
// disposes the resource. Where this test fails, use the variable twice, or put a statement between the two.
Deno.test("the minifier keeps each resource that the program declares with using", async () => {
  using folder = new TempDir();
  const entries = ["src/main.ts", "src/archive/gzip/worker.ts", "src/archive/files/worker.ts", "src/http/v2/worker.ts"];
  const counts: { entry: string; plain: number; minified: number }[] = [];
  // One after the other: if Deno has not yet installed its bundler, several processes that do so at once disturb each other.
  for (const [i, entry] of entries.entries()) {
    const plain = await bundledUsing(entry, `${folder.path}/${i}-plain`);
    counts.push({ entry, plain, minified: await bundledUsing(entry, `${folder.path}/${i}-minified`, "--minify") });
  }
  assert.ok(counts[0]!.plain > 50, "the count must see the declarations");
  for (const { entry, plain, minified } of counts) {
    assert.equal(minified, plain, `${entry} loses resources when it is minified`);
  }
});
