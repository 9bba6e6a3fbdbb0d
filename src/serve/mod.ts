/** Serving runs. */

export type { ModelFiles, ServeConfig, ServeContext, ServedModel } from "./config.ts";
export { serve } from "./run.ts";
