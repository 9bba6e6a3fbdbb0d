/** Records the input and options of a run beside its output until that is complete: only the same run may resume it. */

import { AimodellibError, reasonOf, UsageError } from "../../errors.ts";
import { WriteError } from "../../atomic_file.ts";
import { tryLockExclusively } from "../../cache/lock.ts";
import { exists, stat } from "../../files.ts";

/** Everything that determines the bytes of an output, by name. */
export type Identity = Readonly<Record<string, string | number | boolean | undefined>>;

/** How long to wait for another run to release an output, in ms. On a busy machine, taking a free lock takes hundreds of them. */
const LOCK_LIMIT_MS = 2_000;

const VERSION = 1;

/**
 * Reads the journal of an output.
 *
 * @param without names that are not compared
 * @returns undefined if there is no journal
 * @throws {UsageError} if a run with other values wrote it
 */
export function checkJournal(
  path: string,
  output: string,
  now: Identity,
  without: readonly string[] = [],
): Identity | undefined {
  const before = readJournal(path);
  if (before === undefined) return undefined;
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (without.includes(name)) continue;
    // JSON has no undefined.
    if ((before[name] ?? null) === (now[name] ?? null)) continue;
    throw new UsageError(
      `'${output}' was started with ${nameOf(name)} ${show(before[name])}, but now it is ${show(now[name])}: ` +
        "run the original command, or start again with --restart",
    );
  }
  return before;
}

/** Writes the journal of a run. @throws {WriteError} if that fails */
export function writeJournal(path: string, identity: Identity): void {
  try {
    Deno.writeTextFileSync(`${path}.new`, `${JSON.stringify({ version: VERSION, ...identity }, null, 2)}\n`);
    Deno.renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new WriteError(`'${path}' can't be written: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Keeps other runs from writing to the same output, until disposed. On a file system without locks, nothing does.
 *
 * @throws {AimodellibError} if another run writes to it
 */
export async function lockOutput(output: string, lockPath: string): Promise<Disposable> {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(lockPath, { write: true, create: true });
  } catch (cause) {
    throw new WriteError(`'${lockPath}' can't be written: ${reasonOf(cause)}`, { cause });
  }
  // A run removes the lock file at its end, and a run that waited for it may have locked the removed file.
  if (await tryLockExclusively(file, LOCK_LIMIT_MS) === "busy" || stat(lockPath)?.ino !== file.statSync().ino) {
    throw new AimodellibError(`Another run is writing to '${output}': wait for it, or choose another output`);
  }
  return {
    [Symbol.dispose]() {
      remove(lockPath);
      file.close();
    },
  };
}

/** Removes a file if it exists. */
export function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (cause) {
    if (exists(path)) throw new WriteError(`'${path}' can't be removed: ${reasonOf(cause)}`, { cause });
  }
}

function readJournal(path: string): Identity | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new WriteError(`'${path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  try {
    const { version, ...identity } = JSON.parse(text);
    if (version === VERSION) return identity;
  } catch {
    // It is not a journal.
  }
  throw new UsageError(
    `'${path}' is not a journal of this version: remove it, or start again with --restart`,
  );
}

/** Turns a name such as `inputBytes` into `the input bytes`. */
function nameOf(name: string): string {
  return `the ${name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
}

function show(value: Identity[string]): string {
  return value === undefined || value === null ? "none" : typeof value === "string" ? `'${value}'` : String(value);
}
