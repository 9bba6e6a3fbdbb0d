/** What a worker reports in STATS frames: the resources that it uses, and its script's metrics. Its memory is also read from outside. */

import { type Frame, parseMetadata } from "../bridge/mod.ts";
import { type MemorySeen, MemoryWatch } from "./memory_watch.ts";
import { afterReport, type WorkerGauges } from "./script_gauges.ts";
import { scriptMetricsIn } from "./script_report.ts";
import type { Times, Usage, WorkerEvents } from "./worker_events.ts";

/** Options of {@linkcode UsageReports}. */
export interface UsageReportsOptions extends Pick<WorkerEvents, "onUsage" | "onScriptMetrics" | "onWorn"> {
  /** Memory of the process above which the worker should be replaced, in bytes; undefined for no limit. */
  readonly maxMemory: number | undefined;
}

/** Receives the usage reports of one worker, and asks for them. */
export class UsageReports {
  readonly #options: UsageReportsOptions;
  readonly #since = performance.now();
  #last: Usage | undefined;
  #gauges: WorkerGauges["gauges"] = [];
  #memory: MemoryWatch | undefined;
  /** Resolved with the next report; undefined if nobody has asked for it. */
  #asked: PromiseWithResolvers<void> | undefined;

  constructor(options: UsageReportsOptions) {
    this.#options = options;
  }

  /** The last report; undefined before the first. */
  get last(): Usage | undefined {
    return this.#last;
  }

  /** The gauges of the script. */
  get gauges(): WorkerGauges {
    return { since: this.#since, gauges: this.#gauges };
  }

  /** The last reading of the process's memory; undefined if there is none. */
  get memory(): MemorySeen | undefined {
    return this.#memory?.last;
  }

  /** Whether the process was close to the memory limit when its memory was last read. */
  get isNearLimit(): boolean {
    return this.#memory?.isNearLimit() ?? false;
  }

  /** Reads the memory of a process about once a second, while `isBusy` returns true. */
  watch(pid: number, isBusy: () => boolean): void {
    this.#memory = new MemoryWatch(pid, isBusy);
  }

  /** Waits for the next report. @param send asks the worker for it; called only if nobody waits for one */
  ask(send: () => void): Promise<void> {
    if (this.#asked === undefined) {
      this.#asked = Promise.withResolvers();
      send();
    }
    return this.#asked.promise;
  }

  /** Takes a report. @throws {ProtocolError} if it can't be parsed */
  onStats(frame: Frame): void {
    const { onUsage, onScriptMetrics, onWorn, maxMemory } = this.#options;
    const { rss, cpu, times } = parseMetadata(frame.metadata);
    const metrics = scriptMetricsIn(frame);
    const before = this.#last;
    this.#last = { rss: Number(rss), cpu: Number(cpu), times: (times ?? {}) as Times };
    this.#memory?.saw(this.#last.rss);
    onUsage(this.#last, before);
    if (metrics.length > 0) {
      this.#gauges = afterReport(this.#gauges, metrics);
      onScriptMetrics(metrics, this.#since);
    }
    this.#answer();
    if (maxMemory !== undefined && this.#last.rss > maxMemory) {
      onWorn(`it uses ${Math.round(this.#last.rss / 2 ** 20)} MiB of memory`);
    }
  }

  /** Ends the readings: the process has ended, and nobody needs to wait for a report. */
  stop(): void {
    this.#memory?.[Symbol.dispose]();
    this.#answer();
  }

  #answer(): void {
    this.#asked?.resolve();
    this.#asked = undefined;
  }
}
