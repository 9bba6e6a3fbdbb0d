/** A request on its way through the pool. */

import type { Failure } from "./failure.ts";
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

/** How a request ended. */
export type Outcome =
  | { readonly kind: "result"; readonly contentType: string; readonly body: Uint8Array<ArrayBuffer> }
  /** A result that comes in parts, whatever becomes of it. */
  | { readonly kind: "parts"; readonly contentType: string; readonly parts: PartStream }
  | Failure;

/** An invocation, and whom to tell its outcome. */
export interface Job extends Invocation {
  readonly settle: (outcome: Outcome) => void;
  /** When it was accepted, in ms of `performance.now()`. */
  readonly acceptedAt: number;
}
