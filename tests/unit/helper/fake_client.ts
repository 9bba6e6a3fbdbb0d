/** A client that disconnects when a test says so. */

import type { Client } from "../../../src/supervisor/mod.ts";

export class FakeClient implements Client {
  #left = false;
  readonly #listeners: (() => void)[] = [];

  onLeave(listener: () => void): void {
    if (this.#left) listener();
    else this.#listeners.push(listener);
  }

  leave(): void {
    this.#left = true;
    for (const listener of this.#listeners) listener();
  }
}
