/** Carries out `aimodellib package`. */

import { FileBeside, WriteError } from "../../atomic_file.ts";
import { createHash } from "node:crypto";
import {
  checkContents,
  checkGrowth,
  collectPart,
  formatManifest,
  labelOf,
  type Manifest,
  MODEL_FOLDER,
  naming,
  pack,
  type Part,
  type Plan,
  plan,
  type PlanOptions,
  WHEELS_FOLDER,
} from "../../archive/mod.ts";
import { unreadList } from "../../environment/other_lists.ts";
import { namedOutside } from "../../environment/requirements_lists.ts";
import { writtenPasswords } from "../../environment/written_passwords.ts";
import { reasonOf, UsageError } from "../../errors.ts";
import { type CheckOptions, checkPlan } from "../archives/check.ts";
import { stopOnSignal } from "../archives/scan.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";
import { type BundleOptions, bundleWheels, checkWheels } from "./bundle_wheels.ts";
import { count, formatBytes } from "../terminal/format.ts";
import { DEFAULT_MTIME, sourceDateEpoch } from "../archives/source_date.ts";

/** The options of the command. */
export interface PackageOptions extends Omit<PlanOptions, "isOutput">, CheckOptions, BundleOptions {
  /** The archive's path; `-` for standard output. */
  readonly output: string;
  readonly level: number;
  readonly json: boolean;
  readonly bundleWheels: boolean;
  /** The folder of a model to put into the archive. */
  readonly modelDir?: string | undefined;
}

/**
 * Checks a module and packs it. The archive appears under its name only when it is complete.
 *
 * @returns the exit code
 * @throws {UsageError} if an option is wrong
 * @throws {WriteError} if the output can't be written
 * @throws {ArchiveError} if the module can't be packed
 * @throws {ScriptError} if a script has an error
 */
export function runPackaging(options: PackageOptions, io: Io): Promise<number> {
  // An archive on standard output has no name.
  return options.output === "-" ? packAll(options, io) : naming(labelOf(options.output), () => packAll(options, io));
}

async function packAll(options: PackageOptions, io: Io): Promise<number> {
  const { output, level, quiet, json } = options;
  const mtime = sourceDateEpoch(io) ?? DEFAULT_MTIME;
  if (!options.bundleWheels && (options.pythonVersion !== undefined || options.platforms.length > 0)) {
    throw new UsageError(
      "--python-version and --platform need --bundle-wheels",
    );
  }
  using stop = stopOnSignal(io, "packed");
  if (output === "-") {
    if (json) throw new UsageError("--json and --output - would both write to standard output: leave out one of them");
    return await write(await planAndCheck(() => false), writeToStdout);
  }
  const itself = realPath(output);
  const what = await planAndCheck((path) => path === itself);
  using file = new FileBeside(output);
  return await write(what, (bytes) => Promise.resolve(file.write(bytes)), () => file.commit());

  async function writeToStdout(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await io.stdoutBytes(bytes);
    } catch (cause) {
      throw new WriteError(`Standard output can't be written: ${reasonOf(cause)}`, { cause });
    }
  }

  async function planAndCheck(isOutput: PlanOptions["isOutput"]): Promise<Plan> {
    const made = plan({ ...options, isOutput });
    const unread = unreadList(made.root);
    const found = [
      ...(unread === undefined ? [] : [unread]),
      ...writtenPasswords(made.root),
      // Wheels replace what the lists name.
      ...(options.bundleWheels ? [] : namedOutside(made.root)),
      ...outputsOfRuns(made),
    ];
    const planned = { ...withModel(made, options.modelDir), notices: [...made.notices, ...found] };
    if (options.bundleWheels) checkWheels(planned);
    return await checkPlan(planned, options.moduleDir, options, io);
  }

  async function write(
    what: Plan,
    sink: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
    commit: () => void = () => {},
  ): Promise<number> {
    const { manifest, manifestText, files, notices } = what;
    if (!quiet && !json) { for (const notice of notices) io.stderrLine(notice); }
    using wheels = options.bundleWheels ? await bundleWheels(what, options, io, stop.signal) : undefined;
    const model = options.modelDir === undefined ? [] : [modelPart(options.modelDir, manifest)];
    const parts = [{ folder: manifest.module, files }, ...model, ...(wheels === undefined ? [] : [wheels])];
    checkContents({ parts });
    const bytes = parts.reduce((sum, { files }) => sum + files.bytes, 0);
    const hash = createHash("sha256");
    let packedBytes = 0;
    let entries: number;
    {
      using progress = new Progress(io, bytes, quiet || json);
      entries = await pack({ manifest: manifestText, parts }, {
        level,
        mtime,
        signal: stop.signal,
        onProgress: (bytes) => progress.update(bytes),
        write: async (bytes) => {
          hash.update(bytes);
          packedBytes += bytes.length;
          await sink(bytes);
        },
      });
    }
    checkGrowth(bytes, packedBytes);
    commit();
    const sha256 = hash.digest("hex");
    if (json) {
      const { leftOut } = files;
      io.stdoutJson(
        `${JSON.stringify({ archive: output, packedBytes, sha256, entries, bytes, manifest, leftOut, notices })}\n`,
      );
    } else if (!quiet) {
      const left = leftOutLine(what);
      if (left !== undefined) io.stderrLine(left);
      const name = output === "-" ? "standard output" : output;
      io.stderrLine(
        `Wrote ${name}: ${count(entries, "entry", "entries")}, ${formatBytes(bytes)} packed in ` +
          `${formatBytes(packedBytes)}, sha256:${sha256}`,
      );
    }
    return ExitCode.Success;
  }
}

/** Adds the model's folder to the manifest, unless the manifest names one. */
function withModel(planned: Plan, modelDir: string | undefined): Plan {
  if (modelDir === undefined) return planned;
  if (planned.manifest.modelDirectory !== undefined) return planned;
  const top = planned.manifest.module.split("/")[0];
  const taken = top === "" ? new Set(planned.files.entries.map(({ path }) => path.split("/")[0])) : new Set([top]);
  let modelDirectory: string = MODEL_FOLDER;
  for (let i = 1; taken.has(modelDirectory) || modelDirectory === WHEELS_FOLDER; i++) {
    modelDirectory = `${MODEL_FOLDER}-${i}`;
  }
  const manifest = { ...planned.manifest, modelDirectory };
  const text = JSON.parse(planned.manifestText);
  return { ...planned, manifest, manifestText: formatManifest({ ...text, modelDirectory }) };
}

/** Collects the files of a model. @throws {UsageError} if there is no such folder */
function modelPart(modelDir: string, { modelDirectory }: Manifest): Part {
  let root: string;
  try {
    root = Deno.realPathSync(modelDir);
    if (!Deno.statSync(root).isDirectory) throw new TypeError("it is not a folder");
  } catch (cause) {
    throw new UsageError(`The model directory '${modelDir}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  return { folder: modelDirectory!, files: collectPart("the model", modelDir, root) };
}

/** Notices about logs that earlier runs left in the module. */
function outputsOfRuns({ manifest, files }: Plan): string[] {
  const { logDirectory, tensorboardDirectory } = manifest;
  const left = [
    [logDirectory, /^(?:run(?:\..*)?\.json|.*\.log(?:\.\d+)?)$/, "logs"],
    [tensorboardDirectory, /^events\.out\.tfevents\./, "TensorBoard logs"],
  ] as const;
  return left.flatMap(([folder, file, what]) => {
    const written = files.entries.filter(({ path, kind }) =>
      kind === "file" && path.startsWith(`${folder}/`) && file.test(path.slice(path.lastIndexOf("/") + 1))
    );
    if (written.length === 0) return [];
    return [
      `'${folder}' contains ${what} of earlier runs, which are packed as well; to leave it out, list it in .aimodellibignore`,
    ];
  });
}

/** A line such as `Left out 3 paths: __pycache__ (2), .git`; undefined if nothing was left out. */
function leftOutLine({ files: { leftOut } }: Plan): string | undefined {
  if (leftOut.length === 0) return undefined;
  const reasons = Map.groupBy(leftOut, ({ reason }) => reason);
  const parts = [...reasons].map(([reason, { length }]) => length === 1 ? reason : `${reason} (${length})`);
  return `Left out ${count(leftOut.length, "path")}: ${parts.sort().join(", ")}`;
}

/** The real path of a file that may not exist yet; undefined if its folder does not exist. */
function realPath(path: string): string | undefined {
  const slash = path.lastIndexOf("/") + 1;
  try {
    return `${Deno.realPathSync(path.slice(0, slash) || ".").replace(/\/$/, "")}/${path.slice(slash)}`;
  } catch {
    // Nothing of a missing folder is packed. Writing to it fails later, with an error that says why.
    return undefined;
  }
}
