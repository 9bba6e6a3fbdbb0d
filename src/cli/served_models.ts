/** The models of `serve`, from what its command line says to what is served. */

import { nameOf, parseServedModels, type ServedTarget } from "../config/served_model.ts";
import { UsageError } from "../errors.ts";
import type { ModelFiles, ServedModel } from "../http/mod.ts";
import type { RunRecorder } from "../train/mod.ts";
import type { Io } from "./io.ts";
import { findModelDir, type ModelDir } from "./model_dir.ts";
import { type EnvironmentContext, openEnvironment } from "./run_environment.ts";
import { startRecord } from "./run_record.ts";
import type { ServeOptions } from "./run_serve.ts";
import { openTarget, type TargetArchive } from "./target.ts";

/** What is known before there is a log. */
export interface Prepared extends Disposable {
  /** The archive whose manifest says where the log is. */
  readonly archive?: TargetArchive | undefined;
  /** Gets what is left. @throws {InstallerError} if something can't be installed */
  readonly begin: (context: EnvironmentContext) => Promise<Begun>;
}

interface Begun {
  readonly models: readonly ServedModel[];
  readonly record: RunRecorder | undefined;
}

/**
 * The one model of the command line's words: it is there before anything listens.
 *
 * @throws {UsageError} if the module, the script, the model or a Python is not there
 * @throws {ArchiveError} if it is no good archive, or is not signed as demanded
 */
export async function prepareOne(
  options: ServeOptions & { readonly module: string },
  io: Io,
  signal: AbortSignal,
): Promise<Prepared> {
  using stack = new DisposableStack();
  const target = stack.use(await openTarget("serve", options, io, signal));
  const modelDir = findModelDir(options.modelDir, io, target.archive?.modelDir);
  const owned = stack.move();
  return {
    archive: target.archive,
    async begin(context) {
      const environment = owned.use(await openEnvironment(target, options, context));
      const { python, variables } = environment;
      const { module, script } = target;
      const open = (signal: AbortSignal) => openFiles({ module, script, python, variables }, modelDir, signal);
      return {
        models: [{ name: nameOf(options.module), label: script, open }],
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
  const files = stack.use(await openFiles({ module, script, python, variables }, modelDir, context.signal));
  const owned = stack.move();
  return { ...files, [Symbol.dispose]: () => owned.dispose() };
}

async function openFiles(
  files: Omit<ModelFiles, "modelDir" | keyof Disposable>,
  modelDir: ModelDir,
  signal: AbortSignal,
): Promise<ModelFiles & Disposable> {
  const opened = await modelDir.open(signal);
  return { ...files, modelDir: opened.path, [Symbol.dispose]: () => opened[Symbol.dispose]() };
}
