/**
 * Identifies a base Python and its own packages. Environments made from it see these packages, and are replaced when they change.
 *
 * Starting a Python takes longer than listing its folders. Therefore the cache remembers their places, and each run lists them.
 */

import { createHash, type Hash } from "node:crypto";
import { stat } from "../files.ts";

/** A folder from which a Python imports packages. */
export interface SiteFolder {
  readonly path: string;
  /** Whether `.pth` files in it are executed. */
  readonly pth: boolean;
  readonly there: boolean;
}

/** Variables that change where a Python looks for packages. */
const VARIABLES = ["HOME", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONHOME"];
/** The names of files that identify the packages of a folder. */
const TELLING = /\.(?:dist-info|egg-info|egg-link|pth|egg)$/;

/** A text that identifies a Python, made without starting it. */
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

/** A digest of the packages in these folders. */
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

/** The line of a `.pth` file that makes another Python see the folder's packages, and execute the `.pth` files in it. */
export function pthLine({ path, pth }: SiteFolder): string {
  // Escape everything but ASCII, because Python may read the file in another encoding.
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
