/**
 * What a Python has by itself: an environment beside it sees these packages, and is made again when they change.
 *
 * To ask a Python takes longer than to look at its folders: where they are is remembered, and what is in them is looked at each time.
 */

import { createHash, type Hash } from "node:crypto";
import { stat } from "../files.ts";

/** A folder with packages. */
export interface SiteFolder {
  readonly path: string;
  /** Whether `.pth` files in it are executed. */
  readonly pth: boolean;
  readonly there: boolean;
}

/** Variables that change where a Python looks for packages. */
const VARIABLES = ["HOME", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONHOME"];
/** What tells which packages a folder has. */
const TELLING = /\.(?:dist-info|egg-info|egg-link|pth|egg)$/;

/** Says which Python it is, without starting it. */
export function identityOf(python: string, env: (name: string) => string | undefined): string {
  const real = Deno.realPathSync(python);
  const { size, mtime } = Deno.statSync(real);
  const configuration = pyvenvOf(python);
  return JSON.stringify([
    python,
    real,
    size,
    mtime?.getTime(),
    configuration,
    VARIABLES.map((name) => env(name) ?? null),
  ]);
}

/** The text of `pyvenv.cfg`, if the Python is that of a virtual environment. */
export function pyvenvOf(python: string): string | null {
  const bin = python.slice(0, python.lastIndexOf("/"));
  for (const path of [`${bin}/pyvenv.cfg`, `${bin}/../pyvenv.cfg`]) {
    if (stat(path)?.isFile) return Deno.readTextFileSync(path);
  }
  return null;
}

/** Says which packages these folders have. */
export function fingerprint(folders: readonly SiteFolder[]): string {
  const hash = createHash("sha256");
  for (const folder of folders) addFolder(hash, folder);
  return hash.digest("hex");
}

function addFolder(hash: Hash, { path, pth }: SiteFolder): void {
  hash.update(`${JSON.stringify([path, pth])}\n`);
  for (const name of namesOf(path).filter((name) => TELLING.test(name)).sort()) {
    const full = `${path}/${name}`;
    const info = stat(full);
    hash.update(`${JSON.stringify([name, info?.mtime?.getTime(), info?.isFile ? info.size : null])}\n`);
  }
}

function namesOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** The line of a `.pth` file with which another Python sees the same packages: their own `.pth` files are executed, too. */
export function pthLine({ path, pth }: SiteFolder): string {
  // The file may be read in another encoding.
  const text = JSON.stringify(path).replace(
    /[^\x20-\x7e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const joined = text.replace(/\\ud[89ab]..\\ud[c-f]../g, (pair) => {
    const point = JSON.parse(`"${pair}"`).codePointAt(0)!;
    return `\\U${point.toString(16).padStart(8, "0")}`;
  });
  return pth
    ? `import site; site.addsitedir(${joined})`
    : `import sys; ${joined} in sys.path or sys.path.append(${joined})`;
}
