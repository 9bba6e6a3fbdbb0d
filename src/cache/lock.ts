/**
 * Locks of files (flock(2)), which end with the process that holds them, however it ends.
 *
 * A wait for a lock ends on a signal, and says after {@linkcode ANNOUNCE_MS} what it waits for: nobody looks at a silent terminal.
 */

import { printable } from "../printable.ts";

/** How long a wait for a lock is silent, in ms. */
const ANNOUNCE_MS = 2_000;
/** The most that is read of a lock file, which says who holds the lock, in bytes. */
const MAX_HOLDER_BYTES = 128;

/** How a lock is waited for. */
export interface LockWait {
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** What the lock is for, for the text that is shown: `unpacks 'model.tar.gz'`. */
  readonly what: string;
  /** Takes a line of text, with its end. */
  readonly say: (text: string) => void;
}

/**
 * Opens a file and locks it together with others. Only {@linkcode lockExclusively} keeps it waiting.
 *
 * @throws {Error} the reason of `wait.signal`
 */
export async function lockShared(path: string, wait: LockWait): Promise<Deno.FsFile> {
  return await lock(path, false, wait);
}

/**
 * Opens a file and locks it alone. The file says which process has it.
 *
 * @throws {Error} the reason of `wait.signal`
 */
export async function lockExclusively(path: string, wait: LockWait): Promise<Deno.FsFile> {
  const file = await lock(path, true, wait);
  try {
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${Deno.pid} ${Deno.hostname()}\n`));
  } catch {
    // A full disk: those who wait can't be told for whom.
  }
  return file;
}

/** Locks an open file alone, unless somebody else has it for longer than `ms`. @returns whether it is locked */
export async function tryLockExclusively(file: Deno.FsFile, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const locked = await Promise.race([file.lock(true).then(() => true, () => false), late]);
  clearTimeout(timer);
  return locked;
}

async function lock(path: string, exclusive: boolean, { signal, what, say }: LockWait): Promise<Deno.FsFile> {
  signal?.throwIfAborted();
  const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal!.reason);
  signal?.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(() => say(`Waiting for ${holderOf(path)}, which ${printable(what)}\n`), ANNOUNCE_MS);
  try {
    const locked = file.lock(exclusive);
    // The thread that waits in flock(2) can't be called back: when it has the lock, the closed file gives it up.
    locked.catch(() => {});
    await Promise.race([locked, stopped.promise]);
    return file;
  } catch (error) {
    file.close();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** Who has the lock, as far as the file says so; anybody may have written to it. */
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
