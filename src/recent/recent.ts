/**
 * The recent past of a serving run, for the console: seconds, log lines, and events of workers.
 *
 * It is kept whether or not somebody looks, in memory of a fixed size, so that a page that is opened late has it. Once a second, a timer
 * copies counters that requests update anyway; while a reader is there, it also asks what workers use.
 */

import type { LogRecord } from "@logtape/logtape";
import { EventStreams } from "./event_stream.ts";
import { SECONDS, SIZES } from "../observability/metrics.ts";
import type { Models } from "../supervisor/mod.ts";
import type { LogLine, WorkerNow } from "../web/wire.ts";
import type { Counters } from "./counters.ts";
import { lineOf, logTail } from "./log_tail.ts";
import { ProcessUsages } from "./process_usage.ts";
import { describeScripts } from "./script_figures.ts";
import { event, Reader, type Shelf } from "./reader.ts";
import type { Ring } from "./ring.ts";
import { SecondsRing } from "./seconds.ts";
import { Workers } from "./workers.ts";

/** The most readers at the same time. */
export const MAX_READERS = 32;

/** How long log lines are gathered before readers get them, in ms. */
const GATHER_MS = 100;

/** The metrics of scripts are described once in this many seconds: there may be thousands of series. */
const SCRIPTS_EVERY = 5;

/** A timer that fires within this time after the last second is ignored, in ms: timers can be early. */
const EARLY_MS = 100;

/** How a reader follows. */
export interface FollowOptions {
  /** The header Last-Event-ID. */
  readonly lastEventId?: string | undefined;
  /** Whether it may read log lines. */
  readonly logs: boolean;
}

/** Keeps the recent past, and lets readers follow it. */
export class Recent implements Disposable {
  readonly workers: Workers = new Workers(() => this.#wake());
  readonly lines: Ring<LogLine> = logTail();
  #seconds: SecondsRing | undefined;
  #models: Models | undefined;
  readonly #usages = new ProcessUsages();
  readonly #run = crypto.randomUUID().slice(0, 8);
  readonly #readers: EventStreams;
  #woken = Promise.withResolvers<void>();
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** Streams of an earlier generation end. */
  #generation = 0;
  #tickText: string | undefined;
  #stateText: string | undefined;
  /** Counts the seconds since metrics of scripts were described. */
  #scriptsAge = 0;

  /** @param now the time in ms */
  constructor(now?: () => number) {
    this.#readers = new EventStreams(MAX_READERS, now);
  }

  /** Takes a record of the log. */
  readonly log = (record: LogRecord): void => {
    this.lines.add(lineOf(record));
    if (this.#readers.size === 0 || this.#closed || this.#gathering !== undefined) return;
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      this.#wake();
    }, GATHER_MS);
    Deno.unrefTimer(Number(this.#gathering));
  };

  /**
   * Sets what to record. Call it once.
   *
   * @param countRequests adds the requests to a model that were counted since the start
   */
  attach(models: Models, countRequests: (model: string, into: Counters) => void): void {
    this.#models = models;
    this.#seconds = new SecondsRing(models.all.map((model) => ({
      name: model.name,
      count: (into) => {
        countRequests(model.name, into);
        const { measures } = model.figures ?? {};
        if (measures === undefined) return;
        for (const [stage, histogram] of measures.stages) into.addStage(stage, histogram);
        into.addBatches(measures.batches);
      },
      gauges: () => {
        const { queued = 0, ready = 0, workers = [] } = model.figures ?? {};
        return { queued, ready, busy: workers.reduce((sum, { load }) => sum + load, 0) };
      },
    })));
  }

  /** Begins to record a second each second. */
  start(): void {
    const left = 1000 - Date.now() % 1000;
    this.#timer = setTimeout(() => {
      this.tick();
      this.start();
    }, left < EARLY_MS ? left + 1000 : left);
    Deno.unrefTimer(Number(this.#timer));
  }

  /** Ends a second: records what happened in it, and tells readers. */
  tick(): void {
    this.#seconds?.add(Math.round(Date.now() / 1000));
    if (this.#readers.size === 0) return;
    for (const model of this.#models!.all) void model.askUsage();
    this.#tickText = this.#stateText = undefined;
    this.#wake();
  }

  /**
   * The events of this run as a stream, which ends with the server. If there are {@linkcode MAX_READERS} readers already, the oldest stream
   * ends; undefined if none of them has lasted long enough.
   */
  follow({ lastEventId, logs }: FollowOptions): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    if (this.#closed || this.#seconds === undefined) return undefined;
    // Text that was made for earlier readers is outdated.
    if (this.#readers.size === 0) this.#tickText = this.#stateText = undefined;
    const reader = new Reader(this.#shelf(this.#seconds), lastEventId, logs);
    const generation = this.#generation;
    const stream = this.#readers.open({
      next: () => reader.next(),
      woken: () => this.#woken.promise,
      isOver: () => this.#closed || generation !== this.#generation,
    });
    // Without this, a new reader would wait for the metrics of scripts.
    if (stream !== undefined) this.#scriptsAge = 0;
    return stream;
  }

  /** Ends the streams that are open, such as after a change of tokens: readers connect again, and show the tokens that they have. */
  endStreams(): void {
    this.#generation++;
    this.#wake();
  }

  /** Ends all streams and timers. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#gathering);
    this.#wake();
  }

  #shelf(seconds: SecondsRing): Shelf {
    return {
      run: this.#run,
      seconds,
      events: this.workers.events,
      lines: this.lines,
      hello: () => ({
        run: this.#run,
        now: Date.now(),
        models: seconds.models,
        latencyLimits: SECONDS,
        batchLimits: SIZES,
      }),
      tick: () => this.#tickText ??= `${event("second", { models: seconds.newest() })}\n${this.#stateNow()}`,
      workers: () => this.#stateNow(),
    };
  }

  /** The events about workers, and now and then about scripts. */
  #stateNow(): string {
    if (this.#stateText !== undefined) return this.#stateText;
    const workers = event("workers", this.#describeWorkers());
    const isDue = this.#scriptsAge++ % SCRIPTS_EVERY === 0;
    const scripts = isDue
      ? describeScripts(this.#models!.all.map((model) => ({ name: model.name, metrics: model.scriptMetrics() })))
      : undefined;
    return this.#stateText = scripts === undefined ? workers : `${event("scripts", scripts)}\n${workers}`;
  }

  #describeWorkers(): WorkerNow[] {
    const all = this.#models!.all.flatMap((model) =>
      (model.figures?.workers ?? []).map((worker) => this.workers.describe(worker, model.name))
    );
    const usages = this.#usages.read(all.flatMap(({ pid }) => pid ?? []));
    return all.map((worker) => ({ ...worker, ...(worker.pid !== undefined && usages.get(worker.pid)) }));
  }

  #wake(): void {
    if (this.#readers.size === 0) return;
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }
}
