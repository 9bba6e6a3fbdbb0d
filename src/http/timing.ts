/**
 * Tells a client how long its request took in each stage: the header Server-Timing (https://www.w3.org/TR/server-timing/). A client asks
 * for it with `Prefer: server-timing` (RFC 7240); nothing is measured for other requests.
 */

import type { Outcome } from "../supervisor/mod.ts";

/** The stages of a script, in the order of the times that a worker reports. */
const STAGES = ["deserialize", "predict", "serialize"] as const;

/** The name of the preference, and the value of `Preference-Applied`. */
const TIMING = "server-timing";

/** Whether the value of the header Prefer asks for times. */
export function asksForTiming(prefer: string | null): boolean {
  return prefer !== null && /(?:^|,)\s*server-timing\s*(?:[;,]|$)/i.test(prefer);
}

/** The times of one request, from the end of its body on. A request of the Open Inference Protocol may ask a model several times. */
export class Timing {
  readonly #start = performance.now();
  #waitedMs = 0;
  /** In ms; stages that no worker reported are missing. */
  readonly #stages: number[] = [];

  /**
   * Adds what a model has executed. The times in a stage add up, while the longest wait counts.
   *
   * @param waitedMs how long it waited for a worker, in ms
   */
  add(outcome: Outcome, waitedMs: number): void {
    this.#waitedMs = Math.max(this.#waitedMs, waitedMs);
    const times = outcome.kind === "result"
      ? outcome.times
      : outcome.kind === "error"
      ? outcome.error.times
      : undefined;
    if (!Array.isArray(times)) return;
    for (const [index, seconds] of times.slice(0, STAGES.length).entries()) {
      const ms = Number(seconds) * 1000;
      if (Number.isFinite(ms)) this.#stages[index] = (this.#stages[index] ?? 0) + ms;
    }
  }

  /** The headers of the answer that is sent now. */
  headers(): Record<string, string> {
    const stages = STAGES.flatMap((name, index) =>
      this.#stages[index] === undefined ? [] : [[name, this.#stages[index]] as const]
    );
    const all = [["queue", this.#waitedMs], ...stages, ["total", performance.now() - this.#start]] as const;
    const values = all.map(([name, ms]) => `${name};dur=${Number(ms.toFixed(3))}`);
    return { "preference-applied": TIMING, "server-timing": values.join(", ") };
  }
}
