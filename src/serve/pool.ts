/** Creates the workers of a model from the options of `serve` and `predict`. */

import { getLogger } from "@logtape/logtape";
import { MAX_BODY_BYTES } from "../bridge/mod.ts";
import { lineSplitter } from "../observability/lines.ts";
import { logFailure, type ModelFiles, Pool, Worker, workerName } from "../supervisor/mod.ts";
import type { PoolConfig, PoolContext } from "./config.ts";

const workerLog = getLogger(["aimodellib", "worker"]);

/**
 * Makes the pool that serves a model.
 *
 * @param model the model's name in logs and metrics, if several are served
 */
export function createPool(
  { python, module, script, modelDir, variables, look }: ModelFiles,
  model: string | undefined,
  config: PoolConfig,
  { assets, env, memory, followWorker, onFailure = logFailure, onStarted, traced }: PoolContext,
): Pool {
  const { startupTimeoutMs, requestTimeoutMs, maxRequests, maxMemory } = config;
  const { workers, queueSize, queueTimeoutMs, maxRestarts, drainTimeoutMs } = config;
  return new Pool({
    model,
    size: workers.length,
    queueSize,
    queueTimeoutMs,
    maxRestarts,
    drainTimeoutMs,
    createWorker: (index, events) => {
      const worker = workerName(index, model);
      const mark = crypto.randomUUID().replaceAll("-", "");
      const life = followWorker?.(String(worker), index);
      const made = new Worker({
        python,
        assets,
        env,
        memory,
        variables: { ...variables, ...workers[index] },
        startupTimeoutMs,
        requestTimeoutMs,
        maxRequests,
        maxMemory,
        maxBody: config.maxAnswer,
        output: lineSplitter((line, origin) =>
          workerLog[origin?.level ?? "info"]("{line}", {
            line,
            worker,
            ...(origin?.requestId !== undefined && { request_id: origin.requestId }),
            ...(origin?.traceId !== undefined && { trace_id: origin.traceId }),
          }), mark),
        onFailure: (failure) => onFailure(worker, failure),
        onStarted,
        config: {
          mode: "serve",
          module,
          script,
          model_dir: modelDir,
          mark,
          traced: traced?.() ?? false,
          max_batch_size: config.maxBatchSize,
          batch_timeout: (config.batchTimeoutMs ?? 0) / 1000,
          concurrency: config.concurrency,
          threads: config.threads,
          // Tensors can become longer for the script than they were in the request's body.
          max_body: MAX_BODY_BYTES,
          max_answer: config.maxAnswer,
        },
      }, {
        ...events,
        onReady: () => {
          look?.();
          life?.ready(made.pid);
          events.onReady();
        },
        onDead: (death, orphans) => {
          life?.ended(death);
          events.onDead(death, orphans);
        },
      });
      return made;
    },
  });
}
