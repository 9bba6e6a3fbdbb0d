/**
 * Makes temporary folders where no other user can replace them.
 *
 * A folder of mode 0700 keeps others out, but whoever may write to the folder around it can rename it and put another one in its
 * place. Therefore the places are tried in order, and those that others may write to are used only if no private place exists.
 */

import { AimodellibError, reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";
import { type Distrust, distrustOfPlace } from "./private.ts";

type Env = (name: string) => string | undefined;

/** How a place is chosen. */
export interface PlaceOptions {
  /** What is made there: `XDG_RUNTIME_DIR` suits small files such as sockets, but is small. */
  readonly content: "files" | "sockets";
  /** Use only places that no other user can change. @default false */
  readonly onlyPrivate?: boolean;
  /** Returns why a path is not suitable, as the end of a sentence that begins with the path; undefined if it is. */
  readonly unsuitable?: (path: string) => string | undefined;
}

/**
 * Makes something in the first place of `TMPDIR`, `/tmp`, `/var/tmp` and `XDG_RUNTIME_DIR` in which that succeeds.
 *
 * @param make gets the place's absolute path without links; what it throws says why the place can't be used
 * @param explain makes the error from the reasons of all places
 * @throws what `explain` returns
 */
export function makeInPlace<T>(
  env: Env,
  { content, onlyPrivate = false, unsuitable }: PlaceOptions,
  make: (place: string) => T,
  explain: (reasons: string) => Error,
): T {
  const failures: string[] = [];
  const shared: (readonly [place: string, distrust: Distrust])[] = [];
  let privateIsThere = false;
  for (const path of placesOf(env, content)) {
    const place = realPath(path);
    const unfit = place === undefined ? "is missing" : unsuitable?.(place);
    if (place === undefined || unfit !== undefined) {
      failures.push(`'${path}' ${unfit}`);
      continue;
    }
    const distrust = distrustOfPlace(place);
    if (distrust !== undefined) {
      shared.push([place, distrust]);
      continue;
    }
    try {
      return make(place);
    } catch (error) {
      // Others can fill a disk. That must not move the files of this run to a place where they can replace them.
      if (!isRefusal(error)) privateIsThere = true;
      failures.push(`'${path}': ${reason(error)}`);
    }
  }
  for (const [place, distrust] of shared) {
    if (onlyPrivate || privateIsThere) {
      failures.push(distrust);
      continue;
    }
    try {
      return make(place);
    } catch (error) {
      failures.push(`'${place}': ${reason(error)}`);
    }
  }
  throw explain(failures.join("; "));
}

/**
 * Makes a temporary folder that only this user may enter.
 *
 * @param name what it is for, in its name; @returns its path
 * @throws {AimodellibError} if none can be made, such as on a read-only file system
 */
export function makeTemporaryFolder(name: string, env: Env): string {
  return makeInPlace(
    env,
    { content: "files" },
    (dir) => Deno.makeTempDirSync({ dir, prefix: `aimodellib-${name}-` }),
    (reasons) =>
      new AimodellibError(
        `No temporary folder can be created: ${printable(reasons)}. Set TMPDIR to a folder that can be written to`,
      ),
  );
}

/** The place of temporary folders, for programs that make their own ones in `TMPDIR`. @throws as {@linkcode makeTemporaryFolder} */
export function temporaryPlace(env: Env): string {
  const folder = makeTemporaryFolder("place", env);
  Deno.removeSync(folder);
  return folder.slice(0, folder.lastIndexOf("/"));
}

/** A line for the user if `TMPDIR` is not trusted, or if no temporary folder is safe from other users; else undefined. */
export function noticeOfPlace(env: Env): string | undefined {
  let place: string;
  try {
    place = temporaryPlace(env);
  } catch {
    // If this run needs a temporary folder, the error will be shown.
    return undefined;
  }
  const distrust = distrustOfPlace(place);
  if (distrust !== undefined) {
    return `Warning: no temporary folder is safe from other users: ${
      printable(distrust)
    }. They could replace files of this run. ` +
      "Set TMPDIR to a folder that only you can write to\n";
  }
  const named = realPath(env("TMPDIR") || place);
  const why = named === undefined || named === place ? undefined : distrustOfPlace(named);
  return why === undefined
    ? undefined
    : `TMPDIR is not used, since ${printable(why)}: temporary folders are in '${printable(place)}'. ` +
      "Set TMPDIR to a folder that only you can write to\n";
}

function placesOf(env: Env, content: PlaceOptions["content"]): string[] {
  const [named, runtime] = [env("TMPDIR"), env("XDG_RUNTIME_DIR")];
  const system = ["/tmp", "/var/tmp"];
  const places = content === "files" ? [named, ...system, runtime] : [named, runtime, ...system];
  return [...new Set(places.filter((place) => place !== undefined && place !== ""))] as string[];
}

function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** The reason of a failure. Deno appends `: tmpdir` to that of a temporary folder. */
function reason(error: unknown): string {
  return reasonOf(error).replace(/: tmpdir$/, "");
}

/** EROFS, ENOTDIR, ENOSYS, ENOTSUP and EAFNOSUPPORT (errno(3)). */
const REFUSALS = /\(os error (?:30|20|38|95|97)\)/;

/** Whether a place refuses to hold something for good. A full disk, for example, has room again later. */
function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    (error instanceof Error && REFUSALS.test(error.message));
}
