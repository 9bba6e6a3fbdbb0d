/** Carries out `aimodellib serve`. */

import { getLogger } from "@logtape/logtape";
import { layOutAssets, MAX_BODY_BYTES } from "../../bridge/mod.ts";
import { memoryLimit } from "../../control_group.ts";
import { addressOf } from "../../host.ts";
import { ALL_INTERFACES, platformOf } from "../../platform/ports.ts";
import { exitWithParent } from "../../platform/parent.ts";
import { ServiceManager, takeNotifySettings } from "../../platform/systemd.ts";
import { sageMakerServing, type SageMakerTarget, type SubmittedCode, submittedUri } from "../../platform/sagemaker.ts";
import { tapLog } from "../../observability/logging.ts";
import { Recent } from "../../recent/mod.ts";
import { countNvidiaDevices, planWorkers } from "../../serve/devices.ts";
import { messageOf, UsageError } from "../../errors.ts";
import { tracingSettings } from "../../tracing/settings.ts";
import { serve } from "../../serve/mod.ts";
import { IMAGE_ARCHIVE } from "../archives/image_layout.ts";
import { browserRules, tlsOf, tokensOf, warnOfOpenSecrets } from "./access.ts";
import { openEnvironment } from "../run/environment.ts";
import { startRecord } from "../run/record.ts";
import type { Io } from "../terminal/io.ts";
import type { ServeOptions } from "./options.ts";
import { ExitCode } from "../errors.ts";
import { MAX_ANSWER } from "./limits.ts";
import { loggingOf, ServeLog } from "./log.ts";
import { parseModelOptions } from "./model_option.ts";
import { laterModel, openServing, servedModel } from "./models.ts";
import { parseRoutes } from "./route_option.ts";
import { welcome } from "./welcome.ts";

const tracingLog = getLogger(["aimodellib", "tracing"]);

const DEFAULT_PORT = 8080;
const DEFAULT_HOST = "127.0.0.1";

/**
 * Serves until a signal. An error that ends `serve` is logged.
 *
 * @returns the exit code
 * @throws {UsageError} if a variable about logging has an invalid value
 */
export async function runServing(options: ServeOptions, io: Io): Promise<number> {
  // A large body that is too long for a file goes to its worker in another way, and a full log does not end the server.
  using _limit = io.heedFileLimit();
  using log = new ServeLog(loggingOf(options, io), io);
  const stop = new AbortController();
  const settings = takeNotifySettings(io.env);
  using manager = settings && new ServiceManager(settings);
  manager?.status("preparing the model");
  try {
    using _parent = options.exitWithParent ? exitWithParent((reason) => log.say(`${reason}\n`)) : undefined;
    await serveLogged(options, log, stop, manager);
    return ExitCode.Success;
  } catch (error) {
    // A signal while the archive is unpacked or requirements are installed; from then on, serve() ends without an error.
    if (stop.signal.aborted && error === stop.signal.reason) return ExitCode.Success;
    return log.fail(error);
  }
}

/**
 * Serves, with all messages in one log.
 *
 * @param stop is aborted by the first signal; interrupted work throws its reason
 * @throws {UsageError} if the module, the script, the model or a Python does not exist, or the port is in use
 * @throws {ScriptError} if the script can't be loaded
 */
async function serveLogged(
  options: ServeOptions,
  log: ServeLog,
  stop: AbortController,
  manager: ServiceManager | undefined,
): Promise<void> {
  using recent = options.console === false ? undefined : new Recent();
  using _tap = recent && tapLog(recent.log);
  const { io, say } = log;
  const { portOption, port, workers, device } = options;
  if (portOption !== undefined && port !== undefined && portOption !== port) {
    throw new UsageError(`Use either --port ${portOption} or the argument ${port} for the port, not both`);
  }
  if (options.maxBody > MAX_BODY_BYTES) {
    throw new UsageError(`--max-body must be at most ${MAX_BODY_BYTES} bytes, not ${options.maxBody}`);
  }
  const { maxBodyMemory = Math.max(options.maxBody, memoryLimit() / 4) } = options;
  if (maxBodyMemory < options.maxBody) {
    throw new UsageError(
      `--max-body-memory must be at least --max-body (${options.maxBody} bytes), not ${maxBodyMemory}`,
    );
  }
  if (options.unix !== undefined && (portOption ?? port) !== undefined) {
    throw new UsageError("Use either --unix or a port, not both");
  }
  if (options.socketWhenReady && options.unix === undefined) {
    throw new UsageError("--socket-when-ready needs --unix");
  }
  const tls = tlsOf(options);
  const browsers = browserRules(options);
  const access = tokensOf(options, io);
  const machine = { env: io.env, processors: navigator.hardwareConcurrency, gpus: countNvidiaDevices };
  const plan = planWorkers({ workers, device }, machine, Math.max(1, options.models.length));
  const force = new AbortController();
  using _ = io.onSignal(() => (stop.signal.aborted ? force : stop).abort(), "server");
  const platform = platformOf(io.env);
  // A single --model only names the model; everything else is as without it.
  const listed = parseModelOptions(options.models);
  const named = listed.length === 1 ? listed[0] : undefined;
  const given = named ?? { module: options.module, script: options.script, modelDir: options.modelDir };
  const isSageMaker = given.module === undefined && listed.length === 0;
  const uri = isSageMaker ? submittedUri(io.env, "serve") : undefined;
  using submitted = uri === undefined
    ? undefined
    : await (await import("../run/submitted_code.ts")).fetchSubmittedCode(uri, options, io, stop.signal);
  const chosen = isSageMaker ? demandSageMaker(io, submitted) : given;
  if (chosen.module === undefined && options.signature !== undefined) {
    throw new UsageError(
      "--signature is for a single archive: with several --model, put each signature beside its archive, as .minisig",
    );
  }
  // A single model is opened before the server listens: the manifest of its archive can name the log.
  using target = chosen.module === undefined
    ? undefined
    : await openServing({ ...options, ...chosen, module: chosen.module, name: named?.name }, io, stop.signal);
  const routes = parseRoutes(options.routes, {
    names: target === undefined ? listed.map(({ name }) => name) : [target.name],
    platform: [platform.healthRoute, platform.predictRoute],
  });
  const file = log.open(options, target?.archive);
  warnOfOpenSecrets(options, io);
  using assets = await layOutAssets(io.env, Deno.build.standalone, io.stderr);
  const context = { assets, io, log: file, say, signal: stop.signal };
  using environment = target && await openEnvironment(target, options, context);
  // Several models are opened while the server listens, each on its own.
  const [models, record] = target === undefined || environment === undefined
    ? [listed.map((option) => laterModel(option, options, context)), undefined]
    : [
      [await servedModel(target, environment)],
      startRecord("serve", options, target, { ...context, modelDir: target.modelDir.name, environment }),
    ];
  const notReady = new Set(models.map(({ name }) => name));
  const onReady = (name: string, url: string) => {
    if (!notReady.delete(name) || notReady.size > 0) return;
    record?.listPackages();
    const secured = access?.tokens !== undefined;
    log.welcome((colors) =>
      welcome({
        models,
        workers: plan.length,
        device,
        url,
        unix: options.unix,
        secured,
        console: options.console ?? true,
        colors,
      })
    );
  };
  // Standard output and standard error, which a shell may have redirected to files of the module, and the log.
  const written = () => ["/proc/self/fd/1", "/proc/self/fd/2", ...(file.path === undefined ? [] : [file.path])];
  await serve({
    ...options,
    ...access,
    ...browsers,
    healthRoute: platform.healthRoute,
    predictRoute: platform.predictRoute,
    routes,
    host: addressOf(options.host ?? platform.host ?? (chosen === given ? DEFAULT_HOST : ALL_INTERFACES)),
    tls,
    traces: tracingSettings(io.env, (message) => tracingLog.warning("{message}", { message })),
    models,
    workers: plan,
    port: portOption ?? port ?? platform.port ?? DEFAULT_PORT,
    maxAnswer: MAX_ANSWER,
    maxBodyMemory: Math.floor(maxBodyMemory),
  }, {
    assets,
    env: io.env,
    recent,
    manager,
    stop: stop.signal,
    force: force.signal,
    onReload: io.onHangUp,
    onReady,
    written,
  })
    .catch(
      async (error) => {
        // Wait for a Python that is still reporting its version.
        await Promise.all(models.map(({ known }) => known?.settled));
        await record?.finish(ExitCode.Failure, messageOf(error));
        throw error;
      },
    );
  await record?.finish(ExitCode.Success, undefined);
}

/** The code that SageMaker has provided. @throws {UsageError} outside SageMaker, or if it has provided none */
function demandSageMaker(io: Io, submitted: SubmittedCode | undefined): SageMakerTarget {
  const target = sageMakerServing({ env: io.env, imageArchive: IMAGE_ARCHIVE, submitted });
  if (target !== undefined) return target;
  throw new UsageError(
    "The model to serve is missing: use 'aimodellib serve MODULE SCRIPT MODEL_DIR', 'aimodellib serve ARCHIVE MODEL_DIR', or " +
      "--model; see 'aimodellib serve --help'",
  );
}
