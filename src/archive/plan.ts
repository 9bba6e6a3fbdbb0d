/** Decides on the content and the manifest of an archive, before anything is written. */

import { reasonOf, UsageError } from "../errors.ts";
import { collect, type Collection } from "./collect.ts";
import { ArchiveError, named } from "./errors.ts";
import {
  complaint,
  DEFAULT_MANIFEST,
  formatManifest,
  joinPath,
  type Manifest,
  MANIFEST_NAME,
  parseManifest,
} from "./manifest.ts";

/** The options of `package` that decide on content and manifest. */
export interface PlanOptions {
  /** A path; empty for the working directory. */
  readonly moduleDir: string;
  readonly trainScript?: string | undefined;
  readonly serveScript?: string | undefined;
  readonly logNameFormat?: string | undefined;
  readonly logDir?: string | undefined;
  readonly enableTensorboard: boolean;
  readonly tensorboardDir?: string | undefined;
  readonly manifestFile?: string | undefined;
  /** Whether a real path is that of the archive itself. */
  readonly isOutput: (path: string) => boolean;
}

/** The content of an archive to be. */
export interface Plan {
  readonly manifest: Manifest;
  /** The text of `manifest.json`. */
  readonly manifestText: string;
  /** The absolute path of the module's folder. */
  readonly root: string;
  readonly files: Collection;
  /** Sentences for the user that are not errors. */
  readonly notices: readonly string[];
  /** The scripts that the manifest names. */
  readonly scripts: readonly PlannedScript[];
}

/** A script that the manifest names. */
export interface PlannedScript {
  readonly key: "trainingScript" | "servingScript";
  /** Relative to the module's folder. */
  readonly path: string;
  /** The absolute path. */
  readonly source: string;
  /** Whether no option or manifest names it: a file of the default name exists. */
  readonly assumed: boolean;
}

const DEFAULT_TRAIN_SCRIPT = "train.py";
const DEFAULT_SERVE_SCRIPT = "serve.py";

/** The option for each key of the manifest. */
const OPTIONS = {
  trainingScript: "--train-script",
  servingScript: "--serve-script",
  logNamingFormat: "--log-name-format",
  logDirectory: "--log-dir",
  tensorboardDirectory: "--tensorboard-dir",
} as const;

/**
 * Decides on the content of an archive and on its manifest, without writing anything.
 *
 * @throws {UsageError} if the module, the manifest or a script does not exist, or an option is wrong
 * @throws {ArchiveError} if the module contains something that can't be packed, or the manifest is not valid
 */
export function plan(options: PlanOptions): Plan {
  const root = moduleRoot(options.moduleDir);
  const files = collectPart("its module", options.moduleDir || ".", root, options.isOutput);
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
 * Removes a script from a plan: one of the default name that turned out to be for something else.
 *
 * @param why a clause that says what is wrong with it
 * @throws {UsageError} if it is the only script
 */
export function withoutScript(planned: Plan, { key, path }: PlannedScript, why: string): Plan {
  const manifest = { ...planned.manifest, [key]: null };
  if (manifest.trainingScript === null && manifest.servingScript === null) throw new UsageError(why);
  return {
    ...planned,
    manifest,
    manifestText: formatManifest(manifest),
    notices: [...planned.notices, `${why}; ${key} is null (${OPTIONS[key]} ${path} keeps it)`],
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
    notices.push(`The module has no ${name}: ${key} is null (name another file with ${OPTIONS[key]})`);
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
    throw new UsageError(`--manifest-file can't be combined with ${others.join(", ")}`);
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
  const { manifest, unknown } = parseFile(bytes, file);
  for (const key of ["trainingScript", "servingScript"] as const) {
    const script = manifest[key];
    if (script !== null && !has.has(joinPath(script))) {
      throw missing(`The manifest '${file}' names the ${key}`, script, options.moduleDir, files);
    }
  }
  if (manifest.trainingScript === null && manifest.servingScript === null) {
    throw new UsageError(
      `The manifest '${file}' names neither a trainingScript nor a servingScript; an archive needs at least one`,
    );
  }
  const notices = Object.keys(unknown).map((key) =>
    `The manifest '${file}' has the unknown key '${key}', which the archive keeps`
  );
  return { manifest, manifestText: formatManifest({ ...manifest, ...unknown }), files, notices };
}

function parseFile(bytes: Uint8Array, file: string) {
  try {
    return parseManifest(bytes);
  } catch (error) {
    throw named(error, `'${file}'`);
  }
}

/**
 * Collects the files of a folder that becomes a part of an archive.
 *
 * @param what what the folder is to the archive, such as "its module"
 * @param name the folder as the user named it
 * @throws {ArchiveError} if it contains something that can't be packed
 */
export function collectPart(what: string, name: string, root: string, isOutput = (_path: string) => false): Collection {
  try {
    return collect(root, isOutput);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new ArchiveError(`can't be packed: ${what} '${name}' ${error.reason}`, { cause: error });
  }
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
  if (root === "/") {
    throw new UsageError(
      "The module can't be the root of the file system: choose the folder that contains the scripts",
    );
  }
  return root;
}

function missing(who: string, script: string, moduleDir: string, files: Collection): UsageError {
  return new UsageError(`${who} '${script}', which is not in the module '${moduleDir || "."}'${scriptsIn(files)}`);
}

function scriptsIn({ entries }: Collection): string {
  const scripts = entries.filter(({ path }) => path.endsWith(".py")).slice(0, 10).map(({ path }) => `'${path}'`);
  return scripts.length === 0 ? " (it contains no .py file)" : ` (it contains ${scripts.join(", ")})`;
}
