/** The supervisor: keeps workers running and dispatches requests to them. */

export type { Failure, WorkerError } from "./failure.ts";
export type { Client, Invocation, Outcome } from "./job.ts";
export { residentBytes } from "./memory_watch.ts";
export { Model, type ModelState } from "./model.ts";
export { describeFacts, type ModelFacts } from "./model_facts.ts";
export { Models } from "./models.ts";
export type { PartStream, Taken } from "./part_stream.ts";
export { workerName } from "./death_log.ts";
export type { ReloadResult } from "./rollover.ts";
export { Pool, type PoolOptions, type PoolState } from "./pool.ts";
export type { ModelFiles, ServedModel } from "./served_model.ts";
export { isErrorStatus, logFailure, statusOf } from "./script_failure.ts";
export type { Death } from "./worker_events.ts";
export { Worker, type WorkerOptions } from "./worker.ts";
