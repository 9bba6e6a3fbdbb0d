/** The ways in which a request ends without a result. */

/** The reason why a worker gave no result, as its ERROR frame states it. */
export interface WorkerError {
  /**
   * `exception`: the script raised one. `cancelled`: the client disconnected. `recalled`: the supervisor took the request back before
   * the worker began it; no invocation ends with this. The others describe a fault in the value that `serialize` returned.
   */
  readonly reason: "exception" | "not_acceptable" | "bad_result" | "too_large" | "cancelled" | "recalled";
  readonly message: string;
  /** For an exception: the function that raised it. */
  readonly stage?: "deserialize" | "predict" | "predict_batch" | "serialize";
  /** For an exception: the name of its class. */
  readonly type?: string;
  /** Seconds in each function up to the one that failed, if the request's metadata asked for them. Unchecked. */
  readonly times?: unknown;
  /** For an exception that chooses the status of the answer: the status, and pairs of header name and value. Both are unchecked. */
  readonly status?: unknown;
  readonly headers?: unknown;
  /** For such an exception: the parameter of the request that is at fault, and a code for programs. */
  readonly param?: string;
  readonly code?: string;
  /** For an exception, or a recalled request: why the worker can't answer any other request; part of a sentence. Unchecked. */
  readonly broken?: unknown;
}

/** Why a request has no result. */
export type Failure =
  | { readonly kind: "error"; readonly error: WorkerError }
  /** The worker died while it executed the request. It is never retried, since it may have had effects. */
  | { readonly kind: "lost"; readonly cause: string }
  /** The request exceeded its time limit, in ms; its worker was ended. */
  | { readonly kind: "overran"; readonly limitMs: number }
  /** The request was never executed. `timeout`: it waited too long. `gone`: its client disconnected. `failed`: its model can't be loaded. */
  | { readonly kind: "refused"; readonly cause: "loading" | "failed" | "stopping" | "full" | "timeout" | "gone" };
