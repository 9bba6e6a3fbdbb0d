/** A file that one writer has for itself, for as long as it is open. */

const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;
const LOCK_EX_NB = 2 | 4;

/** An open file, and what tells others that it is taken. */
export interface ExclusiveFile extends Disposable {
  readonly file: Deno.FsFile;
}

/**
 * Opens a file to append to it, unless somebody else has it by this function, on this host or another one of the same file system.
 *
 * @param mayExist whether one that is there, and that nobody has, will do. Where the file system has no locks, it will not.
 * @returns undefined if it is taken
 * @throws {Deno.errors} if it can't be opened
 */
export function openExclusively(path: string, mayExist: boolean): ExclusiveFile | undefined {
  const made = create(path);
  if (made === undefined && !mayExist) return undefined;
  const release = lock(path) ?? (made !== undefined && !hasLocks(path) ? () => {} : undefined);
  if (release === undefined) {
    made?.close();
    return undefined;
  }
  try {
    const file = made ?? Deno.openSync(path, { append: true });
    return {
      file,
      [Symbol.dispose]() {
        file.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Makes a file that is not there; of several who try, one does, also on network disks without locks. */
function create(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, { append: true, createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Takes the lock of a file without waiting for it, which Deno can't; returns what gives it up, undefined if it can't be had. */
function lock(path: string): (() => void) | undefined {
  let library: ReturnType<typeof openLibrary>;
  try {
    library = openLibrary();
  } catch {
    // There is no glibc.
    return undefined;
  }
  const { open, flock, close } = library.symbols;
  const fd = open(new TextEncoder().encode(`${path}\0`), O_WRONLY | O_CLOEXEC);
  const release = () => {
    if (fd >= 0) close(fd);
    library.close();
  };
  if (fd >= 0 && flock(fd, LOCK_EX_NB) === 0) return release;
  release();
  return undefined;
}

function openLibrary() {
  return Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    flock: { parameters: ["i32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
}

/** Whether the file system has locks: a file that nobody knows of can be locked. */
function hasLocks(beside: string): boolean {
  const path = `${beside}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    Deno.openSync(path, { write: true, createNew: true }).close();
  } catch {
    return false;
  }
  const release = lock(path);
  release?.();
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody was faster.
  }
  return release !== undefined;
}
