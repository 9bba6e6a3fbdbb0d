/**
 * A model of how the supervisor and its workers handle requests: dispatch, begin, answer, check, recall, take back, die and put back.
 * docs/protocol.md describes the protocol, and `src/supervisor/stall.ts` explains why it works. A test searches all states of the
 * model (`search_test.ts`), and finds a fault when any one of the {@linkcode Rules} is broken.
 *
 * **What is modelled.** Of a worker: the loop of `serve()`, and `begin()`, `answer()`, `flush()` and `send()` of the ledger, store by store
 * (`worker.ts`). Of the supervisor: which requests are in flight, the looks of `Stall`, what it reads from the socket, and what it
 * does with what a dead worker left (`supervisor.ts`). A worker may be killed between any two of its stores, and when it has sent some of its
 * answers. Until the supervisor has read the stream to its end, it goes on with a dead worker as with a living one. The queue gives requests
 * to any worker that has room, at any time, so every order of events is covered, whatever the load and the timing.
 *
 * **What is left out**, and why that hides nothing:
 *
 * - Bodies. Each frame carries the id of its request, so the only way to a foreign answer is to read one that is half written. The ledger of the
 *   model says when an answer is, and reading it is a fault. A look may take only the first answers that it finds, as happens
 *   when one has its body in the exchange.
 * - Ids. Their order is all that matters; what becomes of it after four billion is tested with `InFlight` and `Ledger`.
 * - Reading in portions. The worker takes one request after the other, and may flush between any two.
 * - Writing in portions. A request of which the worker has a part is not begun, and the supervisor recalls nothing until all is written.
 * - Parts. They come in front of an answer that is sent past the ledger; the model has such answers.
 * - The delay of the supervisor's own store of `recalled`. Until it is visible, the supervisor does nothing that depends on it: its next look is
 *   5 ms later, and requests that it sends before then are newer than the recalled ones. So it could as well store it later.
 * - Batches, tasks and threads. These workers are never recalled; more of their requests are begun at once, so that a death loses more.
 * - STOP, reloads, timeouts and broken frames. All of them end in an exit or a kill, and the model kills at any time.
 *
 * The two {@linkcode Assumptions} stand for what time does. A dead worker needs none: when the kernel has ended a process, it has no stores left.
 *
 * **How it is searched.** Workers share nothing but the queue. So one worker is searched first, whatever the others do (`automaton.ts`); its
 * states are merged where no other process can tell them apart (`minimize.ts`); then all combinations of some workers and the queue are
 * searched (`pool.ts`, `search.ts`). At sizes where that can be done, the tests search the same without merging.
 */

import { type Automaton, automatonOf } from "./automaton.ts";
import { minimized } from "./minimize.ts";
import { poolOf } from "./pool.ts";
import { ASSUMPTIONS, type Assumptions, type Bounds, RULES, type Rules } from "./rules.ts";
import type { Model } from "./search.ts";
import type { Step, WorkerState } from "./state.ts";
import { stepsOfSupervisor } from "./supervisor.ts";
import { stepsOfWorker } from "./worker.ts";

/** The size of a model. */
export interface Size extends Bounds {
  readonly workers: number;
  /** The number of requests in the queue at the start. */
  readonly requests: number;
}

/** What a model assumes. */
export interface Variant {
  readonly rules?: Rules;
  readonly assumptions?: Assumptions;
}

/** The states of one worker. */
export interface Worker {
  /** All states. */
  readonly whole: Automaton;
  /** The states after indistinguishable ones were merged. */
  readonly merged: Automaton;
}

/** Enumerates the states of one worker. They are merged when that is asked for. */
export function workerOf(bounds: Bounds, { rules = RULES, assumptions = ASSUMPTIONS }: Variant = {}): Worker {
  const ofWorker = stepsOfWorker(bounds, rules, assumptions);
  const ofSupervisor = stepsOfSupervisor(bounds, rules, assumptions);
  const whole = automatonOf((state: WorkerState): Step[] => [...ofWorker(state), ...ofSupervisor(state)]);
  let merged: Automaton | undefined;
  return {
    whole,
    get merged() {
      return merged ??= minimized(whole);
    },
  };
}

/** Makes a model of such workers and their queue. */
export function bridge({ workers, requests }: Pick<Size, "workers" | "requests">, worker: Automaton): Model {
  return poolOf(worker, workers, requests);
}
