/** What each model did in each second of the last 15 minutes: a fixed amount of memory for each model, about 170 KB. */

import type { Second } from "../web/wire.ts";
import { COUNTERS, Counters, describeCounters } from "./counters.ts";

/** How many seconds are kept: 15 minutes. */
export const KEPT = 900;

/** Behind the counters of a second: requests in the queue and in workers, and ready workers, at its end. */
const QUEUED = COUNTERS;
const BUSY = COUNTERS + 1;
const READY = COUNTERS + 2;
const ROW = COUNTERS + 3;

/** A model as it is at the end of a second. */
export interface Gauges {
  readonly queued: number;
  readonly busy: number;
  readonly ready: number;
}

/** A model that can be read. */
export interface Counted {
  readonly name: string;
  /** Adds all that was counted since the start. */
  readonly count: (into: Counters) => void;
  readonly gauges: () => Gauges;
}

/** The seconds of one model. */
interface Track {
  readonly model: Counted;
  readonly rows: Float32Array;
  /** The last reading, and space for the next one. */
  before: Counters;
  now: Counters;
}

/** Keeps the last seconds of several models. Seconds are numbered from 1. */
export class SecondsRing {
  readonly #tracks: ReadonlyMap<string, Track>;
  readonly #times = new Float64Array(KEPT);
  #last = 0;

  constructor(models: readonly Counted[]) {
    this.#tracks = new Map(models.map((model) => {
      const track = { model, rows: new Float32Array(KEPT * ROW), before: new Counters(), now: new Counters() };
      model.count(track.before);
      return [model.name, track];
    }));
  }

  /** The number of the newest second; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** The number of the last second that has been dropped; 0 if none has. */
  get forgotten(): number {
    return Math.max(0, this.#last - KEPT);
  }

  /** The names of all models. */
  get models(): readonly string[] {
    return [...this.#tracks.keys()];
  }

  /** Ends a second. @param t its time, in seconds since 1970 */
  add(t: number): void {
    const slot = ++this.#last % KEPT;
    this.#times[slot] = t;
    for (const track of this.#tracks.values()) {
      const { model, rows, before, now } = track;
      now.values.fill(0);
      model.count(now);
      const place = slot * ROW;
      for (let i = 0; i < COUNTERS; i++) {
        const difference = now.values[i]! - before.values[i]!;
        // The counters of a reopened model begin at zero.
        rows[place + i] = difference < 0 ? now.values[i]! : difference;
      }
      const { queued, busy, ready } = model.gauges();
      rows[place + QUEUED] = queued;
      rows[place + BUSY] = busy;
      rows[place + READY] = ready;
      track.before = now;
      track.now = before;
    }
  }

  /**
   * The seconds of a model after one, the oldest first, as far as they are kept.
   *
   * @param after the number of a second
   * @param until the number of the last one to return
   */
  since(model: string, after: number, until: number): Second[] {
    const seconds: Second[] = [];
    for (let n = Math.max(after, this.forgotten) + 1; n <= until; n++) seconds.push(this.#at(model, n));
    return seconds;
  }

  /** The newest second of all models. */
  newest(): Record<string, Second> {
    return Object.fromEntries(this.models.map((name) => [name, this.#at(name, this.#last)]));
  }

  #at(model: string, n: number): Second {
    const slot = n % KEPT;
    const { rows } = this.#tracks.get(model)!;
    const row = rows.subarray(slot * ROW, (slot + 1) * ROW);
    const [queued, busy, ready] = [row[QUEUED]!, row[BUSY]!, row[READY]!];
    return {
      t: this.#times[slot]!,
      ...describeCounters(row),
      ...(queued > 0 && { queued }),
      ...(busy > 0 && { busy }),
      ...(ready > 0 && { ready }),
    };
  }
}
