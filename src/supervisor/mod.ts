/** The supervisor: workers, and the requests that go to them. */

export { Backoff } from "./backoff.ts";
export type { Outcome, WorkerError } from "./job.ts";
export type { Failure, PartStream } from "./part_stream.ts";
export { Pool, type PoolOptions, type PoolState } from "./pool.ts";
export { Worker, type WorkerOptions } from "./worker.ts";
