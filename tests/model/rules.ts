/** The rules of the protocol between the supervisor and its workers, each of which the model can break, and the bounds of the model. */

/** The rules of the protocol, all of which the code follows. A test turns each off in turn, and the search must find a fault. */
export interface Rules {
  /** The worker stores `started` before it loads `recalled`. */
  readonly noteFirst: boolean;
  /** The worker stores a word of the ledger at once. Without this rule, it stores zero first, as `struct.pack_into` does. */
  readonly wholeWords: boolean;
  /** The worker does not execute a request that was recalled. */
  readonly heedRecall: boolean;
  /** The supervisor takes requests back only at a check after the recall. */
  readonly waitBeforeTakingBack: boolean;
  /** The supervisor uses the ledger of a living worker only if two successive checks find the same words. */
  readonly compareLooks: boolean;
  /** The supervisor ignores what a worker sends for a request that was settled early or taken back. */
  readonly ignoreKnown: boolean;
  /** A recalled worker gets no further request until it answers. */
  readonly holdBack: boolean;
  /** The supervisor reads the frames that a dead worker has sent before it reads the ledger. */
  readonly readFramesFirst: boolean;
  /** The supervisor delivers the answers in the ledger of a dead worker. */
  readonly readLedger: boolean;
  /** A request that a dead worker had begun is lost, and not tried again. */
  readonly loseBegun: boolean;
  /** A request that a dead worker had not begun goes back to the queue. */
  readonly putBack: boolean;
  /** The worker sends its answers before it resets `pending`. */
  readonly sendFirst: boolean;
  /** The word with `pending` also contains the number of flushes, and therefore never returns to an earlier value. */
  readonly countFlushes: boolean;
}

/**
 * The model's assumptions about the hardware. Each is necessary: a test turns each off in turn, and the search must find a fault.
 * They make a difference in {@linkcode Bounds.memory | weak memory} only.
 */
export interface Assumptions {
  /**
   * Whatever a worker stored before one look is visible at the next. Looks are 5 ms apart, and a store leaves a processor's store buffer
   * in less than a microsecond.
   */
  readonly looksAreFarApart: boolean;
  /**
   * Whatever a worker stored before it executed (or skipped) a request is visible when it stores the answer. The interpreter makes
   * hundreds of stores in between, and a store buffer has room for fewer than a hundred.
   */
  readonly executionTakesLong: boolean;
}

/** All rules hold, as in the code. */
export const RULES: Rules = {
  noteFirst: true,
  wholeWords: true,
  heedRecall: true,
  waitBeforeTakingBack: true,
  compareLooks: true,
  ignoreKnown: true,
  holdBack: true,
  readFramesFirst: true,
  readLedger: true,
  loseBegun: true,
  putBack: true,
  sendFirst: true,
  countFlushes: true,
};

/** All assumptions hold. */
export const ASSUMPTIONS: Assumptions = { looksAreFarApart: true, executionTakesLong: true };

/** The bounds of the model. */
export interface Bounds {
  /** The most requests that a worker may have in flight. */
  readonly window: number;
  /** The most requests that were sent to a worker, and of whose answers the supervisor has read none: in flight, or taken back. */
  readonly unanswered: number;
  /**
   * When a worker's stores become visible to the supervisor: at once, or later and in any order, as on arm64. (Those to one address stay
   * in their order, and all of them are visible before what the worker sends after them: the kernel publishes it with a release.)
   */
  readonly memory: "immediate" | "weak";
}
