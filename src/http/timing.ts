/**
 * Tells a client how long its request took in each stage: the header Server-Timing (https://www.w3.org/TR/server-timing/). A client asks
 * for it with `Prefer: server-timing` (RFC 7240); nothing is measured for other requests.
 */

/** The stages of a script, in the order of the times that a worker reports. */
const STAGES = ["deserialize", "predict", "serialize"] as const;

/** The name of the preference, and the value of `Preference-Applied`. */
export const TIMING = "server-timing";

/** Whether the value of the header Prefer asks for times. */
export function asksForTiming(prefer: string | null): boolean {
  return prefer !== null && /(?:^|,)\s*server-timing\s*(?:[;,]|$)/i.test(prefer);
}

/**
 * Returns the value of Server-Timing.
 *
 * @param waitedMs how long the request waited for a worker, in ms
 * @param times seconds in each stage, from the worker; undefined if it did not report them
 * @param totalMs from the end of the request's body until its answer, in ms
 */
export function timingOf(waitedMs: number, times: readonly number[] | undefined, totalMs: number): string {
  const parts: (readonly [name: string, ms: number])[] = [
    ["queue", waitedMs],
    ...STAGES.flatMap((name, index) => times?.[index] === undefined ? [] : [[name, times[index] * 1000] as const]),
    ["total", totalMs],
  ];
  return parts.map(([name, ms]) => `${name};dur=${Number(ms.toFixed(3))}`).join(", ");
}
