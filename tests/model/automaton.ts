/** Enumerates all states of one worker, with its steps, as numbers. */

import { type Effect, FRESH, keyOf, type Step, type WorkerState } from "./state.ts";

/** What a step does to the requests that a state names, each by its place in the list of those requests. */
export interface Transition {
  readonly name: string;
  readonly to: number;
  /** Whether the step sends the request at the head of the queue to the worker. */
  readonly takes: boolean;
  readonly effects: readonly { readonly kind: Effect["kind"]; readonly request: number; readonly what?: string }[];
  /** For each request of the next state, its place in this state; -1 for the request from the queue. */
  readonly requests: readonly number[];
}

/** All states of one worker, by number; the initial state is 0. */
export interface Automaton {
  /** The number of requests that each state refers to. */
  readonly names: readonly number[];
  readonly transitions: readonly (readonly Transition[])[];
}

/**
 * Finds all states of a worker to which a request may be sent at any time.
 *
 * A state names only the requests that matter: those to which some step, now or later, does something. If the rules hold, a request that was
 * taken back is not among them. This is how compilers find which variables are live; nothing is assumed of the rules.
 */
export function automatonOf(stepsOf: (worker: WorkerState) => Step[]): Automaton {
  const numbers = new Map([[keyOf(FRESH), 0]]);
  const workers = [FRESH];
  const steps: { readonly step: Step; readonly to: number }[][] = [];
  for (let from = 0; from < workers.length; from++) {
    steps[from] = [];
    for (const step of stepsOf(workers[from]!)) {
      const key = keyOf(step.next);
      const to = numbers.get(key) ?? workers.push(step.next) - 1;
      numbers.set(key, to);
      if (to !== from || step.effects.length > 0) steps[from]!.push({ step, to });
    }
  }
  const live = liveIn(workers, steps);
  return {
    names: live.map(({ length }) => length),
    transitions: steps.map((each, from) =>
      each.map(({ step: { name, takes, effects, gone, next }, to }) => ({
        name,
        to,
        takes,
        effects: effects.map((effect) =>
          effect.kind === "fault"
            ? { kind: effect.kind, request: -1, what: effect.what }
            : { kind: effect.kind, request: live[from]!.indexOf(effect.place) }
        ),
        requests: live[to]!.map((place) =>
          takes && place === next.frames.length ? -1 : live[from]!.indexOf(place + gone)
        ),
      }))
    ),
  };
}

/** By state, the places of the requests to which some step does something, now or later. */
function liveIn(
  workers: readonly WorkerState[],
  steps: readonly (readonly { step: Step; to: number }[])[],
): number[][] {
  const live = new Uint32Array(workers.length);
  for (let changed = true; changed;) {
    changed = false;
    // From the last state to the first, since most steps lead to a later state.
    for (let from = workers.length - 1; from >= 0; from--) {
      let all = live[from]!;
      for (const { step, to } of steps[from]!) {
        for (const effect of step.effects) if (effect.kind !== "fault") all |= 1 << effect.place;
        const later = step.takes ? live[to]! & ~(1 << step.next.frames.length) : live[to]!;
        all |= later << step.gone;
      }
      if (all === live[from]) continue;
      live[from] = all;
      changed = true;
    }
  }
  return Array.from(
    live,
    (all) => Array.from({ length: 32 }, (_, place) => place).filter((place) => all & (1 << place)),
  );
}
