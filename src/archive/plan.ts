/** What is to go into an archive: decided before a byte of it is written. */

import { reasonOf, UsageError } from "../errors.ts";
import { collect, type Collection } from "./collect.ts";
import {
  complaint,
  DEFAULT_MANIFEST,
  formatManifest,
  joinPath,
  type Manifest,
  MANIFEST_NAME,
  parseManifest,
} from "./manifest.ts";

/** What the user said. */
export interface PlanOptions {
  /** Empty for the working directory. */
  readonly moduleDir: string;
  readonly trainScript?: string | undefined;
  readonly serveScript?: string | undefined;
  readonly logNameFormat?: string | undefined;
  readonly logDir?: string | undefined;
  readonly enableTensorboard: boolean;
  readonly tensorboardDir?: string | undefined;
  readonly manifestFile?: string | undefined;
  /** Whether a file is the archive itself. */
  readonly isOutput: (path: string) => boolean;
}

/** What is to be packed. */
export interface Plan {
  readonly manifest: Manifest;
  /** As it is written. */
  readonly manifestText: string;
  /** Absolute. */
  readonly root: string;
  readonly files: Collection;
  /** What the user should know, and is no error. */
  readonly notices: readonly string[];
  /** The scripts that the manifest names. */
  readonly scripts: readonly PlannedScript[];
}

/** A script of the module. */
export interface PlannedScript {
  readonly key: "trainingScript" | "servingScript";
  /** From the module's folder. */
  readonly path: string;
  /** Absolute, where it is now. */
  readonly source: string;
  /** Whether nobody named it: it is there, and has the usual name. */
  readonly assumed: boolean;
}

const DEFAULT_TRAIN_SCRIPT = "train.py";
const DEFAULT_SERVE_SCRIPT = "serve.py";

/** Which option a value of the manifest comes from. */
const OPTIONS = {
  trainingScript: "--train-script",
  servingScript: "--serve-script",
  logNamingFormat: "--log-name-format",
  logDirectory: "--log-dir",
  tensorboardDirectory: "--tensorboard-dir",
} as const;

/**
 * Decides what goes into an archive and what its manifest says. Nothing is written.
 *
 * @throws {UsageError} if the module, the manifest or a script is not there, or an option is wrong
 * @throws {ArchiveError} if the module has what can't be packed
 */
export function plan(options: PlanOptions): Plan {
  const root = moduleRoot(options.moduleDir);
  const files = collect(root, options.isOutput);
  const has = new Set(files.entries.filter(({ kind }) => kind !== "directory").map(({ path }) => path));
  const planned = options.manifestFile === undefined
    ? planGenerated(options, root, files, has)
    : planGiven(options, options.manifestFile, files, has);
  const scripts: PlannedScript[] = [];
  for (const key of ["trainingScript", "servingScript"] as const) {
    const script = planned.manifest[key];
    if (script === null) continue;
    const path = joinPath(script);
    const given = key === "trainingScript" ? options.trainScript : options.serveScript;
    const assumed = options.manifestFile === undefined && given === undefined;
    scripts.push({ key, path, source: `${root}/${path}`, assumed });
  }
  return { ...planned, root, scripts };
}

/**
 * The same without a script that nobody named, and that is for something else.
 *
 * @throws {UsageError} if it was the only one
 */
export function withoutScript(planned: Plan, { key, path }: PlannedScript, why: string): Plan {
  const manifest = { ...planned.manifest, [key]: null };
  if (manifest.trainingScript === null && manifest.servingScript === null) throw new UsageError(why);
  return {
    ...planned,
    manifest,
    manifestText: formatManifest(manifest),
    notices: [...planned.notices, `${why}, so ${key} is null (${OPTIONS[key]} ${path} insists)`],
    scripts: planned.scripts.filter((script) => script.key !== key),
  };
}

function planGenerated(
  options: PlanOptions,
  root: string,
  files: Collection,
  has: ReadonlySet<string>,
): Omit<Plan, "root" | "scripts"> {
  const notices: string[] = [];
  const script = (key: "trainingScript" | "servingScript", given: string | undefined, fallback: string) => {
    const name = given ?? fallback;
    const problem = complaint(key, name);
    if (problem !== undefined) throw new UsageError(`${OPTIONS[key]} ${problem}`);
    if (has.has(joinPath(name))) return joinPath(name);
    if (given !== undefined) throw missing(`${OPTIONS[key]} names`, name, options.moduleDir, files);
    notices.push(`There is no ${name}, so ${key} is null (${OPTIONS[key]} names another)`);
    return null;
  };
  const manifest: Manifest = {
    module: root.slice(root.lastIndexOf("/") + 1),
    trainingScript: script("trainingScript", options.trainScript, DEFAULT_TRAIN_SCRIPT),
    servingScript: script("servingScript", options.serveScript, DEFAULT_SERVE_SCRIPT),
    logDirectory: options.logDir ?? DEFAULT_MANIFEST.logDirectory,
    logNamingFormat: options.logNameFormat ?? DEFAULT_MANIFEST.logNamingFormat,
    enableTensorboard: options.enableTensorboard,
    tensorboardDirectory: options.tensorboardDir ?? DEFAULT_MANIFEST.tensorboardDirectory,
  };
  for (const key of ["logDirectory", "logNamingFormat", "tensorboardDirectory"] as const) {
    const problem = complaint(key, manifest[key]);
    if (problem !== undefined) throw new UsageError(`${OPTIONS[key]} ${problem}`);
  }
  if (manifest.trainingScript === null && manifest.servingScript === null) {
    throw new UsageError(
      `The module '${options.moduleDir || "."}' has neither ${DEFAULT_TRAIN_SCRIPT} nor ${DEFAULT_SERVE_SCRIPT}` +
        `${scriptsIn(files)}: name one with --train-script or --serve-script`,
    );
  }
  return { manifest, manifestText: formatManifest(manifest), files, notices };
}

function planGiven(
  options: PlanOptions,
  file: string,
  files: Collection,
  has: ReadonlySet<string>,
): Omit<Plan, "root" | "scripts"> {
  const others = [
    options.trainScript !== undefined && OPTIONS.trainingScript,
    options.serveScript !== undefined && OPTIONS.servingScript,
    options.logNameFormat !== undefined && OPTIONS.logNamingFormat,
    options.logDir !== undefined && OPTIONS.logDirectory,
    options.enableTensorboard && "--enable-tensorboard",
    options.tensorboardDir !== undefined && OPTIONS.tensorboardDirectory,
  ].filter((option) => option !== false);
  if (others.length > 0) {
    throw new UsageError(`--manifest-file is used instead of ${others.join(", ")}: leave out the one or the other`);
  }
  if (file.slice(file.lastIndexOf("/") + 1) !== MANIFEST_NAME) {
    throw new UsageError(`The manifest '${file}' must be named ${MANIFEST_NAME}`);
  }
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(file);
  } catch (cause) {
    throw new UsageError(`The manifest '${file}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  const { manifest, unknown } = parseManifest(bytes, file);
  for (const key of ["trainingScript", "servingScript"] as const) {
    const script = manifest[key];
    if (script !== null && !has.has(joinPath(script))) {
      throw missing(`'${file}' names as ${key}`, script, options.moduleDir, files);
    }
  }
  if (manifest.trainingScript === null && manifest.servingScript === null) {
    throw new UsageError(
      `'${file}' names neither a trainingScript nor a servingScript, so nothing could be done with it`,
    );
  }
  const notices = Object.keys(unknown).map((key) =>
    `'${file}' has the key '${key}', which is not known here; it is kept`
  );
  return { manifest, manifestText: formatManifest({ ...manifest, ...unknown }), files, notices };
}

/** The real path of the module's folder. */
function moduleRoot(moduleDir: string): string {
  let root: string;
  try {
    root = Deno.realPathSync(moduleDir || ".");
  } catch (cause) {
    throw new UsageError(`The module directory '${moduleDir}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  if (!Deno.statSync(root).isDirectory) throw new UsageError(`The module '${moduleDir}' is not a directory`);
  if (root === "/") throw new UsageError("The module can't be the root of the file system");
  return root;
}

function missing(who: string, script: string, moduleDir: string, files: Collection): UsageError {
  return new UsageError(`${who} '${script}', which is not in the module '${moduleDir || "."}'${scriptsIn(files)}`);
}

function scriptsIn({ entries }: Collection): string {
  const scripts = entries.filter(({ path }) => path.endsWith(".py")).slice(0, 10).map(({ path }) => `'${path}'`);
  return scripts.length === 0 ? " (it has no .py file)" : ` (it has ${scripts.join(", ")})`;
}
