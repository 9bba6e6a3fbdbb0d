/** Decides which requests are sampled. */

import { traceIdAt } from "./ids.ts";
import type { Sampling } from "./settings.ts";

/** Makes the decision about requests. */
export interface Sampler {
  /** Begins a trace. @returns its id, or undefined if it is not sampled */
  begin(): string | undefined;
  /** Whether to sample a request of a trace that its client has begun. @param parent its `traceparent`, in version 00 */
  joins(parent: string): boolean;
}

/** Hexadecimal digits of a trace id that decide: 52 bits, which a number holds exactly. */
const DIGITS = 13;
const RANGE = 2 ** (4 * DIGITS);

/**
 * Makes a sampler. A trace id gets the same decision from all programs with the same ratio that, as the SDKs for Go, Java and Python do,
 * compare the id's last 64 bits with it.
 */
export function sampler({ ratio, followsParent }: Sampling): Sampler {
  return {
    begin() {
      // Most requests are not sampled: the decision comes first, and the id follows from it.
      const place = Math.random();
      return place < ratio ? traceIdAt(place) : undefined;
    },
    joins(parent) {
      if (followsParent) return isSampled(parent);
      return ratio >= 1 || Number.parseInt(parent.slice(19, 19 + DIGITS), 16) < ratio * RANGE;
    },
  };
}

/** Whether a `traceparent` of version 00 says that its sender has sampled the trace: the last bit of its flags. */
export function isSampled(traceparent: string): boolean {
  return "13579bdf".includes(traceparent[54]!);
}
