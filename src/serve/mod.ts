/** Serving runs, and the pools of workers that other commands share with them. */

export type { ModelFiles, PoolConfig, PoolContext, ServeConfig, ServeContext, ServedModel } from "./config.ts";
export { serve } from "./run.ts";
export { modelSource } from "./source.ts";
