/** Decides which requests are sampled. */

import type { Sampling } from "./settings.ts";

/** Makes the decision about a request. @param parent the `traceparent` that its client has sent, in version 00 */
export type Sampler = (traceId: string, parent: string | undefined) => boolean;

/** Hexadecimal digits of a trace id that decide: 52 bits, which a number holds exactly. */
const DIGITS = 13;
const RANGE = 2 ** (4 * DIGITS);

/**
 * Makes a sampler. A trace id gets the same decision from all programs with the same ratio that, as the SDKs for Go, Java and Python do,
 * compare the id's last 64 bits with it.
 */
export function sampler({ ratio, followsParent }: Sampling): Sampler {
  return (traceId, parent) => {
    if (followsParent && parent !== undefined) return isSampled(parent);
    return ratio >= 1 || (ratio > 0 && Number.parseInt(traceId.slice(16, 16 + DIGITS), 16) < ratio * RANGE);
  };
}

/** Whether a `traceparent` of version 00 says that its sender has sampled the trace: the last bit of its flags. */
export function isSampled(traceparent: string): boolean {
  return "13579bdf".includes(traceparent[54]!);
}
