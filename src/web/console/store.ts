/** State that several components share: a value with listeners. */

import { useSyncExternalStore } from "hono/jsx/dom";

/** A value that components can follow. */
export class Store<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  /** The current value, which must not be modified in place. */
  get value(): T {
    return this.#value;
  }

  /** Replaces the value, and tells all listeners if it differs. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Replaces some members of a value that is an object. */
  patch(members: Partial<T>): void {
    this.set({ ...this.#value, ...members });
  }

  /** Calls `listener` after each change. @returns a function that ends this */
  subscribe = (listener: () => void): () => void => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** Returns a store's value, and renders the calling component again when it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, () => store.value);
}
