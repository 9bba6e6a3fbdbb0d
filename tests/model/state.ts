/** The state of one worker in the model, and what a step does to it. */

/**
 * A request on the connection, as its place in {@linkcode WorkerState.frames}, counted from 1. 0 is any request whose answer the supervisor has
 * read, and none.
 */
export type Place = number;

/** An answer in the ledger of which only a part is visible. */
export const TORN = -1;

/** One flush in `pending`; and a number of flushes that only `looked` can reach, since what is sent makes all earlier stores visible. */
const FLUSH = 16;
const OLDEST = 3 * FLUSH;

/** The target of a store; for an answer, `ANSWERS` plus its place in the ledger. */
export const STARTED = 0;
export const PENDING = 1;
export const ANSWERS = 2;

/** A store that the supervisor can't see yet. */
export interface Store {
  readonly to: number;
  readonly value: number;
  /** Whether it was made before the last look. */
  readonly old: boolean;
}

/** A request that was sent to a worker. */
export interface Frame {
  /** Whether the supervisor has settled it early, or taken it back. If not, it is in flight. */
  readonly known: boolean;
  /** The worker's answer, once it is recorded or sent. */
  readonly answer?: "result" | "recalled";
}

/**
 * - `idle`: the worker is between two requests
 * - `zeroed`: it has stored the zero before `started` (`wholeWords` is broken)
 * - `noted`: it has stored `started`, and not loaded `recalled`
 * - `decided`: it has loaded `recalled`, and not stored `started` (`noteFirst` is broken)
 * - `answering`: it has executed or skipped the request, and not stored the answer
 */
export type Phase = "idle" | "zeroed" | "noted" | "decided" | "answering" | "dead";

/** A worker, and what the supervisor knows about it. */
export interface WorkerState {
  /** The requests of which the supervisor has read no answer, the oldest first: sent, noted, current, and yet to be begun. */
  readonly frames: readonly Frame[];
  /** How many of them the worker has answered through the socket, and of how many more it has noted the answer in the ledger. */
  readonly sent: number;
  readonly noted: number;
  readonly phase: Phase;
  /** Whether the worker may execute the current request. */
  readonly executes: boolean;
  /** Whether the worker is between the two steps of a flush: sending the answers, and resetting `pending`. */
  readonly flushing: boolean;
  /** Its stores that are not visible yet, the oldest first. */
  readonly stores: readonly Store[];
  /** The ledger, as the supervisor would see it. */
  readonly started: Place;
  /** How many answers count, and above that how many flushes ago: {@linkcode countIn} and {@linkcode aged}. */
  readonly pending: number;
  /** The request that each answer is for, or {@linkcode TORN}. Only those that `pending` counts are answers. */
  readonly answers: readonly Place[];
  readonly recalled: Place;
  /** `started` and `pending` at the last look; undefined if an answer came since. */
  readonly looked?: readonly [started: Place, pending: number] | undefined;
  /** Whether the worker was recalled and has not answered since. */
  readonly stalled: boolean;
}

/** The effect of a step on a request, given by its place before the step. */
export type Effect =
  | { readonly kind: "execute" | "settle" | "lose" | "putBack" | "forget"; readonly place: Place }
  | { readonly kind: "fault"; readonly what: string };

/** A possible step in a state. */
export interface Step {
  readonly name: string;
  readonly next: WorkerState;
  readonly effects: readonly Effect[];
  /** Whether the request at the head of the queue is sent to the worker, as the last of `next.frames`. */
  readonly takes: boolean;
  /** How many of the oldest frames are not in `next` any more. */
  readonly gone: number;
}

/** Creates a step. */
export function step(name: string, next: WorkerState, effects: readonly Effect[] = [], more: Partial<Step> = {}): Step {
  return { name, next, effects, takes: false, gone: 0, ...more };
}

/** Returns the state of a worker that has just started. */
export const FRESH: WorkerState = {
  frames: [],
  sent: 0,
  noted: 0,
  phase: "idle",
  executes: false,
  flushing: false,
  stores: [],
  started: 0,
  pending: 0,
  answers: [],
  recalled: 0,
  stalled: false,
};

/** Returns the state in which these stores are visible. */
export function visible(worker: WorkerState, stores: readonly Store[]): WorkerState {
  let { started, pending } = worker;
  const answers = [...worker.answers];
  for (const { to, value } of stores) {
    if (to === STARTED) started = value;
    else if (to === PENDING) pending = value;
    else answers[to - ANSWERS] = value;
  }
  return { ...worker, started, pending, answers };
}

/** The worker when it has sent so many of the answers that it has noted. All stores before that are visible. */
export function sent(worker: WorkerState, count: number): WorkerState {
  return { ...visible(worker, worker.stores), stores: [], sent: worker.sent + count, noted: worker.noted - count };
}

/** `pending` without the number of flushes. */
export function countIn(pending: number): number {
  return pending % FLUSH;
}

/** The worker when it has flushed once more. Flushes are counted backwards, from the last one, to keep the number of states small. */
export function aged(worker: WorkerState): WorkerState {
  const older = (pending: number) => Math.min(pending + FLUSH, OLDEST + countIn(pending));
  const { stores, pending, looked } = worker;
  return {
    ...worker,
    stores: stores.map((each) => each.to === PENDING ? { ...each, value: older(each.value) } : each),
    pending: older(pending),
    looked: looked && [looked[0], older(looked[1])],
  };
}

/** Returns whether a request is in flight. */
export function isOpen({ frames }: WorkerState, place: Place): boolean {
  return place > 0 && !frames[place - 1]!.known;
}

/** Whether the two words can't become what they were at a look: later requests were begun, or a flush has come since. */
function isOver({ started, pending }: WorkerState, looked: readonly [started: Place, pending: number]): boolean {
  return (looked[0] > 0 && looked[0] < started) || looked[1] - countIn(looked[1]) > pending - countIn(pending);
}

/** A text that is the same for two states only if nothing that comes later depends on how they differ. */
export function keyOf(worker: WorkerState): string {
  const { frames, sent, noted, phase, executes, flushing, stores, started, pending, recalled, looked, stalled } =
    worker;
  const decided = phase === "dead" ? frames.length : sent + noted + (phase === "answering" ? 1 : 0);
  // Behind `pending` nothing is read until it is written again. A request that is not in flight has no answer that counts.
  const answers = (stores.length === 0 ? worker.answers.slice(0, countIn(pending)) : worker.answers)
    .map((place) => place === TORN || isOpen(worker, place) ? place : 0);
  return [
    frames.map(({ known, answer }) => known ? "known" : answer ?? "open"),
    sent,
    noted,
    phase,
    executes,
    flushing,
    stores.map(({ to, value, old }) => `${to}=${value}${old ? "!" : ""}`),
    started,
    pending,
    answers,
    recalled > decided ? recalled : 0,
    looked && (isOver(worker, looked) ? "over" : looked),
    stalled,
  ].join(" ");
}
