/** Opens files for one writer at a time. */

const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;
const LOCK_EX_NB = 2 | 4;
const LOCK_UN = 8;

/** An open file that no other process can open exclusively until this is disposed. */
export interface ExclusiveFile extends Disposable {
  readonly file: Deno.FsFile;
}

/**
 * Opens a file for appending, unless another process has it open by this function, on this host or another one that shares the file
 * system.
 *
 * @param mayExist whether an existing file that nobody has open is acceptable. On a file system without locks it never is.
 * @returns undefined if the file is taken
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

/** Creates a file; undefined if it exists. If several processes try, one succeeds, even on network disks without locks. */
function create(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, { append: true, createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Locks a file without waiting, which Deno can't do. @returns a function that unlocks it; undefined if it is locked */
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
    if (fd >= 0) {
      // A process that is being started has the lock as well, until it executes its program: close() alone would leave it locked.
      flock(fd, LOCK_UN);
      close(fd);
    }
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

/** Whether the file system has locks, by trying one on a new file. */
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
    // Another process was faster.
  }
  return release !== undefined;
}
