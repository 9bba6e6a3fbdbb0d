/** The access of a run to the outside world. */

import type { ServeLog } from "../serve/log.ts";
import type { Io } from "../terminal/io.ts";
import type { Bar } from "./bar.ts";
import type { Stop } from "./stop.ts";

/** The outside world of a run: streams, log, bar and signals. */
export interface PredictContext {
  readonly io: Io;
  readonly log: ServeLog;
  readonly bar: Bar;
  readonly stop: Stop;
}
