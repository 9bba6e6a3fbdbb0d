/** Decides from the ledger of a dead worker what becomes of its requests. */

import type { Frame, LedgerEntries } from "../bridge/mod.ts";
import { recallIn } from "./answers.ts";
import type { InFlight } from "./in_flight.ts";
import type { Job } from "./job.ts";

/** A request that a dead worker has left, and its fate. */
export interface Remains {
  readonly id: number;
  readonly job: Job;
  /** `finished`: the ledger has its answer. `begun`: it has no answer, and may have killed the worker. `untouched`: another worker may take it. */
  readonly fate: { readonly kind: "finished"; readonly answer: Frame } | { readonly kind: "begun" | "untouched" };
}

/**
 * Removes all requests from `inFlight`, and returns them with their fates, the oldest first.
 *
 * @param noted the entries of the ledger; undefined if the worker had no requests; `unreadable` if the ledger could not be read: the worker
 * may have begun any of them
 */
export function takeRemains(inFlight: InFlight, noted: LedgerEntries | "unreadable" | undefined): Remains[] {
  if (noted === "unreadable") return inFlight.clear().map(([id, job]) => ({ id, job, fate: { kind: "begun" } }));
  const finished = new Map(noted?.answers.map((answer) => [answer.id, answer]));
  const started = noted?.started ?? 0;
  return inFlight.clear().map(([id, job]) => {
    const answer = finished.get(id);
    if (answer !== undefined && recallIn(answer) === undefined) return { id, job, fate: { kind: "finished", answer } };
    // A worker begins requests in the order of their dispatch.
    const begun = answer === undefined && started !== 0 && !inFlight.isYounger(id, started);
    return { id, job, fate: { kind: begun ? "begun" : "untouched" } };
  });
}
