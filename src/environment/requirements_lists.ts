/** Reads a module's lists of requirements, which its archive contains. */

import { stat } from "../files.ts";
import { decodeRequirements, type Named, namedBy, writtenLines } from "./requirements_text.ts";

/** The largest list that is read, in bytes, and the most lists. */
const MAX_BYTES = 1024 * 1024;
const MAX_LISTS = 100;

/** A list of requirements in a module. */
export interface List {
  /** Its path, relative to the module's folder. */
  readonly path: string;
  readonly text: string;
  /** What its lines name. */
  readonly named: readonly Named[];
}

/**
 * Reads a module's `requirements.txt` and the lists in the module that it refers to.
 *
 * @param module the absolute path of its folder
 */
export function listsOf(module: string): List[] {
  const lists: List[] = [];
  const paths = new Set(["requirements.txt"]);
  for (const path of paths) {
    const text = read(`${module}/${path}`);
    if (text === undefined) continue;
    const named = writtenLines(text).map(namedBy);
    lists.push({ path, text, named });
    for (const one of named) {
      if (one.kind !== "nested" || one.path.startsWith("/") || paths.size >= MAX_LISTS) continue;
      const nested = joined(folderOf(path), one.path);
      if (nested !== undefined) paths.add(nested);
    }
  }
  return lists;
}

/**
 * Returns a sentence for each file and folder outside of a module that its lists name by a relative path: the archive lacks them.
 *
 * @param module the absolute path of its folder
 */
export function namedOutside(module: string): string[] {
  const notices = listsOf(module).flatMap(({ path: list, named }) =>
    named.flatMap((one) => {
      if ((one.kind !== "nested" && one.kind !== "path") || /^[/~]/.test(one.path)) return [];
      // pip looks for other lists from the list's own folder, and for packages from the working directory, the module's folder.
      if (joined(one.kind === "nested" ? folderOf(list) : "", one.path) !== undefined) return [];
      return [
        `${list} names '${one.path}', which is outside of the module and not in the archive: move it into the module, or add wheels with ` +
        "--bundle-wheels",
      ];
    })
  );
  return [...new Set(notices)];
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/** A normalized path relative to the module's folder; undefined if it leads out. */
function joined(folder: string, path: string): string | undefined {
  const parts: string[] = [];
  for (const part of `${folder}${path}`.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function read(path: string): string | undefined {
  const found = stat(path);
  if (found === undefined || !found.isFile || found.size > MAX_BYTES) return undefined;
  try {
    return decodeRequirements(Deno.readFileSync(path));
  } catch {
    // Packing or installing an unreadable list fails later, with an error that says why.
    return undefined;
  }
}
