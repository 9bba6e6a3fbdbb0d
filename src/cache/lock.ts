/**
 * File locks (flock(2)). The kernel releases them when the process that holds them ends, however it ends.
 *
 * A wait for a lock can be aborted. After {@linkcode ANNOUNCE_MS} it prints what it waits for, since a silent wait looks like a hang.
 */

import { printable } from "../printable.ts";
import { unlessAborted, withLimit } from "../with_limit.ts";

/** How long a wait for a lock is silent, in ms. */
const ANNOUNCE_MS = 2_000;
/** The most bytes that are read of a lock file, which names the holder. */
const MAX_HOLDER_BYTES = 128;

/** Options for the wait for a lock. */
export interface LockWait {
  /** Aborts the wait. */
  readonly signal?: AbortSignal | undefined;
  /** What the holder of the lock does, for the printed text: `unpacks 'model.tar.gz'`. */
  readonly what: string;
  /** Prints a line of text, which includes its newline. */
  readonly say: (text: string) => void;
}

/**
 * Opens a file and takes a shared lock on it. It waits while somebody holds the lock of {@linkcode lockExclusively}.
 *
 * @throws {Error} the reason of `wait.signal`
 */
export async function lockShared(path: string, wait: LockWait): Promise<Deno.FsFile> {
  return await lock(path, false, wait);
}

/**
 * Opens a file, takes an exclusive lock on it, and writes this process's identity into it.
 *
 * @throws {Error} the reason of `wait.signal`
 */
export async function lockExclusively(path: string, wait: LockWait): Promise<Deno.FsFile> {
  const file = await lock(path, true, wait);
  try {
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${Deno.pid} ${Deno.hostname()}\n`));
  } catch {
    // On a full disk, waiting processes can't print who holds the lock.
  }
  return file;
}

/**
 * Whether a file, which no other process knows, can be locked.
 *
 * @returns false on a file system without locks: Lustre, NFS and those of FUSE may be mounted like that
 */
export function canLock(file: Deno.FsFile): boolean {
  try {
    file.lockSync(true);
    return true;
  } catch {
    return false;
  }
}

/**
 * Takes an exclusive lock on an open file, waiting at most `ms`.
 *
 * @returns `impossible` on a file system without locks
 */
export async function tryLockExclusively(file: Deno.FsFile, ms: number): Promise<"locked" | "busy" | "impossible"> {
  const tried = file.lock(true).then(() => "locked" as const, () => "impossible" as const);
  return await withLimit(tried, ms) ? await tried : "busy";
}

async function lock(path: string, exclusive: boolean, { signal, what, say }: LockWait): Promise<Deno.FsFile> {
  signal?.throwIfAborted();
  const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  const timer = setTimeout(() => say(`Waiting for ${holderOf(path)}, which ${printable(what)}\n`), ANNOUNCE_MS);
  try {
    // The thread that waits in flock(2) can't be canceled: once it gets the lock, closing the file releases it.
    await unlessAborted(file.lock(exclusive), signal);
    return file;
  } catch (error) {
    file.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The holder of the lock as the file names it. Its content is untrusted: other users may have written to it. */
function holderOf(path: string): string {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(MAX_HOLDER_BYTES);
    const text = new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
    const [, pid, host] = /^(\d{1,10}) ([\w.-]{1,64})\n/.exec(text) ?? [];
    if (pid === undefined) return "another process";
    return host === Deno.hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
  } catch {
    return "another process";
  }
}
