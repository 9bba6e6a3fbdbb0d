/** The types for a request on its way through the pool. */

import type { Lease } from "../lease.ts";
import type { Failure } from "./failure.ts";
import type { PartStream } from "./part_stream.ts";

/** The client that waits for an answer. */
export interface Client {
  /** Calls the listener when the client disconnects before its answer; at once if it already has. */
  onLeave(listener: () => void): void;
}

/** A request to a model: its input, its metadata and its client. */
export interface Invocation {
  /** A JSON object in UTF-8 with `content_type` and `accept`. */
  readonly metadata: Uint8Array<ArrayBuffer>;
  /** ASCII JSON about the request itself, such as its `id`. */
  readonly context?: string | undefined;
  /** Makes the request head for scripts that read it (see `docs/protocol.md`); not called for other scripts. */
  readonly head?: (() => Uint8Array<ArrayBuffer>) | undefined;
  /** The pool owns the body from now on. A large one is detached, and empty, once a worker has answered. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** The shared memory that `body` is in, maybe a part of it. A worker that has the request holds it as well. */
  readonly lease?: Lease | undefined;
  /** Whether the result's body may be in shared memory: then whoever gets it releases `lease` when it was sent. @default false */
  readonly borrows?: boolean | undefined;
  readonly client?: Client | undefined;
  /** Called when a worker gets the request, with the time that it waited, in ms; again if another worker gets it. */
  readonly onDispatch?: ((waitedMs: number) => void) | undefined;
}

/** The outcome of a request: a result, whole or in parts, or a failure. */
export type Outcome =
  | {
    readonly kind: "result";
    readonly contentType: string;
    readonly body: Uint8Array<ArrayBuffer>;
    /** The shared memory that `body` is in. */
    readonly lease?: Lease | undefined;
    /** Seconds in deserialize, predict and serialize, if the request's metadata asked for them. */
    readonly times?: readonly number[] | undefined;
  }
  /** A result in parts. The stream may still fail later. */
  | { readonly kind: "parts"; readonly contentType: string; readonly parts: PartStream }
  | Failure;

/** An invocation with the callback for its outcome. */
export interface Job extends Invocation {
  readonly settle: (outcome: Outcome) => void;
  /** When the pool accepted it, in ms of `performance.now()`. */
  readonly acceptedAt: number;
}
