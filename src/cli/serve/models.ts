/** Describes the models of a command line, and opens their files. */

import { getLogger } from "@logtape/logtape";
import type { Origin } from "../../archive/mod.ts";
import { withLimit } from "../../with_limit.ts";
import type { Environment } from "../../environment/environment.ts";
import { pythonVersion } from "../../environment/python_version.ts";
import { stat } from "../../files.ts";
import type { ModelFiles, ServedModel } from "../../supervisor/mod.ts";
import type { Io } from "../terminal/io.ts";
import { findModelDir, type ModelDir } from "../run/model_dir.ts";
import { type EnvironmentContext, openEnvironment } from "../run/environment.ts";
import { openTarget } from "../run/open_target.ts";
import type { Target, TargetArchive, TargetOptions } from "../run/target.ts";
import { type ModelOption, nameOf } from "./model_option.ts";
import type { ServeOptions } from "./options.ts";

const log = getLogger(["aimodellib", "serve"]);

/** A target to serve, and the model directory that it is served with. */
export interface ServingTarget extends Target {
  readonly modelDir: ModelDir;
  /** The model's name in routes and metrics. */
  readonly name: string;
}

/** The options that name a single model. */
export interface ServingOptions extends TargetOptions {
  /** The word of the command line. @default the model of the archive, or of a platform */
  readonly modelDir: string | undefined;
  /** The name of `--model`. @default the name of the module's folder */
  readonly name?: string | undefined;
}

/**
 * Opens the module or archive of a single model, and finds its model directory.
 *
 * @throws {UsageError} if the module, the script or the model directory does not exist
 * @throws {ArchiveError} if the archive is not valid, or not signed as demanded
 */
export async function openServing(options: ServingOptions, io: Io, signal: AbortSignal): Promise<ServingTarget> {
  using stack = new DisposableStack();
  const target = stack.use(await openTarget("serve", options, io, signal));
  const found = withModelDir(target, options, io);
  stack.move();
  return found;
}

/** Adds the model directory and the name to an open target. @throws {UsageError} if no model directory is found */
export function withModelDir(target: Target, { module, modelDir, name }: ServingOptions, io: Io): ServingTarget {
  return {
    ...target,
    modelDir: findModelDir(modelDir, io, target.archive?.modelDir),
    name: name ?? nameFor(target, module),
  };
}

/** Describes a single model for the server. The caller disposes target and environment. */
export async function servedModel(target: ServingTarget, { python, variables }: Environment): Promise<ServedModel> {
  const { name, module, script, modelDir } = target;
  const { learn, ...about } = await aboutTarget(target);
  const known = {
    module,
    script,
    python,
    variables,
    ...about,
    onStarted: learn,
    // While the model is fetched, no worker says which version its Python is.
    ...(!modelDir.local && { settled: pythonVersion(python).then(learn) }),
  };
  return { name, label: script, known, open: (signal) => openFiles(known, modelDir, signal) };
}

/** Describes a model that is opened while others are served: an error affects only its own requests. */
export function laterModel(option: ModelOption, options: ServeOptions, context: EnvironmentContext): ServedModel {
  const { name, module, script } = option;
  return {
    name,
    label: script === undefined ? module : `${module}/${script}`,
    open: (signal) => openLater(option, options, { ...context, signal }),
  };
}

async function openLater(
  option: ModelOption,
  options: ServeOptions,
  context: EnvironmentContext,
): Promise<ModelFiles> {
  using stack = new DisposableStack();
  const target = stack.use(await openServing({ ...options, ...option }, context.io, context.signal));
  const { python, variables } = stack.use(await openEnvironment(target, options, context));
  const { module, script, modelDir } = target;
  const { learn, ...about } = await aboutTarget(target);
  learn(await pythonVersion(python));
  const known = { module, script, python, variables, ...about, onStarted: learn };
  const files = stack.use(await openFiles(known, modelDir, context.signal));
  const owned = stack.move();
  return { ...files, [Symbol.dispose]: () => owned.dispose() };
}

/** Names a model by its module's folder in the manifest, or else by the archive or folder on the command line. */
function nameFor({ archive }: Target, word: string): string {
  // The real path is for `.` and `..`.
  const folder = stat(word)?.isDirectory ? [Deno.realPathSync(word)] : [];
  return archive === undefined ? nameOf(word, ...folder) : nameOf(archive.manifest.module, word, ...folder);
}

/** How long to wait for the comparison of an unpacked archive, in ms; with large files it continues in the background. */
const COMPARE_LIMIT_MS = 1_000;

/** The facts that the server reports about a model, which `learn` completes by the version of its Python, and a function that checks them again. */
async function aboutTarget({ module, script, archive }: Target): Promise<
  Pick<ModelFiles, "facts"> & { readonly look: () => void; readonly learn: (version: string | undefined) => void }
> {
  const origin = archive?.origin;
  // One after the other: two at the same time would both log the same change.
  let looking: Promise<void> = Promise.resolve();
  const look = () => origin === undefined ? looking : looking = looking.then(() => lookAgain(archive!.name, origin));
  let version: string | undefined;
  await withLimit(look(), COMPARE_LIMIT_MS);
  const facts = () => ({
    ...(archive && {
      archive: (origin?.holds && origin.archive) || archive.name.replace(/\/+$/, "").split("/").at(-1)!,
      ...digestOf(archive),
    }),
    script: script.startsWith(`${module}/`) ? script.slice(module.length + 1) : script.split("/").at(-1)!,
    ...(version !== undefined && { python: version }),
  });
  return { facts, look, learn: (found) => void (version = found ?? version) };
}

/** Compares a folder with the archive that it was unpacked from, and logs a change once. */
async function lookAgain(name: string, origin: Origin): Promise<void> {
  const before = origin.holds;
  const holds = await origin.check();
  if (holds || before === false) return;
  log.warning("'{folder}' has changed since it was unpacked from {archive}; the server reports no SHA-256 for it", {
    folder: name,
    archive: origin.archive ?? "standard input",
  });
}

/** The archive's SHA-256, if the served content is known to be the archive's. */
function digestOf({ sha256, origin }: TargetArchive): { readonly sha256?: string } {
  if (sha256 !== undefined) return { sha256 };
  return origin?.holds ? { sha256: origin.sha256 } : {};
}

async function openFiles(
  files: Omit<ModelFiles, "modelDir" | keyof Disposable>,
  modelDir: ModelDir,
  signal: AbortSignal,
): Promise<ModelFiles & Disposable> {
  const opened = await modelDir.open(signal);
  return { ...files, modelDir: opened.path, [Symbol.dispose]: () => opened[Symbol.dispose]() };
}
