/** Serving runs, and the models that others run in the same way. */

export type { ModelFiles, PoolConfig, PoolContext, ServeConfig, ServeContext, ServedModel } from "./config.ts";
export { serve } from "./run.ts";
export { modelSource } from "./source.ts";
