/** Finds the model or server that the command line names, and starts it. */

import { layOutAssets } from "../../bridge/mod.ts";
import { isUrl } from "../../client/endpoint.ts";
import { UsageError } from "../../errors.ts";
import { stat } from "../../files.ts";
import { fewFailures, fingerprint, HttpClient, type Identity, PoolClient } from "../../predict/mod.ts";
import { countNvidiaDevices, planWorkers } from "../../serve/devices.ts";
import { isStorageUri } from "../../storage/uri.ts";
import { clientToken } from "../options/client_token.ts";
import { absolute } from "../run/module.ts";
import { openEnvironment } from "../run/environment.ts";
import { openTarget } from "../run/open_target.ts";
import type { Target } from "../run/target.ts";
import { MAX_ANSWER } from "../serve/limits.ts";
import { servedModel, withModelDir } from "../serve/models.ts";
import type { ServeLog } from "../serve/log.ts";
import type { Io } from "../terminal/io.ts";
import type { PredictOptions } from "./options.ts";

/** How long workers may take to end, in ms; by then, nobody waits for an answer. */
const END_LIMIT_MS = 5_000;

/** A server or a model that was found, but not started. */
export interface Found extends Disposable {
  /** The arguments after the model or server. */
  readonly inputs: readonly string[];
  /**
   * Returns everything that determines its answers.
   *
   * @param output the absolute path of the output, which is not a part of the model even if it is in its folder
   */
  readonly identity: (output: string | undefined) => Identity;
  /** Starts the model, or connects to the server. @throws {ScriptError} if the model can't be loaded */
  readonly begin: (context: BeginContext) => Promise<PoolClient | HttpClient>;
}

/** What {@linkcode Found.begin} needs. */
export interface BeginContext {
  readonly log: ServeLog;
  /** Aborts the start. */
  readonly signal: AbortSignal;
  /** Whether many requests will follow, rather than one. */
  readonly many: boolean;
}

/**
 * Finds the model or server that the command line names.
 *
 * @throws {UsageError} if it does not exist, or the options contradict each other
 * @throws {ArchiveError} if the archive is invalid, or lacks the demanded signature
 */
export async function findAsked(options: PredictOptions, io: Io, signal: AbortSignal): Promise<Found> {
  return isUrl(options.module) ? findServer(options, io) : await findModel(options, io, signal);
}

function findServer(options: PredictOptions, io: Io): Found {
  const { module: url, model, connections, requestTimeoutMs } = options;
  const token = clientToken(options.tokenFile, io);
  const about = { url, model, token, connections, requestTimeoutMs, maxAnswer: MAX_ANSWER };
  return {
    inputs: options.inputs,
    identity: () => ({ server: url, model }),
    begin: ({ many }) => Promise.resolve(new HttpClient({ ...about, whole: many })),
    [Symbol.dispose]: () => {},
  };
}

async function findModel(options: PredictOptions, io: Io, signal: AbortSignal): Promise<Found> {
  for (const [name, value] of [["--token-file", options.tokenFile], ["--model", options.model]] as const) {
    if (value !== undefined) {
      throw new UsageError(`${name} needs the URL of a server, and '${options.module}' is not a URL`);
    }
  }
  using opening = new DisposableStack();
  const opened = opening.use(await openTarget("serve", options, io, signal));
  const { modelDir, inputs } = wordsOf(options, opened, io);
  const target = withModelDir(opened, { ...options, modelDir, name: undefined }, io);
  if (options.module === "-" && (inputs.length === 0 || inputs.includes("-"))) {
    throw new UsageError("The archive comes from standard input: name the inputs as files");
  }
  const owned = opening.move();
  return {
    inputs,
    identity: (output) => identityOf(target, modelDir, output),
    async begin({ log, signal, many }) {
      const machine = { env: io.env, processors: navigator.hardwareConcurrency, gpus: countNvidiaDevices };
      const assets = owned.use(await layOutAssets(io.env, Deno.build.standalone, io.stderr));
      const file = log.open({ runDir: "." }, undefined);
      const beginning = { assets, io: log.io, log: file, say: log.say, signal };
      // Before requirements are installed: a wrong device is refused at once.
      const workers = planWorkers(options, machine);
      const environment = owned.use(await openEnvironment(target, options, beginning));
      const config = {
        ...options,
        workers,
        queueSize: Infinity,
        queueTimeoutMs: Infinity,
        maxAnswer: MAX_ANSWER,
        drainTimeoutMs: END_LIMIT_MS,
        reload: false,
      };
      const context = { assets, env: io.env, ...(many && { onFailure: fewFailures() }) };
      return await PoolClient.start(await servedModel(target, environment), config, context, signal);
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** Splits off the model directory after an archive, unless the archive contains a model or a platform names one. */
function wordsOf(
  options: PredictOptions,
  { archive }: Target,
  { env }: Io,
): Pick<PredictOptions, "modelDir" | "inputs"> {
  if (archive === undefined) return options;
  const [first, ...others] = options.inputs;
  const carries = archive.modelDir !== undefined;
  const elsewhere = env("AIP_STORAGE_URI") &&
    !(first !== undefined && (isStorageUri(first) || stat(first)?.isDirectory));
  return carries || elsewhere || first === undefined
    ? { modelDir: undefined, inputs: options.inputs }
    : { modelDir: first, inputs: others };
}

function identityOf({ module, script, archive }: Target, modelDir: string | undefined, output?: string): Identity {
  const isOther = (path: string) => output === undefined || !path.startsWith(output);
  const folder = modelDir === undefined || isStorageUri(modelDir) ? undefined : absolute(modelDir);
  return {
    ...(archive?.sha256 === undefined
      ? { script, scripts: fingerprint(module, (path) => /\.py$|\/requirements\.txt$/.test(path) && isOther(path)) }
      : { archive: archive.sha256 }),
    modelDir: folder ?? modelDir,
    ...(folder !== undefined && { modelFiles: fingerprint(folder, isOther) }),
  };
}
