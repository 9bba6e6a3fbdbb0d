/** A request on its way through the pool. */

import type { PartStream } from "./part_stream.ts";

/** Who waits for an answer. */
export interface Client {
  /** Has a listener called when it leaves before it has its answer; at once if it has left already. */
  onLeave(listener: () => void): void;
}

/** What a request asks for. */
export interface Invocation {
  /** UTF-8 JSON: `content_type` and `accept`. */
  readonly metadata: Uint8Array<ArrayBuffer>;
  /** JSON in ASCII: what is known of the request itself, such as its `id`. */
  readonly context?: string | undefined;
  /** Gives the lines that say which request this is, for a script that asks: see `docs/protocol.md`. Not called for one that can't ask. */
  readonly head?: (() => Uint8Array<ArrayBuffer>) | undefined;
  /** The pool's own from now on: a large one is empty as soon as a worker has answered. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly client?: Client | undefined;
}

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

/** How a request ended. */
export type Outcome =
  | { readonly kind: "result"; readonly contentType: string; readonly body: Uint8Array<ArrayBuffer> }
  /** A result that comes in parts, whatever becomes of it. */
  | { readonly kind: "parts"; readonly contentType: string; readonly parts: PartStream }
  | { readonly kind: "error"; readonly error: WorkerError }
  /** The worker died while it executed the request; it is never tried again. */
  | { readonly kind: "lost"; readonly cause: string }
  /** It took longer than a request may; its worker was ended. */
  | { readonly kind: "overran"; readonly limitMs: number }
  /** It was never executed. `timeout`: it waited too long. `gone`: its client left. `failed`: its model can't be loaded. */
  | { readonly kind: "refused"; readonly cause: "loading" | "failed" | "stopping" | "full" | "timeout" | "gone" };

/** An invocation, and whom to tell its outcome. */
export interface Job extends Invocation {
  readonly settle: (outcome: Outcome) => void;
  /** When it was accepted, in ms of `performance.now()`. */
  readonly acceptedAt: number;
}
