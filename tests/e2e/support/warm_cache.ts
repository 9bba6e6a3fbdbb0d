/**
 * A cache with the embedded Python files and their bytecode, which `scripts/test.ts` makes once. Each sandbox gets a copy: hundreds of
 * tests would otherwise compile the same files, a fifth of the work of a short test.
 */

const WARM_CACHE = Deno.env.get("AIMODELLIB_TEST_CACHE") || undefined;

/** The commands that start a Python. */
const COMMANDS: readonly (string | undefined)[] = ["predict", "serve", "train"];

/** Copies the cache to a home that has none, if the command starts a Python. @returns whether the home has a cache now */
export function warmCache(home: string, command: string | undefined): boolean {
  const cache = `${home}/.cache`;
  if (WARM_CACHE === undefined || !COMMANDS.includes(command)) return false;
  if (!exists(cache)) {
    Deno.mkdirSync(cache);
    copy(WARM_CACHE, `${cache}/aimodellib`);
  }
  return true;
}

/** Copies a folder with the times of its files: Python compares those with the bytecode. */
function copy(from: string, to: string): void {
  Deno.mkdirSync(to, { mode: 0o755 });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const [source, target] = [`${from}/${name}`, `${to}/${name}`];
    if (isDirectory) copy(source, target);
    else {
      Deno.copyFileSync(source, target);
      const { atime, mtime } = Deno.statSync(source);
      Deno.utimeSync(target, atime!, mtime!);
    }
  }
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
