/** Gets uv, which installs Python packages with a fraction of pip's processor time. */

import { run } from "../build/process.ts";
import { unzip } from "../build/zip.ts";
import { stat } from "../../src/files.ts";
import { uvOptions } from "./pip_settings.ts";

/** The version of uv, from the package registry. */
const VERSION = "0.13.9";

/** uv, set up as pip is on this machine. */
export interface Uv {
  /** The path of the program. */
  readonly program: string;
  /** Options of `uv pip install`. */
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

let found: Promise<Uv | undefined> | undefined;

/**
 * Gets uv with pip, once, into `.cache/uv`.
 *
 * @param cache the path of `.cache`
 * @returns undefined if pip has settings that uv has no option for, or can't get uv: pip has to install packages itself then
 */
export function findUv(cache: string): Promise<Uv | undefined> {
  return found ??= find(cache).catch(() => undefined);
}

async function find(cache: string): Promise<Uv | undefined> {
  const { success, stdout } = await run("python3", ["-m", "pip", "config", "list"]);
  const options = success ? uvOptions(stdout) : undefined;
  if (options === undefined) return undefined;
  const program = `${cache}/uv/${VERSION}/uv`;
  if (!stat(program)?.isFile) await fetchUv(`${cache}/uv`, program);
  return (await run(program, ["--version"])).success ? { program, ...options } : undefined;
}

/** @throws {Error} if pip can't get the package, or it has no program */
async function fetchUv(folder: string, program: string): Promise<void> {
  Deno.mkdirSync(program.slice(0, program.lastIndexOf("/")), { recursive: true });
  const scratch = Deno.makeTempDirSync({ dir: folder, prefix: ".get-" });
  try {
    // deno-fmt-ignore
    await run("python3", [
      "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--no-input", "--only-binary=:all:",
      "--dest", scratch, `uv==${VERSION}`,
    ]);
    const wheel = [...Deno.readDirSync(scratch)].find(({ name }) => name.endsWith(".whl"));
    if (wheel === undefined) throw new Error(`pip fetched no wheel of uv ${VERSION}`);
    const bytes = await unzip(Deno.readFileSync(`${scratch}/${wheel.name}`), "/scripts/uv");
    Deno.writeFileSync(`${scratch}/uv`, bytes, { mode: 0o755 });
    // A rename is atomic: when several first runs race, each puts a whole file there.
    Deno.renameSync(`${scratch}/uv`, program);
  } finally {
    Deno.removeSync(scratch, { recursive: true });
  }
}
