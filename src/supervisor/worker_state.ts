/** The states of a worker (`worker.ts` draws them). Each holds what exists only in it. */

import type { BridgeProcess } from "../bridge/mod.ts";
import { messageOf, type ScriptError } from "../errors.ts";
import type { StartupDeadline } from "./deadlines.ts";
import type { Workload } from "./workload.ts";

/** The state of a worker. */
export type WorkerState = Stage | Ending;

/** How far a worker has come. */
export type Stage = Starting | Loading | Ready | { readonly kind: "dead" };

/** Python is starting, and has not connected. */
export interface Starting {
  readonly kind: "starting";
  /** Aborts the start. */
  readonly aborter: AbortController;
  readonly deadline: StartupDeadline;
}

/** The script is loading. The worker does not read its connection. */
export interface Loading {
  readonly kind: "loading";
  readonly process: BridgeProcess;
  readonly deadline: StartupDeadline;
}

/** The script is loaded, and the worker executes jobs. */
export interface Ready {
  readonly kind: "ready";
  readonly process: BridgeProcess;
  readonly jobs: Workload;
  /** The script's description of its tensors, as JSON; undefined if it has none. */
  readonly signature: unknown;
  /** The parts of OpenAI's API that the script offers. */
  readonly openAi: readonly string[];
  /** The number of requests that it takes at once; undefined if it executes one after the other. */
  readonly window: number | undefined;
  /** When the worker became ready, in ms of `performance.now()`. */
  readonly since: number;
}

/** The process will end, and the worker takes no more jobs. It may still answer those that it has. */
export interface Ending {
  readonly kind: "ending";
  /** The state before. */
  readonly stage: Exclude<Stage, { readonly kind: "dead" }>;
  /** Whether the worker was asked to stop. */
  readonly asked: boolean;
  /** Why else the process will end; undefined if it was only asked to. */
  readonly cause: EndCause | undefined;
}

/** What makes a process end, apart from a request to stop. */
export type EndCause =
  | { readonly kind: "load error"; readonly error: ScriptError }
  | { readonly kind: "protocol error"; readonly error: unknown }
  /**
   * We killed it; `reason` is part of a sentence. `overran`: the requests that took too long; empty if the worker executes one
   * request at a time.
   */
  | { readonly kind: "killed"; readonly reason: string; readonly overran?: ReadonlySet<number> };

/**
 * The state of a worker whose process will end.
 *
 * @param cause the first one stays, except that a load error explains more than any other; undefined if the worker was asked to stop
 */
export function endingFor(state: WorkerState, cause: EndCause | undefined): WorkerState {
  if (state.kind === "dead") return state;
  const ending: Ending = state.kind === "ending"
    ? state
    : { kind: "ending", stage: state, asked: false, cause: undefined };
  if (cause === undefined) return { ...ending, asked: true };
  return ending.cause === undefined || cause.kind === "load error" ? { ...ending, cause } : ending;
}

/** Whether a worker was asked to stop, and what else makes its process end. */
export function endOf(state: WorkerState): Pick<Ending, "asked" | "cause"> {
  return state.kind === "ending" ? state : { asked: false, cause: undefined };
}

/**
 * Explains the end of a process, as part of a sentence.
 *
 * @param exit how it ended, which counts if the state holds no cause; undefined if it has not ended
 */
export function explain(state: WorkerState, exit: string | undefined): string {
  const { cause } = endOf(state);
  if (cause?.kind === "load error") return cause.error.message;
  if (exit === undefined) return "SIGKILL did not end it";
  if (cause?.kind === "killed") return cause.reason;
  return cause === undefined ? exit : `it broke the protocol: ${messageOf(cause.error)}`;
}

/** How far a worker has come, whether or not its process will end now. */
export function stageOf(state: WorkerState): Stage {
  return state.kind === "ending" ? state.stage : state;
}
