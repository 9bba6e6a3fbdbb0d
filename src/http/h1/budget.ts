/** One memory limit for the bodies of all requests in flight. */

import { HttpError } from "./error.ts";

/** Counts the memory of request bodies against one limit for all of them. */
export class BodyBudget {
  readonly #bytes: number;
  readonly #onRefused: () => void;
  /** How many bytes are taken at the moment. */
  used = 0;

  /**
   * @param bytes the limit
   * @param onRefused called for each request that would exceed it
   */
  constructor(bytes: number, onRefused: () => void = () => {}) {
    this.#bytes = bytes;
    this.#onRefused = onRefused;
  }

  /** Takes `bytes` from the budget. @throws {HttpError} 503 if fewer are left; then it takes none */
  take(bytes: number): void {
    if (this.used + bytes > this.#bytes) {
      this.#onRefused();
      throw new HttpError(
        503,
        `The bodies of all requests in flight would take more than ${this.#bytes} bytes; try again later`,
        "bodies",
      );
    }
    this.used += bytes;
  }

  /** Returns bytes that {@linkcode take} has taken. */
  giveBack(bytes: number): void {
    this.used -= bytes;
  }
}
