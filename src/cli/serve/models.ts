/** The models of `serve`, from what its command line says to what is served. */

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

/** What is known before there is a log. */
export interface Prepared extends Disposable {
  /** The archive whose manifest says where the log is. */
  readonly archive?: TargetArchive | undefined;
  /** Gets what is left. @throws {InstallerError} if something can't be installed */
  readonly begin: (context: EnvironmentContext) => Promise<Begun>;
}

/** What the command line says of a single model. */
export interface PrepareOptions extends TargetOptions, EnvironmentChoice, RecordOptions {
  readonly modelDir: string | undefined;
}

interface Begun {
  readonly models: readonly ServedModel[];
  readonly record: RunRecorder | undefined;
}

/**
 * The only model: it is there before anything listens.
 *
 * @param name what routes and metrics call it. @default the name of its module's folder
 * @throws {UsageError} if the module, the script, the model or a Python is not there
 * @throws {ArchiveError} if it is no good archive, or is not signed as demanded
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
 * @param name what routes and metrics call it. @default the name of its module's folder
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
 * Models of `--model`. Each is looked for while the others are served: a bad one is the affair of its own requests alone.
 *
 * @throws {UsageError} if the options can't be meant
 */
export function prepareSeveral(options: ServeOptions): Prepared {
  const targets = parseServedModels(options.models);
  if (options.signature !== undefined) {
    throw new UsageError(
      "--signature is for one archive: with --model, put each signature beside its archive, as .minisig",
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
  const about = await aboutTarget(target, python);
  const files = stack.use(await openFiles({ module, script, python, variables, ...about }, modelDir, context.signal));
  const owned = stack.move();
  return { ...files, [Symbol.dispose]: () => owned.dispose() };
}

/** The name of the module's folder, as the manifest has it; else that of the archive, or of the folder that was named. */
function nameFor({ archive }: Target, word: string): string {
  // For what is named as `.` or `..`.
  const folder = stat(word)?.isDirectory ? [Deno.realPathSync(word)] : [];
  return archive === undefined ? nameOf(word, ...folder) : nameOf(archive.manifest.module, word, ...folder);
}

/** For an unpacked archive to be compared before it is said what it is, in ms: one with large files is compared meanwhile. */
const COMPARE_LIMIT_MS = 1_000;

/** What may be told of it, and how that is looked at again. */
async function aboutTarget(
  { module, script, archive }: Target,
  python: string,
): Promise<Pick<ModelFiles, "facts"> & { readonly look: () => void }> {
  const origin = archive?.origin;
  const look = () => origin === undefined ? Promise.resolve() : lookAgain(archive!.name, origin);
  const [version] = await Promise.all([pythonVersion(python), withLimit(look(), COMPARE_LIMIT_MS)]);
  const facts = () => ({
    ...(archive && {
      archive: (origin?.holds && origin.archive) || archive.name.replace(/\/+$/, "").split("/").at(-1)!,
      ...digestOf(archive),
    }),
    script: script.startsWith(`${module}/`) ? script.slice(module.length + 1) : script.split("/").at(-1)!,
    ...(version !== undefined && { python: version }),
  });
  return { facts, look };
}

/** Compares an unpacked archive with what it was, and says so when that is news. */
async function lookAgain(name: string, origin: Origin): Promise<void> {
  const before = origin.holds;
  const holds = await origin.check();
  if (holds || before === false) return;
  log.warning("'{folder}' was changed since it was unpacked from {archive}: what is served has no SHA-256", {
    folder: name,
    archive: origin.archive ?? "standard input",
  });
}

/** The digest of what is served, if it is known to be that. */
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
