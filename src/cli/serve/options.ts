/** The options of `serve`: how they are parsed, and what they are together. */

import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import type { LogFormat, LoggingOptions } from "../../observability/logging.ts";
import type { WorkerChoice } from "../../serve/devices.ts";
import type { ServeConfig } from "../../serve/mod.ts";
import { list, numberOrAuto, seconds, size } from "../options/values.ts";
import type { EnvironmentChoice } from "../run/environment.ts";
import type { RunLogOptions } from "../run/log.ts";
import type { RecordOptions } from "../run/record.ts";
import type { TargetOptions } from "../run/target.ts";
import type { ListenChoice } from "./access.ts";

/** Tokens, certificates, Unix sockets, slow clients. */
export const listenFields = {
  readTimeoutMs: withDefault(
    option("--read-timeout", seconds(), {
      description: message`How long a client may take to send its request; a second more for each KiB of it.`,
    }),
    60_000,
  ),
  tokenFile: optional(
    option("--token-file", string({ metavar: "FILE" }), {
      description:
        message`Answer only who sends a token of this file, but for health checks. [${"AIMODELLIB_TOKEN"}, or everybody]`,
    }),
  ),
  allowHosts: withDefault(
    option("--allow-host", list("HOST,..."), {
      description:
        message`More names that requests may have as Host, without a port; ${"*"} for all. Where only this machine connects and there are no tokens, others than ${"localhost"} are refused.`,
    }),
    [],
  ),
  cors: withDefault(
    option("--cors", list("ORIGIN,..."), {
      description: message`Web pages that may send requests, such as ${"https://app.example.com"}; ${"*"} for all.`,
    }),
    [],
  ),
  tlsCert: optional(
    option("--tls-cert", string({ metavar: "FILE" }), {
      description: message`Encrypt connections with this certificate and those that vouch for it, in PEM.`,
    }),
  ),
  tlsKey: optional(
    option("--tls-key", string({ metavar: "FILE" }), { description: message`The certificate's key, in PEM.` }),
  ),
  unix: optional(
    option("--unix", string({ metavar: "PATH" }), {
      description: message`Listen on a Unix socket in place of an address.`,
    }),
  ),
};

/** What may be chosen. */
export const LOG_FORMATS = ["text", "json"] as const;
/** What may be chosen. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** Format, level, access log. */
export const logFields = {
  logFormat: optional(
    option("--log-format", choice(LOG_FORMATS), {
      description:
        message`How the log is written. [${"AIMODELLIB_LOG_FORMAT"}; text at a terminal, lines of JSON elsewhere]`,
    }),
  ),
  logLevel: optional(
    option("--log-level", choice(LOG_LEVELS), {
      description: message`What is logged, beside what the script prints. [${"AIMODELLIB_LOG_LEVEL"}, or info]`,
    }),
  ),
  accessLog: withDefault(
    flag("--access-log", {
      description: message`Log each request, with the id that ${"X-Request-Id"} says, or one that is made.`,
    }),
    false,
  ),
};

/** How many there are, how long each thing may take, and when one is replaced. */
export const workerFields = {
  workers: withDefault(
    option("--workers", "-w", numberOrAuto(), {
      description: message`How many processes execute requests; ${"auto"}: one for each device, or each processor.`,
    }),
    1,
  ),
  device: optional(
    option("--device", string({ metavar: "DEVICES" }), {
      description:
        message`What workers compute on, in turn: ${"cpu"}, ${"cuda:0,cuda:1"}, or ${"auto"} for all. [left to the script]`,
    }),
  ),
  maxBatchSize: withDefault(
    option("--max-batch-size", integer({ min: 1, max: 1024, metavar: "N" }), {
      description: message`How many requests that wait are predicted together, if the script has ${"predict_batch"}.`,
    }),
    32,
  ),
  batchTimeoutMs: optional(
    option("--batch-timeout", seconds(), {
      description: message`How long the first of a batch waits for others. [not at all: only what waits anyway]`,
    }),
  ),
  concurrency: withDefault(
    option("--concurrency", integer({ min: 1, max: 4096, metavar: "N" }), {
      description: message`How many requests a worker executes at once, if ${"predict"} is ${"async"}.`,
    }),
    32,
  ),
  threads: withDefault(
    option("--threads", integer({ min: 1, max: 256, metavar: "N" }), {
      description:
        message`How many requests a worker executes at once in threads, if ${"predict"} is not ${"async"}; with ${"predict_batch"}, how many of a batch it deserializes and serializes at once.`,
    }),
    1,
  ),
  startupTimeoutMs: optional(
    option("--startup-timeout", seconds(), { description: message`How long a worker may take to load. [no limit]` }),
  ),
  requestTimeoutMs: optional(
    option("--request-timeout", seconds(), {
      description: message`How long the execution of a request may take; its worker is ended then. [no limit]`,
    }),
  ),
  queueTimeoutMs: withDefault(
    option("--queue-timeout", seconds(), { description: message`How long a request may wait for a worker.` }),
    30_000,
  ),
  queueSize: withDefault(
    option("--queue-size", integer({ min: 0, metavar: "N" }), {
      description: message`How many requests may wait; others are answered 503 at once.`,
    }),
    10_000,
  ),
  maxRestarts: withDefault(
    option("--max-restarts", integer({ min: 0, metavar: "N" }), {
      description: message`Give up when workers end more often than this within ten minutes.`,
    }),
    20,
  ),
  maxRequests: optional(
    option("--max-requests-per-worker", integer({ min: 1, metavar: "N" }), {
      description: message`Replace a worker after so many requests. [never]`,
    }),
  ),
  maxMemory: optional(
    option("--max-worker-memory", size(), {
      description: message`Replace a worker whose process takes more memory than this. [never]`,
    }),
  ),
  reload: withDefault(
    flag("--reload", {
      description: message`Replace workers when a file of the module or the model changes; SIGHUP does it at any time.`,
    }),
    false,
  ),
};

/** What the command line says of the log. */
export interface LogChoice {
  readonly logFormat?: LogFormat | undefined;
  readonly logLevel?: LoggingOptions["level"] | undefined;
}

/** The options of the command. */
export interface ServeOptions
  extends
    Omit<ServeConfig, "models" | "host" | "port" | "maxAnswer" | "workers" | "tls" | "tokens">,
    WorkerChoice,
    ListenChoice,
    LogChoice,
    Omit<TargetOptions, "module">,
    RunLogOptions,
    EnvironmentChoice,
    RecordOptions {
  /** Not there where models are named by `--model`. */
  readonly module: string | undefined;
  readonly modelDir: string | undefined;
  /** What `--model` says, each time that it is there. */
  readonly models: readonly string[];
  readonly host: string | undefined;
  readonly portOption?: number | undefined;
  readonly port?: number | undefined;
}
