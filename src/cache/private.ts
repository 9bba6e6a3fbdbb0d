/**
 * Checks whether other users could have written to a folder. The program runs code from the cache as this user, and therefore does not
 * use a folder that others can write to or rename.
 */

/** The user id of root, who can write everywhere. */
const ROOT_UID = 0;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/** In a folder with this bit, only the owner of a file may rename or remove it (`/tmp`). */
const STICKY = 0o1000;

/** A reason not to trust a folder, such as `'/srv/cache' may be written to by everybody`. */
export type Distrust = string;

/**
 * Checks a folder and all of its parents.
 *
 * @param folder an absolute path without links
 * @returns why it can't be trusted; undefined if it can
 */
export function distrustOfFolder(folder: string): Distrust | undefined {
  return distrustOf(folder) ?? distrustOfPlace(parentOf(folder));
}

/**
 * Checks that no other user can rename or replace what this user makes in a folder. Others may write to it if it is sticky, as `/tmp` is.
 *
 * @param folder an absolute path without links
 * @returns why it can't be trusted; undefined if it can
 */
export function distrustOfPlace(folder: string): Distrust | undefined {
  for (let path = folder;; path = parentOf(path)) {
    const info = Deno.lstatSync(path);
    const { uid, mode } = info;
    if (!isMine(uid) && uid !== overflowUid()) return `'${path}' belongs to user ${uid}`;
    if (!isSticky(mode) && othersWrite(info)) return `'${path}' may be written to by others`;
    if (path === "/") return undefined;
  }
}

/**
 * Checks a file or a folder itself, not its content. A link's target is not checked: nobody else can change the link.
 *
 * @returns why it can't be trusted; undefined if it can
 * @throws {Deno.errors.NotFound} if it does not exist
 */
export function distrustOf(path: string): Distrust | undefined {
  const info = Deno.lstatSync(path);
  if (!isMine(info.uid)) return `'${path}' belongs to user ${info.uid}`;
  if (!info.isSymlink && othersWrite(info)) return `'${path}' may be written to by others`;
  return undefined;
}

/** Checks a folder and everything in it. @returns why it can't be trusted; undefined if it can */
export function distrustOfTree(folder: string): Distrust | undefined {
  const own = distrustOf(folder);
  if (own !== undefined) return own;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    const found = isDirectory ? distrustOfTree(path) : distrustOf(path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Removes the write permission of group and others from a folder that this process has filled, and from everything in it: uv creates a
 * lock file that everybody can write to, and with a umask of 0 all files are like that.
 */
export function keepOthersFromWriting(path: string): void {
  const { mode, isDirectory, isSymlink } = Deno.lstatSync(path);
  if (isSymlink) return;
  if (mode !== null && (mode & (GROUP_WRITES | OTHERS_WRITE)) !== 0) {
    Deno.chmodSync(path, mode & 0o7777 & ~(GROUP_WRITES | OTHERS_WRITE));
  }
  if (!isDirectory) return;
  for (const { name } of Deno.readDirSync(path)) keepOthersFromWriting(`${path}/${name}`);
}

function othersWrite({ mode, gid, uid }: Deno.FileInfo): boolean {
  if (mode === null) return false;
  if ((mode & OTHERS_WRITE) !== 0) return true;
  // Many systems give each user a group of the same number, and let the group write (umask 002).
  return (mode & GROUP_WRITES) !== 0 && gid !== uid;
}

function isSticky(mode: number | null): boolean {
  return mode !== null && (mode & STICKY) !== 0;
}

// A start asks for it a hundred times.
let ownUid: number | null | undefined;

function isMine(uid: number | null): boolean {
  ownUid ??= Deno.uid();
  return uid === ownUid || uid === ROOT_UID;
}

/** In a user namespace, the owner that files of unmapped users appear to have, such as `/`; undefined outside of one. */
function overflowUid(): number | undefined {
  try {
    const [, , count] = Deno.readTextFileSync("/proc/self/uid_map").trim().split(/\s+/);
    if (Number(count) === 2 ** 32 - 1) return undefined;
    return Number(Deno.readTextFileSync("/proc/sys/kernel/overflowuid"));
  } catch {
    return undefined;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}
