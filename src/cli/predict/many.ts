/** Predicts many records: sets up the run, shows its progress, and reports the result. */

import { getLogger } from "@logtape/logtape";
import { AimodellibError } from "../../errors.ts";
import { isSpecial, openSpecial, type SpecialFile } from "../../files.ts";
import {
  emptyTally,
  FileOutput,
  FolderOutput,
  type Input,
  lastOf,
  type Outputs,
  PredictRun,
  type Shard,
  StreamOutput,
} from "../../predict/mod.ts";
import { ExitCode } from "../errors.ts";
import { MAX_ANSWER } from "../serve/limits.ts";
import { absolute } from "../run/module.ts";
import type { Io } from "../terminal/io.ts";
import type { PredictOptions } from "./options.ts";
import type { Found } from "./asked.ts";
import type { PredictContext } from "./context.ts";
import { type Places, shardOf } from "./places.ts";
import { showSummary } from "./summary.ts";

const log = getLogger(["aimodellib", "predict"]);

/** Exit code: some records failed, and all others were answered. */
const SOME_FAILED = 3;

/** How long requests in flight may take after the first signal, in ms. */
const FINISH_MS = 10_000;

const ALL: Shard = { index: 0, count: 1 };

/**
 * Predicts the records of all inputs.
 *
 * @returns the exit code
 * @throws {AimodellibError} if the run ends early
 */
export async function predictMany(
  places: Exclude<Places, { readonly kind: "one" }>,
  found: Found,
  options: PredictOptions,
  { io, log: serveLog, bar, stop }: PredictContext,
): Promise<number> {
  const tally = emptyTally();
  const inputs = () => places.kind === "folder" ? places.inputs() : [places.input];
  using outputs = await outputsOf(places, found, options, io);
  await using ask = await found.begin({ log: serveLog, signal: stop.signal, many: true });
  const started = performance.now();
  const run = new PredictRun({
    ask,
    retries: options.retries,
    maxAnswer: MAX_ANSWER,
    outputs,
    join: options.join,
    maxBody: options.maxBody,
    maxErrors: options.maxErrors,
    shard: options.shard ?? ALL,
    shardsRecords: places.kind !== "folder",
    namesInputs: places.kind === "folder",
    tally,
    onAbandon: () => serveLog.endWorkers(),
  });
  stop.signal.addEventListener("abort", () => {
    run.stop();
    const timer = setTimeout(() => run.abandon(), FINISH_MS);
    Deno.unrefTimer(timer);
  }, { once: true });
  stop.force.addEventListener("abort", () => run.abandon(), { once: true });
  if (!showsLines(places, io)) bar.begin({ tally, total: totalOf(inputs()), refused: () => run.refused });
  let failure: unknown;
  try {
    await run.run(inputs());
    if (!run.stopped) outputs.finish();
  } catch (error) {
    failure = error;
  }
  // The reader of standard output has closed it.
  if (failure instanceof Deno.errors.BrokenPipe) throw failure;
  tally.failed = outputs.failed;
  bar[Symbol.dispose]();
  const seconds = (performance.now() - started) / 1000;
  const complete = failure === undefined && !run.stopped;
  showSummary({ ...tally, seconds, complete, output: places.output }, options, io, serveLog);
  if (complete) return tally.failed > 0 ? SOME_FAILED : ExitCode.Success;
  const advice = outputs.resumable
    ? "run the same command again to resume"
    : "to be able to resume after an interruption, write the answers to a file with --output";
  if (failure !== undefined) {
    if (failure instanceof AimodellibError && outputs.resumable) log.warning("{advice}", { advice: capital(advice) });
    throw failure;
  }
  log.warning("Stopped by {signal}: {advice}", { signal: stop.name, advice });
  return stop.code!;
}

async function outputsOf(
  places: Exclude<Places, { readonly kind: "one" }>,
  found: Found,
  options: PredictOptions,
  io: Io,
): Promise<Outputs> {
  const { output } = places;
  const shard = options.shard ?? ALL;
  const errors = options.errors && absolute(options.errors);
  if (output === undefined) {
    const write = showsLines(places, io) ? shown(io) : io.stdoutBytes;
    return new StreamOutput("Standard output", write, errors);
  }
  if (isSpecial(output)) {
    const file = openSpecial(output);
    return new StreamOutput(`'${output}'`, (bytes) => writeAll(file, bytes), errors);
  }
  const { restart, join } = options;
  const shardName = shard.count === 1 ? undefined : `${shard.index}/${shard.count}`;
  const identity = { ...found.identity(output), join, shard: shardName };
  const numberOf = places.kind === "folder" ? (done: number) => done : (done: number) => lastOf(shard, done);
  if (places.kind !== "folder") return await FileOutput.begin(output, { identity, restart, errors, numberOf });
  const part = shardName === undefined ? "" : `-${shard.index}-of-${shard.count}`;
  return await FolderOutput.begin(
    output,
    part,
    { identity, restart, errors, numberOf },
    shardOf(places.inputs(), shard),
  );
}

/** Whether the answers go to a terminal, where a progress bar would mix with them. */
function showsLines({ output }: Pick<Places, "output">, { streams }: Io): boolean {
  return output === undefined && streams().stdout === "terminal";
}

/** Returns a function that writes lines to a terminal, with control characters escaped. */
function shown({ stdoutData }: Io): (bytes: Uint8Array) => Promise<void> {
  const decoder = new TextDecoder();
  return (bytes) => Promise.resolve(stdoutData(decoder.decode(bytes)));
}

async function writeAll(file: SpecialFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

/** Returns the size of all inputs in bytes; undefined if one of them can be read only once. */
function totalOf(inputs: Iterable<Input>): number | undefined {
  let total = 0;
  for (const { file } of inputs) {
    if (file === undefined) return undefined;
    total += file.bytes;
  }
  return total;
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
