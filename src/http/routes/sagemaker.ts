/** What SageMaker asks a container beside `/ping` and `/invocations`, and what mlflow asks a scoring server. */

import type { Context } from "hono";
import type { Model } from "../../supervisor/mod.ts";
import { VERSION } from "../../version.ts";
import { demandReady } from "./health.ts";

/** The limits that the number and the size of concurrent requests follow from. */
export interface TransformLimits {
  /** The longest body of a request, in bytes. */
  readonly maxBody: number;
  /** The memory for the bodies of all requests, in bytes. @default unlimited */
  readonly maxBodyMemory?: number | undefined;
  /** How many requests may wait for a worker. @default any number */
  readonly queueSize?: number | undefined;
}

const MIB = 2 ** 20;

/** The product of both numbers may be at most this many MiB; SageMaker refuses more. */
const MAX_PRODUCT = 100;

/** The size that a request may always have, in MiB, which is SageMaker's default, unless the server's own limit is lower. */
const USUAL_PAYLOAD = 6;

/**
 * `GET /execution-parameters`: how Batch Transform is to send records, unless the job says it.
 *
 * Each worker is to execute one request while it has another; a worker that executes several says how many it takes. A record is a request
 * of its own: `predict_batch` gathers them, and other scripts expect a single record.
 */
export function executionParameters(
  model: Model,
  { maxBody, maxBodyMemory = Infinity, queueSize = Infinity }: TransformLimits,
) {
  const largest = Math.max(1, Math.floor(maxBody / MIB));
  const total = Math.max(1, Math.min(MAX_PRODUCT, Math.floor(maxBodyMemory / MIB)));
  return function executionParameters(c: Context): Response {
    const { state, size, window } = model;
    demandReady(state);
    const wanted = Math.min(size * (window ?? 2), size * (window ?? 1) + queueSize);
    const concurrent = Math.max(1, Math.min(wanted, Math.floor(total / Math.min(USUAL_PAYLOAD, largest))));
    return c.json({
      MaxConcurrentTransforms: concurrent,
      BatchStrategy: "SINGLE_RECORD",
      MaxPayloadInMB: Math.max(1, Math.min(largest, Math.floor(total / concurrent))),
    });
  };
}

/** `GET /version`: the version of this server. */
export function version(c: Context): Response {
  return c.text(VERSION);
}
