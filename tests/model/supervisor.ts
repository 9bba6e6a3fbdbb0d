/** The supervisor's steps for one worker, as in `src/supervisor/worker.ts`, `stall.ts` and `remains.ts`. */

import type { Assumptions, Bounds, Rules } from "./rules.ts";
import {
  countIn,
  type Effect,
  type Frame,
  FRESH,
  isOpen,
  PENDING,
  type Place,
  type Step,
  step,
  TORN,
  type WorkerState,
} from "./state.ts";

/** Yields the possible steps of the supervisor for a worker, whose death it does not notice at once. */
export function stepsOfSupervisor(
  { window, unanswered }: Bounds,
  rules: Rules,
  { looksAreFarApart }: Assumptions,
): (worker: WorkerState) => Step[] {
  return (worker) => [...dispatch(worker), ...hear(worker), ...look(worker), ...bury(worker)];

  function dispatch(worker: WorkerState): Step[] {
    const { frames, stalled } = worker;
    if (openIn(worker).length >= window || frames.length >= unanswered || (stalled && rules.holdBack)) return [];
    return [step("gets a request", { ...worker, frames: [...frames, { known: false }] }, [], { takes: true })];
  }

  /** Reads the next answer from the socket. */
  function hear(worker: WorkerState): Step[] {
    const { frames, stores, started, answers, recalled } = worker;
    if (worker.sent === 0) return [];
    const [{ known, answer }, ...others] = frames as [Frame, ...Frame[]];
    const older = (place: Place) => place > 0 ? place - 1 : place;
    const next: WorkerState = {
      ...worker,
      frames: others,
      sent: worker.sent - 1,
      stores: stores.map((store) => store.to === PENDING ? store : { ...store, value: older(store.value) }),
      started: older(started),
      answers: answers.map(older),
      recalled: older(recalled),
      looked: undefined,
      stalled: false,
    };
    const effects: Effect[] = !known
      ? [{ kind: answer === "recalled" ? "putBack" : "settle", place: 1 }]
      : rules.ignoreKnown
      ? []
      : [{ kind: "fault", what: "An answer came to a request that the worker does not have" }];
    return [step("is heard", next, effects, { gone: 1 })];
  }

  /** `Stall.#look()`. */
  function look(worker: WorkerState): Step[] {
    const { looked, stores, started, pending } = worker;
    if (openIn(worker).length < 2 || (looked !== undefined && looksAreFarApart && stores.some(({ old }) => old))) {
      return [];
    }
    const seen: WorkerState = {
      ...worker,
      looked: [started, pending],
      stores: stores.map((store) => ({ ...store, old: true })),
    };
    if (looked === undefined) return [step("is looked at", seen)];
    if (rules.compareLooks && (started !== looked[0] || pending !== looked[1])) {
      return [step("is looked at, and has gone on", seen)];
    }
    // Answers after one whose body is in the exchange are not taken.
    return Array.from({ length: countIn(pending) + 1 }, (_, count) => count).flatMap((count) => help(seen, count));
  }

  /** `Stall.#help()`, if the ledger shows so many answers. */
  function help(worker: WorkerState, count: number): Step[] {
    const read = worker.answers.slice(0, count);
    if (read.includes(TORN)) {
      return [step("is looked at", worker, [{ kind: "fault", what: "A half-written answer was read" }])];
    }
    const early = read.filter((place) => isOpen(worker, place) && worker.frames[place - 1]!.answer === "result");
    const settled = without(worker, early);
    const effects = early.map((place): Effect => ({ kind: "settle", place }));
    // Nothing more happens if one request is left, or not all requests are written yet.
    const steps = [step(`is looked at, and answers to ${early.length} are taken`, settled, effects)];
    if (!worker.stalled && openIn(settled).length < 2) return steps;
    const recalled = worker.stalled ? settled : { ...settled, recalled: worker.frames.length, stalled: true };
    if (!worker.stalled && rules.waitBeforeTakingBack) return [...steps, step("is recalled", recalled, effects)];
    const taken = openIn(settled).filter((place) => place > worker.started);
    const back = taken.map((place): Effect => ({ kind: "putBack", place }));
    return [...steps, step("loses what it has not begun", without(recalled, taken), [...effects, ...back])];
  }

  /** The supervisor has read the stream of a dead worker to its end; it reads the ledger, and starts another worker. */
  function bury(worker: WorkerState): Step[] {
    const { frames, phase, started, pending } = worker;
    if (phase !== "dead" || (worker.sent > 0 && rules.readFramesFirst)) return [];
    const answers = rules.readLedger ? worker.answers.slice(0, countIn(pending)) : [];
    const effects = openIn(worker).map((place): Effect => {
      const { answer } = frames[place - 1]!;
      const found = answers.includes(place);
      if (found && answer === "result") return { kind: "settle", place };
      if (found || place > started || !rules.loseBegun) return { kind: rules.putBack ? "putBack" : "forget", place };
      if (answer === "result") return { kind: "fault", what: "A request was lost although its answer was noted" };
      return { kind: "lose", place };
    });
    return [step("is replaced", FRESH, effects, { gone: frames.length })];
  }
}

/** The requests in flight. */
function openIn(worker: WorkerState): Place[] {
  return worker.frames.flatMap((_, i) => isOpen(worker, i + 1) ? [i + 1] : []);
}

/** The worker when these requests are not in flight any more. */
function without(worker: WorkerState, places: readonly Place[]): WorkerState {
  return {
    ...worker,
    frames: worker.frames.map((frame, i) => places.includes(i + 1) ? { ...frame, known: true } : frame),
  };
}
