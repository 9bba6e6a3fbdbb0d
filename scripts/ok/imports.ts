/** Finds imports between the files of `src/` that make a circle, or point up the table of folders in `CONTRIBUTING.md`. */

import type { ProjectFile } from "./files.ts";

/** What a file imports or exports again, whether for its types alone or not, at once or late. */
const SPECIFIER = /(?:\bfrom|\bimport)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/** A row of the table whose first cell names folders or files of `src/`. */
const ROW = /^\| ((?:`src\/[^`]*`(?:, )?)(?:[^|]*)) \|/gm;

/**
 * Finds circles and imports that point up.
 *
 * @param files all files of the project; those below `src/` are looked at, and the table is in `CONTRIBUTING.md`
 * @returns what is wrong, one line each
 */
export function findWrongImports(files: readonly ProjectFile[]): readonly string[] {
  const imports = importsOf(files);
  const rooms = roomsOf(files.find(({ path }) => path === "CONTRIBUTING.md")?.text ?? "");
  const problems: string[] = [];
  for (const circle of findCircles(imports)) {
    problems.push(`These files import each other in a circle: ${circle.join(", ")}`);
  }
  for (const [from, targets] of imports) {
    const room = roomOf(from, rooms);
    if (room === undefined) {
      problems.push(`${from}: the table in CONTRIBUTING.md has no row for it`);
      continue;
    }
    for (const to of targets) {
      const other = roomOf(to, rooms);
      if (other !== undefined && other < room) {
        problems.push(`${from} imports ${to}, which stands above it in the table of CONTRIBUTING.md`);
      }
    }
  }
  return problems;
}

/** For each source file, the source files that it imports. */
function importsOf(files: readonly ProjectFile[]): ReadonlyMap<string, readonly string[]> {
  const imports = new Map<string, readonly string[]>();
  for (const { path, text = "" } of files) {
    if (!/^src\/.*\.tsx?$/.test(path)) continue;
    const specifiers = Array.from(text.matchAll(SPECIFIER), ([, specifier]) => specifier!);
    const targets = specifiers.map((specifier) => new URL(specifier, `file:///${path}`).pathname.slice(1));
    imports.set(path, [...new Set(targets)].filter((target) => /^src\/.*\.tsx?$/.test(target)));
  }
  return imports;
}

/** The rows of the table from top to bottom: the folders (which end with a slash) and files that each one names. */
function roomsOf(contributing: string): readonly (readonly string[])[] {
  return Array.from(
    contributing.matchAll(ROW),
    ([, cell]) => Array.from(cell!.matchAll(/`(src\/[^`]*)`/g), ([, name]) => name!),
  );
}

/** The number of the row that describes a file best: the one with the longest name that fits. */
function roomOf(path: string, rooms: readonly (readonly string[])[]): number | undefined {
  let found: number | undefined;
  let longest = 0;
  for (const [row, names] of rooms.entries()) {
    for (const name of names) {
      if (name.length > longest && (name.endsWith("/") ? path.startsWith(name) : path === name)) {
        [found, longest] = [row, name.length];
      }
    }
  }
  return found;
}

/**
 * The sets of files that import each other in a circle.
 *
 * Tarjan's algorithm for strongly connected components (SIAM Journal on Computing 1, 1972).
 */
function findCircles(imports: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const open: string[] = [];
  const circles: (readonly string[])[] = [];
  const visit = (file: string) => {
    order.set(file, order.size);
    let low = order.get(file)!;
    open.push(file);
    for (const target of imports.get(file) ?? []) {
      if (!order.has(target)) low = Math.min(low, visit(target));
      else if (open.includes(target)) low = Math.min(low, order.get(target)!);
    }
    if (low === order.get(file)) {
      const circle = open.splice(open.indexOf(file));
      if (circle.length > 1) circles.push(circle.sort());
    }
    return low;
  };
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return circles;
}
