/** What `aimodellib predict` does, apart from its parser so that help is not kept waiting for it. */

import { UsageError } from "../../errors.ts";
import { loggingOf, ServeLog } from "../serve/log.ts";
import type { Io } from "../terminal/io.ts";
import { findAsked } from "./asked.ts";
import { Bar } from "./bar.ts";
import { predictMany } from "./many.ts";
import { predictSingle } from "./single.ts";
import type { PredictOptions } from "./options.ts";
import { placesOf } from "./places.ts";
import { Stop } from "./stop.ts";

/** The exit code of a process that SIGPIPE has ended, as shells say it. */
const BROKEN_PIPE = 141;

/**
 * Runs it. What ends it before its time is logged.
 *
 * @returns the exit code
 * @throws {UsageError} if inputs or options can't be meant
 */
export async function runPredicting(options: PredictOptions, io: Io): Promise<number> {
  using stop = new Stop(io);
  using bar = new Bar(io);
  using log = new ServeLog(logging(options, io, false), { ...io, raw: { ...io.raw, stderr: bar.write } });
  try {
    using found = await findAsked(options, log.io, stop.signal);
    const places = placesOf({ ...options, inputs: found.inputs }, Deno.stdin.isTerminal());
    if (places.kind !== "one") log.change(logging(options, io, true));
    const context = { io, log, bar, stop };
    return places.kind === "one"
      ? await predictSingle(places, found, options, context)
      : await predictMany(places, found, options, context);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return BROKEN_PIPE;
    // What a signal breaks off is no error.
    if (stop.code !== undefined && (error === stop.signal.reason || !(error instanceof UsageError))) return stop.code;
    bar[Symbol.dispose]();
    return log.fail(error);
  }
}

/**
 * How a run of many records is logged: as `serve` logs, but workers that come and go are of no interest at a terminal. A single input is for
 * somebody who reads, also where there is no terminal.
 */
function logging(options: PredictOptions, io: Io, many: boolean): ReturnType<typeof loggingOf> {
  const { format = "text", level } = loggingOf(options, many ? io : { ...io, errorColumns: 0 });
  return { format, level: level ?? (many && format === "json" ? "info" : "warning") };
}
