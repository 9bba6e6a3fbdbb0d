/** Batches of spans, in the form in which they wait until they are sent. */

import type { Span } from "./span.ts";

/** Spans that are sent with one transfer. */
export interface Batch {
  /** How many spans it has. */
  readonly count: number;
  /** Returns the body of the transfer. @throws {Error} if a span can't be written */
  encode(): Uint8Array<ArrayBuffer>;
}

/** Makes batches, one after the other. */
export interface Batcher {
  /** How many spans the current batch has. */
  readonly count: number;
  /** Adds a span to the current batch. @throws {Error} if it can't be written; it is then not part of the batch */
  add(span: Span): void;
  /** Ends the current batch, and begins another one. */
  take(): Batch;
}

/** Keeps the spans of a batch as they are until it is sent. */
export class PlainBatcher implements Batcher {
  readonly #encode: (spans: readonly Span[]) => Uint8Array<ArrayBuffer>;
  #spans: Span[] = [];

  /** @param encode makes the body of a transfer from spans */
  constructor(encode: (spans: readonly Span[]) => Uint8Array<ArrayBuffer>) {
    this.#encode = encode;
  }

  get count(): number {
    return this.#spans.length;
  }

  add(span: Span): void {
    this.#spans.push(span);
  }

  take(): Batch {
    const spans = this.#spans;
    this.#spans = [];
    return { count: spans.length, encode: () => this.#encode(spans) };
  }
}
