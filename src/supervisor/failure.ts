/** How a request ends that has no result. */

/** Why a worker gave no result. */
export interface WorkerError {
  /**
   * `exception`: the script raised. `cancelled`: its client left. `recalled`: it was not begun, since the supervisor has taken it
   * back; no invocation ends so. The others say what was wrong with what `serialize` returned.
   */
  readonly reason: "exception" | "not_acceptable" | "bad_result" | "too_large" | "cancelled" | "recalled";
  readonly message: string;
  /** For an exception: the function that raised it. */
  readonly stage?: "deserialize" | "predict" | "predict_batch" | "serialize";
  /** For an exception: its class. */
  readonly type?: string;
  /** For an exception that chooses its answer's status: that, and pairs of a header's name and value. Neither is checked. */
  readonly status?: unknown;
  readonly headers?: unknown;
}

/** Why a request has no result. */
export type Failure =
  | { readonly kind: "error"; readonly error: WorkerError }
  /** The worker died while it executed the request; it is never tried again. */
  | { readonly kind: "lost"; readonly cause: string }
  /** It took longer than a request may; its worker was ended. */
  | { readonly kind: "overran"; readonly limitMs: number }
  /** It was never executed. `timeout`: it waited too long. `gone`: its client left. `failed`: its model can't be loaded. */
  | { readonly kind: "refused"; readonly cause: "loading" | "failed" | "stopping" | "full" | "timeout" | "gone" };
