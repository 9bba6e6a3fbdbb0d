/** Options of `serve` that are about its workers. */

import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { numberOrAuto, seconds, size } from "../options/values.ts";

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
