/** Makes the executables: `scripts/deno task build [--target TARGET]`. See `build/options.ts` for the command line. */

import { compile } from "./build/compile.ts";
import { findDenort } from "./build/denort.ts";
import { writeChecksums } from "./build/hash.ts";
import { type Job, parseOptions, USAGE } from "./build/options.ts";
import { runOrThrow } from "./build/process.ts";
import { stage } from "./build/stage.ts";
import { hostTarget } from "./build/targets.ts";
import { ROOT } from "./project.ts";
import { messageOf } from "../src/errors.ts";

/**
 * Builds executables and `SHA256SUMS` in `dist/`. Each file is written elsewhere and then renamed: an executable that is running or being
 * copied never changes.
 *
 * @param root the project's root
 * @throws {Error} if the sources can't be bundled, or no base runtime is found
 */
export async function build(root: string, jobs: readonly Job[]): Promise<void> {
  const dist = `${root}/dist`;
  Deno.mkdirSync(dist, { recursive: true });
  Deno.mkdirSync(`${root}/.cache/build`, { recursive: true });
  const folder = Deno.makeTempDirSync({ dir: `${root}/.cache/build` });
  try {
    await stage(root, folder);
    for (const { target, file } of jobs) {
      const started = performance.now();
      const denort = await findDenort(root, target, console.error);
      const output = `${folder}/${file}`;
      await compile(folder, target, denort, output);
      if (target === hostTarget()) await runOrThrow("start what was built", output, ["--version"]);
      Deno.renameSync(output, `${dist}/${file}`);
      const { size } = Deno.statSync(`${dist}/${file}`);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.error(`Built dist/${file} (${(size / 1e6).toFixed(1)} MB) in ${seconds} s.`);
    }
    await writeChecksums(dist);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  try {
    const jobs = parseOptions(Deno.args);
    if (jobs.length === 0) console.log(USAGE);
    else await build(ROOT, jobs);
  } catch (error) {
    console.error(messageOf(error));
    Deno.exit(error instanceof RangeError ? 2 : 1);
  }
}
