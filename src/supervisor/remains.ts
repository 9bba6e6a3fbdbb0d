/** What becomes of the requests of a worker that is dead, by what it has noted. */

import type { Frame, LedgerEntries } from "../bridge/mod.ts";
import { isRecalled } from "./answers.ts";
import type { InFlight } from "./in_flight.ts";
import type { Job } from "./job.ts";

/** A request that a worker had. */
export interface Remains {
  readonly id: number;
  readonly job: Job;
  /** `finished`: it has an answer. `begun`: it has none, and may have killed the worker. `untouched`: another may take it. */
  readonly fate: { readonly kind: "finished"; readonly answer: Frame } | { readonly kind: "begun" | "untouched" };
}

/**
 * Takes all requests out, the oldest first.
 *
 * @param noted undefined if the worker never was there to begin any; `unreadable` if it may have begun them all
 */
export function takeRemains(inFlight: InFlight, noted: LedgerEntries | "unreadable" | undefined): Remains[] {
  if (noted === "unreadable") return inFlight.clear().map(([id, job]) => ({ id, job, fate: { kind: "begun" } }));
  const finished = new Map(noted?.answers.map((answer) => [answer.id, answer]));
  const started = noted?.started ?? 0;
  return inFlight.clear().map(([id, job]) => {
    const answer = finished.get(id);
    if (answer !== undefined && !isRecalled(answer)) return { id, job, fate: { kind: "finished", answer } };
    // Requests are begun in the order of their dispatch.
    const begun = answer === undefined && started !== 0 && !inFlight.isYounger(id, started);
    return { id, job, fate: { kind: begun ? "begun" : "untouched" } };
  });
}
