/** The options of `serve`, and the type of their values. */

import type { LogFormat, LoggingOptions } from "../../observability/logging.ts";
import type { WorkerChoice } from "../../serve/devices.ts";
import type { ServeConfig } from "../../serve/mod.ts";
import { file } from "../options/paths.ts";
import { list, numberOrAuto, oneOf, port, seconds, size, whole } from "../options/values.ts";
import type { EnvironmentChoice } from "../run/environment.ts";
import type { RunLogOptions } from "../run/log.ts";
import type { RecordOptions } from "../run/record.ts";
import type { TargetOptions } from "../run/target.ts";
import type { ListenChoice } from "./access.ts";
import { message } from "../options/message.ts";
import { flag, grouped, inverted, option, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

/** The file extensions of certificates and their keys. */
const CERTIFICATES = [".pem", ".crt", ".cer", ".key"];

/** The options for the address, and for who may connect. */
export const listenFields = grouped("Network", {
  host: unset(
    option("--host", text("ADDRESS"), {
      description: message`The address to listen on; ${"0.0.0.0"} for all interfaces.`,
    }),
    message`${"127.0.0.1"}, or all interfaces if a platform sets the port`,
  ),
  portOption: unset(
    option("--port", port(), { description: message`The port to listen on; 0 picks a free one.` }),
    message`the platform's, or 8080`,
  ),
  unix: unset(
    option("--unix", file("PATH"), { description: message`Listen on a Unix socket instead of a port.` }),
    message`none`,
  ),
  socketWhenReady: withDefault(
    flag("--socket-when-ready", {
      description:
        message`With ${"--unix"}, make the socket only when the models are ready, so that a proxy sends no requests before.`,
    }),
    false,
  ),
  tokenFile: unset(
    option("--token-file", file(), {
      description: message`Require a bearer token from this file for all requests except health checks.`,
      env: "AIMODELLIB_TOKEN",
    }),
    message`no authentication`,
  ),
  allowHosts: withDefault(
    option("--allow-host", list("HOST,..."), {
      description:
        message`Further host names, without a port, to accept in the Host header; ${"*"} for all. On a loopback address without tokens, only ${"localhost"} and loopback addresses are accepted otherwise.`,
    }),
    [],
  ),
  cors: withDefault(
    option("--cors", list("ORIGIN,..."), {
      description:
        message`Origins of web pages that may send requests, such as ${"https://app.example.com"}; ${"*"} for all.`,
    }),
    [],
  ),
  console: inverted(flag("--no-console", { description: message`Turn off the page at ${"/"}.` })),
  tlsCert: unset(
    option("--tls-cert", file("FILE", CERTIFICATES), {
      description: message`Encrypt connections with this certificate chain, in PEM.`,
    }),
    message`no encryption`,
  ),
  tlsKey: unset(
    option("--tls-key", file("FILE", CERTIFICATES), { description: message`The certificate's key, in PEM.` }),
    message`none`,
  ),
});

/** The options that limit requests. */
export const servingLimitFields = grouped("Serving limits", {
  maxBody: withDefault(
    option("--max-body", size(), { description: message`The largest request body.` }),
    100 * 2 ** 20,
  ),
  maxBodyMemory: unset(
    option("--max-body-memory", size(), {
      description:
        message`The most memory for the bodies of all requests in flight; further requests are answered 503.`,
    }),
    message`the larger of ${"--max-body"} and a quarter of the memory`,
  ),
  readTimeoutMs: withDefault(
    option("--read-timeout", seconds(), {
      description: message`Time to receive a request: this, plus one second per KiB received.`,
    }),
    60_000,
  ),
  queueSize: withDefault(
    option("--queue-size", whole("N", 0), {
      description: message`How many requests may wait for a worker; further ones are answered 503 at once.`,
    }),
    10_000,
  ),
  queueTimeoutMs: withDefault(
    option("--queue-timeout", seconds(), { description: message`How long a request may wait for a worker.` }),
    30_000,
  ),
  drainTimeoutMs: withDefault(
    option("--drain-timeout", seconds(), {
      description: message`How long requests in flight may take to finish after SIGTERM.`,
    }),
    30_000,
  ),
  uriListHosts: withDefault(
    option("--allow-uri-list", list("HOST,..."), {
      description:
        message`Hosts from which ${"text/uri-list"} bodies may fetch inputs, and to which they may write outputs.`,
    }),
    [],
  ),
});

/** The formats of the log. */
export const LOG_FORMATS = ["text", "json"] as const;
/** The levels of the log. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** The options for format and level of the log, and the access log. */
export const logFields = grouped("Log", {
  logFormat: unset(
    option("--log-format", oneOf(LOG_FORMATS, "FORMAT"), {
      description: message`The format of the log.`,
      env: "AIMODELLIB_LOG_FORMAT",
    }),
    message`text at a terminal, JSON lines elsewhere`,
  ),
  logLevel: unset(
    option("--log-level", oneOf(LOG_LEVELS, "LEVEL"), {
      description: message`The lowest level that is logged. The script's output is always logged.`,
      env: "AIMODELLIB_LOG_LEVEL",
    }),
    message`info`,
  ),
  accessLog: withDefault(
    flag("--access-log", {
      description:
        message`Log each request; in JSON, with the id from its ${"X-Request-Id"} header or a generated one.`,
    }),
    false,
  ),
});

/** The options for the number of workers, their concurrency, and their replacement. */
export const workerFields = grouped("Workers", {
  workers: withDefault(
    option("--workers", "-w", numberOrAuto(), {
      description:
        message`The number of processes that execute requests; ${"auto"} for one per device, or per processor.`,
    }),
    1,
  ),
  device: unset(
    option("--device", text("DEVICES"), {
      description: message`The devices to distribute workers over: ${"cpu"}, ${"cuda:0,cuda:1"}, or ${"auto"} for all.`,
    }),
    message`chosen by the script`,
  ),
  maxBatchSize: withDefault(
    option("--max-batch-size", whole("N", 1, 1024), {
      description: message`The most waiting requests that one call of ${"predict_batch"} gets.`,
    }),
    32,
  ),
  batchTimeoutMs: unset(
    option("--batch-timeout", seconds(), {
      description: message`How long the first request of a batch waits for others.`,
    }),
    message`no waiting`,
  ),
  concurrency: withDefault(
    option("--concurrency", whole("N", 1, 4096), {
      description: message`How many requests a worker executes at once, if ${"predict"} is ${"async"}.`,
    }),
    32,
  ),
  threads: withDefault(
    option("--threads", whole("N", 1, 256), {
      description:
        message`How many requests a worker executes at once in threads, if ${"predict"} is not ${"async"}; with ${"predict_batch"}, how many of a batch it deserializes and serializes at once.`,
    }),
    1,
  ),
  startupTimeoutMs: unset(
    option("--startup-timeout", seconds(), { description: message`How long a worker may take to load.` }),
    message`no limit`,
  ),
  requestTimeoutMs: unset(
    option("--request-timeout", seconds(), {
      description: message`How long a request may execute before its worker is killed.`,
    }),
    message`no limit`,
  ),
  maxRestarts: withDefault(
    option("--max-restarts", whole("N", 0), {
      description: message`Give up when workers die more often than this within ten minutes.`,
    }),
    20,
  ),
  maxRequests: unset(
    option("--max-requests-per-worker", whole("N", 1), {
      description: message`Replace a worker after this many requests.`,
    }),
    message`never`,
  ),
  maxMemory: unset(
    option("--max-worker-memory", size(), {
      description: message`Replace a worker whose process uses more memory than this.`,
    }),
    message`never`,
  ),
  reload: withDefault(
    flag("--reload", {
      description:
        message`Replace workers when a file of the module or the model changes. SIGHUP always replaces them.`,
    }),
    false,
  ),
});

/** The options about the log of `serve`. */
export interface LogChoice {
  readonly logFormat?: LogFormat | undefined;
  readonly logLevel?: LoggingOptions["level"] | undefined;
}

/** The options of the command. */
export interface ServeOptions
  extends
    Omit<ServeConfig, "models" | "routes" | "host" | "port" | "maxAnswer" | "workers" | "tls" | "tokens">,
    WorkerChoice,
    ListenChoice,
    LogChoice,
    Omit<TargetOptions, "module">,
    RunLogOptions,
    EnvironmentChoice,
    RecordOptions {
  /** Whether to stop when the process that has started this one ends. */
  readonly exitWithParent: boolean;
  /** Undefined if `--model` names the models. */
  readonly module: string | undefined;
  readonly modelDir: string | undefined;
  /** The values of all `--model`. */
  readonly models: readonly string[];
  /** The values of all `--route`. */
  readonly routes: readonly string[];
  readonly host: string | undefined;
  readonly portOption?: number | undefined;
  readonly port?: number | undefined;
}
