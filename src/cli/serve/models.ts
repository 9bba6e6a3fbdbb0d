/** Prepares the models that the command line of `serve` names. */

import { getLogger } from "@logtape/logtape";
import type { Origin } from "../../archive/mod.ts";
import { withLimit } from "../../with_limit.ts";
import { nameOf, parseServedModels, type ServedTarget } from "./model_option.ts";
import { pythonVersion } from "../../environment/python_version.ts";
import { UsageError } from "../../errors.ts";
import { stat } from "../../files.ts";
import type { ModelFiles, ServedModel } from "../../serve/mod.ts";
import type { Io } from "../terminal/io.ts";
import { findModelDir, type ModelDir } from "../run/model_dir.ts";
import { type EnvironmentChoice, type EnvironmentContext, openEnvironment } from "../run/environment.ts";
import { type RecordOptions, type RunRecorder, startRecord } from "../run/record.ts";
import type { ServeOptions } from "./options.ts";
import { openTarget, type Target, type TargetArchive, type TargetOptions } from "../run/target.ts";

const log = getLogger(["aimodellib", "serve"]);

/** Models that are known, but not ready to be served yet. */
export interface Prepared extends Disposable {
  /** The archive whose manifest names the log. */
  readonly archive?: TargetArchive | undefined;
  /** Does the rest, with a log: installs and fetches. @throws {InstallerError} if a package can't be installed */
  readonly begin: (context: EnvironmentContext) => Promise<Begun>;
}

/** The options for a single model. */
export interface PrepareOptions extends TargetOptions, EnvironmentChoice, RecordOptions {
  readonly modelDir: string | undefined;
}

interface Begun {
  readonly models: readonly ServedModel[];
  readonly record: RunRecorder | undefined;
}

/**
 * Prepares the only model, before the server listens.
 *
 * @param name the model's name in routes and metrics. @default the name of its module's folder
 * @throws {UsageError} if the module, the script, the model or a Python does not exist
 * @throws {ArchiveError} if the archive is not valid, or not signed as demanded
 */
export async function prepareOne(
  options: PrepareOptions,
  io: Io,
  signal: AbortSignal,
  name?: string,
): Promise<Prepared> {
  return prepareTarget(await openTarget("serve", options, io, signal), options, io, name);
}

/**
 * Prepares a model whose module or archive is open. The result owns the target, which is disposed if this throws.
 *
 * @param name the model's name in routes and metrics. @default the name of its module's folder
 * @throws {UsageError} if there is no model directory
 */
export function prepareTarget(target: Target, options: PrepareOptions, io: Io, name?: string): Prepared {
  using stack = new DisposableStack();
  stack.use(target);
  const modelDir = findModelDir(options.modelDir, io, target.archive?.modelDir);
  const owned = stack.move();
  return {
    archive: target.archive,
    async begin(context) {
      const environment = owned.use(await openEnvironment(target, options, context));
      const { python, variables } = environment;
      const { module, script } = target;
      const known = { module, script, python, variables, ...await aboutTarget(target, python) };
      const open = (signal: AbortSignal) => openFiles(known, modelDir, signal);
      return {
        models: [{ name: name ?? nameFor(target, options.module), label: script, known, open }],
        record: startRecord("serve", options, target, { ...context, modelDir: modelDir.name, environment }),
      };
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/**
 * Prepares the models of several `--model`. Each is opened while the others are served: an error affects only its own requests.
 *
 * @throws {UsageError} if an option is not valid
 */
export function prepareSeveral(options: ServeOptions): Prepared {
  const targets = parseServedModels(options.models);
  if (options.signature !== undefined) {
    throw new UsageError(
      "--signature is for a single archive: with several --model, put each signature beside its archive, as .minisig",
    );
  }
  return {
    begin: (context) =>
      Promise.resolve({
        models: targets.map((target) => ({
          name: target.name,
          label: target.script === undefined ? target.module : `${target.module}/${target.script}`,
          open: (signal: AbortSignal) => openServed(target, options, { ...context, signal }),
        })),
        record: undefined,
      }),
    [Symbol.dispose]: () => {},
  };
}

async function openServed(
  served: ServedTarget,
  options: ServeOptions,
  context: EnvironmentContext,
): Promise<ModelFiles> {
  using stack = new DisposableStack();
  const target = stack.use(await openTarget("serve", { ...options, ...served }, context.io, context.signal));
  const modelDir = findModelDir(served.modelDir, context.io, target.archive?.modelDir);
  const { python, variables } = stack.use(await openEnvironment(target, options, context));
  const { module, script } = target;
  const { settled, ...about } = await aboutTarget(target, python);
  await settled;
  const files = stack.use(await openFiles({ module, script, python, variables, ...about }, modelDir, context.signal));
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

/** The facts that the server reports about a model, which are complete when `settled` resolves, and a function that checks them again. */
async function aboutTarget(
  { module, script, archive }: Target,
  python: string,
): Promise<Pick<ModelFiles, "facts"> & { readonly look: () => void; readonly settled: Promise<unknown> }> {
  const origin = archive?.origin;
  const look = () => origin === undefined ? Promise.resolve() : lookAgain(archive!.name, origin);
  let version: string | undefined;
  // Starting a Python takes a tenth of a server's start, so the server begins to listen meanwhile.
  const settled = pythonVersion(python).then((found) => version = found);
  await withLimit(look(), COMPARE_LIMIT_MS);
  const facts = () => ({
    ...(archive && {
      archive: (origin?.holds && origin.archive) || archive.name.replace(/\/+$/, "").split("/").at(-1)!,
      ...digestOf(archive),
    }),
    script: script.startsWith(`${module}/`) ? script.slice(module.length + 1) : script.split("/").at(-1)!,
    ...(version !== undefined && { python: version }),
  });
  return { facts, look, settled };
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
