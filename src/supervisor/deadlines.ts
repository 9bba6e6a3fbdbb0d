/** The time limits of a worker's process: for its start, for its exit, and for the rest of its output. `execution_clock.ts` has those of requests. */

import type { BridgeProcess } from "../bridge/mod.ts";
import { withLimit } from "../with_limit.ts";

/** After a process has ended: how long to wait for more frames, and at most for all of them, in ms. */
const READ_REST_MS = 50;
const READ_ALL_MS = 1_000;

/** How long a worker may live after it closed its connection, in ms. */
const EXIT_LIMIT_MS = 1_000;

/** Limits the time from a worker's start until it has loaded the script. */
export class StartupDeadline implements Disposable {
  readonly #limitMs: number | undefined;
  readonly #onLate: (reason: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param limitMs the limit in ms; undefined for no limit
   * @param onLate called with the reason, as part of a sentence, if the limit passes before this is disposed
   */
  constructor(limitMs: number | undefined, onLate: (reason: string) => void) {
    this.#limitMs = limitMs;
    this.#onLate = onLate;
  }

  /** Starts the time. */
  start(): void {
    const limitMs = this.#limitMs;
    if (limitMs === undefined) return;
    this.#timer = setTimeout(
      () => this.#onLate(`it was not ready within --startup-timeout ${limitMs / 1000}`),
      limitMs,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** Waits up to a second for the exit of a worker that has closed its connection. @returns whether it has ended */
export function exitsSoon({ ended }: Pick<BridgeProcess, "ended">): Promise<boolean> {
  return withLimit(ended, EXIT_LIMIT_MS);
}

/** Waits for the exit of a worker whose stream ended within a frame, as that of a killed one does. @returns whether it has ended */
export function exitsAtOnce({ ended }: Pick<BridgeProcess, "ended">): Promise<boolean> {
  return withLimit(ended, READ_REST_MS);
}

/**
 * After a process has ended: waits until its stream ends, or until no more bytes arrive, since another process may hold it open.
 *
 * @param reading resolves when the stream has ended
 */
export async function readRest(
  { connection }: Pick<BridgeProcess, "connection">,
  reading: Promise<void>,
): Promise<void> {
  const start = performance.now();
  // One quiet interval is not enough: if our process was stopped, the first timer fires before the waiting bytes are read.
  for (let quiet = 0; quiet < 2 && performance.now() - start < READ_ALL_MS;) {
    const { received } = connection;
    if (await withLimit(reading, READ_REST_MS / 2)) return;
    quiet = connection.received > received ? 0 : quiet + 1;
  }
}
