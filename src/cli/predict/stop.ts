/** Handles the signals that end a run: the first lets requests in flight finish, and the second ends it at once. */

import { exitCodeOf, type StopSignal } from "../../bridge/mod.ts";
import type { Io } from "../terminal/io.ts";

/** Listens for signals until it is disposed. */
export class Stop implements Disposable {
  readonly #first = new AbortController();
  readonly #second = new AbortController();
  readonly #listening: Disposable;
  #name: StopSignal | undefined;

  constructor(io: Io) {
    this.#listening = io.onSignal((name) => {
      this.#name ??= name;
      (this.#first.signal.aborted ? this.#second : this.#first).abort();
    });
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#first.signal;
  }

  /** Aborted by the second signal. */
  get force(): AbortSignal {
    return this.#second.signal;
  }

  /** The name of the first signal; undefined if there was none. */
  get name(): string | undefined {
    return this.#name;
  }

  /** The exit code after a signal; undefined if there was none. */
  get code(): number | undefined {
    return this.#name && exitCodeOf(this.#name);
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }
}
