/** Serving runs, and the pools of workers that other commands share with them. */

export type { PoolConfig, PoolContext, ServeConfig, ServeContext } from "./config.ts";
export { createPool } from "./pool.ts";
export { serve } from "./run.ts";
