/** Makes all files of a release: `scripts/deno task release`. See `release/options.ts` for the command line. */

import { parseSecretKey } from "../src/archive/mod.ts";
import { messageOf } from "../src/errors.ts";
import { build } from "./build.ts";
import { runOrThrow } from "./build/process.ts";
import { TARGETS } from "./build/targets.ts";
import { ROOT } from "./project.ts";
import { parseOptions, type ReleaseOptions, USAGE } from "./release/options.ts";
import { releaseFiles } from "./release/files.ts";
import type { ReleaseFile } from "./release/python_wheel.ts";

/**
 * Makes the files of a release in `dist/release/`, which is replaced as a whole.
 *
 * @param root the project's root
 * @throws {Error} if the tree has uncommitted changes, the key can't be used, or a build fails
 */
export async function release(root: string, { key, targets }: ReleaseOptions): Promise<void> {
  await checkTree(root);
  // Check the key first: a wrong one must not cost a whole build.
  const secret = key === undefined ? undefined : await parseSecretKey(Deno.readTextFileSync(key), `'${key}'`, password);
  await build(root, targets.map((target) => ({ target, file: `aimodellib-${target.name}` })));
  const executables = targets.map((target) => ({ target, path: `${root}/dist/aimodellib-${target.name}` }));
  const files = await releaseFiles(root, executables, secret);
  write(`${root}/dist`, files);
}

/** Checks that the tree has no uncommitted changes. */
async function checkTree(root: string): Promise<void> {
  const changed = await runOrThrow("look for changes", "git", ["-C", root, "status", "--porcelain"]);
  if (changed.trim() !== "") {
    throw new Error(
      `A release contains only committed files. Commit or stash these changes first:\n${changed.trimEnd()}`,
    );
  }
}

function password(): Promise<string> {
  const found = Deno.env.get("AIMODELLIB_RELEASE_PASSWORD");
  if (found === undefined) throw new Error("The key has a password: set AIMODELLIB_RELEASE_PASSWORD to it");
  return Promise.resolve(found);
}

/** Writes the files into a folder beside `release`, and then renames it. */
function write(dist: string, files: readonly ReleaseFile[]): void {
  const beside = Deno.makeTempDirSync({ dir: dist, prefix: ".release-" });
  Deno.chmodSync(beside, 0o755);
  for (const { name, bytes } of files) {
    const isProgram = name === "install.sh" || TARGETS.some((target) => name.endsWith(target.name));
    Deno.writeFileSync(`${beside}/${name}`, bytes, { mode: isProgram ? 0o755 : 0o644 });
    console.error(`${(bytes.length / 1e6).toFixed(1).padStart(6)} MB  ${name}`);
  }
  const place = `${dist}/release`;
  try {
    Deno.removeSync(place, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.renameSync(beside, place);
}

if (import.meta.main) {
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) console.log(USAGE);
    else await release(ROOT, options);
  } catch (error) {
    console.error(messageOf(error));
    Deno.exit(error instanceof RangeError ? 2 : 1);
  }
}
