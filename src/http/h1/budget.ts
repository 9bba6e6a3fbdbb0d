/** The memory that the bodies of all requests in flight may take together. */

import { HttpError } from "./error.ts";

/** Counts the memory that request bodies take, against a limit for all of them together. */
export class BodyBudget {
  readonly #bytes: number;
  readonly #onRefused: () => void;
  /** How many of them are taken. */
  used = 0;

  /**
   * @param bytes how much there is
   * @param onRefused is called for each request that does not get what it needs
   */
  constructor(bytes: number, onRefused: () => void = () => {}) {
    this.#bytes = bytes;
    this.#onRefused = onRefused;
  }

  /** Takes so many bytes. @throws {HttpError} 503 if they are not left; none are taken then */
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

  /** Gives bytes back that were taken. */
  giveBack(bytes: number): void {
    this.used -= bytes;
  }
}
