/** Predicts one input, or very many, without a client program. */

export type { Ask } from "./ask.ts";
export { fewFailures } from "./few_failures.ts";
export { fingerprint } from "./fingerprint.ts";
export { HttpClient } from "./http_client.ts";
export {
  fileInput,
  type Input,
  type InputOptions,
  type SplitName,
  standardInput,
  statOf,
  walkInputs,
} from "./inputs.ts";
export { predictOne, type Show } from "./one.ts";
export { PoolClient } from "./pool_client.ts";
export { PredictRun } from "./run.ts";
export { isIn, lastOf, parseShard, type Shard } from "./shard.ts";
export { emptyTally, type Tally } from "./summary.ts";
export { FileOutput } from "./output/file_output.ts";
export { FolderOutput } from "./output/folder_output.ts";
export type { Identity } from "./output/journal.ts";
export type { Outputs } from "./output/outputs.ts";
export { StreamOutput } from "./output/stream_output.ts";
