/** The recent past of a serving run, for the console. */

export type { Counters } from "./counters.ts";
export { MAX_READERS, Recent } from "./recent.ts";
export type { WorkerLife, WorkerPlace } from "./workers.ts";
