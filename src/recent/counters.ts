/** The counters of a model in one array of numbers, where two readings can be subtracted without making objects. */

import { type Histogram, SECONDS, SIZES } from "../observability/metrics.ts";
import type { Second, Sparse, Stage, Sum } from "../web/wire.ts";

/** The status of a request whose client disconnected first. */
const LEFT = 499;

/** The stages, in the order of their places. */
const STAGES: readonly Stage[] = ["queue", "deserialize", "predict", "serialize"];

/** Where each part begins: answers by class, durations with their sum, stages (count and sum), sizes of batches with their sum. */
const ANSWERS = 0;
const LATENCY = ANSWERS + 4;
const STAGE = LATENCY + SECONDS.length + 2;
const BATCHES = STAGE + 2 * STAGES.length;

/** How many counters there are. */
export const COUNTERS = BATCHES + SIZES.length + 2;

/** Gathers the counters of one model. */
export class Counters {
  readonly values: Float64Array<ArrayBuffer> = new Float64Array(COUNTERS);

  /** Counts answers with this status. */
  addStatus(status: number, count: number): void {
    const place = status === LEFT ? 3 : status < 400 ? 0 : status < 500 ? 1 : 2;
    this.values[ANSWERS + place]! += count;
  }

  /** Adds durations of requests. */
  addLatency(histogram: Histogram): void {
    this.#addHistogram(LATENCY, histogram);
  }

  /** Adds times of a stage. */
  addStage(stage: Stage, { counts, sum }: Histogram): void {
    const place = STAGE + 2 * STAGES.indexOf(stage);
    for (const count of counts) this.values[place]! += count;
    this.values[place + 1]! += sum;
  }

  /** Adds sizes of batches. */
  addBatches(histogram: Histogram): void {
    this.#addHistogram(BATCHES, histogram);
  }

  #addHistogram(place: number, { counts, sum }: Histogram): void {
    for (let i = 0; i < counts.length; i++) this.values[place + i]! += counts[i]!;
    this.values[place + counts.length]! += sum;
  }
}

/** Describes the counters of one second, without those that are zero. */
export function describeCounters(row: ArrayLike<number>): Omit<Second, "t"> {
  const answers = [row[0]!, row[1]!, row[2]!, row[3]!] as const;
  const stages: Partial<Record<Stage, Sum>> = {};
  for (const [i, stage] of STAGES.entries()) {
    const count = row[STAGE + 2 * i]!;
    if (count > 0) stages[stage] = [count, rounded(row[STAGE + 2 * i + 1]!)];
  }
  const latency = sparse(row, LATENCY, SECONDS.length + 1);
  const batches = sparse(row, BATCHES, SIZES.length + 1);
  return {
    ...(answers.some((count) => count > 0) && { answers }),
    ...(latency && { latency }),
    ...(Object.keys(stages).length > 0 && { stages }),
    ...(batches && { batches }),
  };
}

function sparse(row: ArrayLike<number>, place: number, buckets: number): Sparse | undefined {
  const counts: number[] = [];
  for (let i = 0; i < buckets; i++) if (row[place + i]! > 0) counts.push(i, row[place + i]!);
  return counts.length === 0 ? undefined : { counts, sum: rounded(row[place + buckets]!) };
}

/** Round to nanoseconds: further digits are rounding errors, and would make the text long. */
function rounded(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
