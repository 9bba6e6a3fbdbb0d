/** Carries out `aimodellib predict`. This is separate from the parser to keep help fast. */

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

/** The exit code that shells report for a process ended by SIGPIPE. */
const BROKEN_PIPE = 141;

/**
 * Runs the command, and logs the error that ends it early.
 *
 * @returns the exit code
 * @throws {UsageError} if inputs or options are invalid
 */
export async function runPredicting(options: PredictOptions, io: Io): Promise<number> {
  // Outputs may be too long for the limit, and so may large bodies on their way to a worker, which then take another way.
  using _limit = io.heedFileLimit();
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
    // A run that a signal interrupts is not an error.
    if (stop.code !== undefined && (error === stop.signal.reason || !(error instanceof UsageError))) return stop.code;
    bar[Symbol.dispose]();
    return log.fail(error);
  }
}

/**
 * Returns how to log. A run of many records logs like `serve`, but leaves out workers that come and go at a terminal. A single input logs for
 * a reader, even without a terminal.
 */
function logging(options: PredictOptions, io: Io, many: boolean): ReturnType<typeof loggingOf> {
  const { format = "text", level } = loggingOf(options, many ? io : { ...io, errorColumns: 0 });
  return { format, level: level ?? (many && format === "json" ? "info" : "warning") };
}
