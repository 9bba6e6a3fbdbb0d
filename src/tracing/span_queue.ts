/**
 * Keeps finished spans until they are sent, in batches. It has room for a fixed number: while the receiver is slow or down, further
 * spans are dropped and counted, and no request notices.
 */

import { withLimit } from "../with_limit.ts";
import type { Batches } from "./settings.ts";
import type { Span } from "./span.ts";

/** Sends a batch of spans. @returns the number of spans that the receiver has accepted; never rejects */
export type SendBatch = (spans: readonly Span[], signal: AbortSignal) => Promise<number>;

/** What became of spans. */
export interface SpanCounts {
  /** Accepted by the receiver. */
  exported: number;
  /** Never sent, for lack of room or because the program ended. */
  dropped: number;
  /** Refused by the receiver, or not sent within the time limit. */
  failed: number;
}

/** A queue of spans with its timer. At most one batch is being sent. */
export class SpanQueue {
  readonly #batches: Batches;
  readonly #send: SendBatch;
  readonly #onDropped: () => void;
  readonly #stop = new AbortController();
  #waiting: Span[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  readonly counts: SpanCounts = { exported: 0, dropped: 0, failed: 0 };

  /** @param onDropped is called for each span that is dropped for lack of room */
  constructor(batches: Batches, send: SendBatch, onDropped: () => void) {
    this.#batches = batches;
    this.#send = send;
    this.#onDropped = onDropped;
  }

  /** Adds spans, as far as there is room. */
  add(spans: readonly Span[]): void {
    const { queueSize, batchSize, delayMs } = this.#batches;
    for (const span of spans) {
      if (this.#waiting.length < queueSize) {
        this.#waiting.push(span);
        continue;
      }
      this.counts.dropped++;
      this.#onDropped();
    }
    if (this.#sending !== undefined) return;
    if (this.#waiting.length >= batchSize) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), delayMs);
  }

  /** Sends what waits, until `signal` is aborted; what is left then is dropped. Call it once, as the last method. */
  async stop(signal: AbortSignal): Promise<void> {
    const giveUp = () => this.#stop.abort();
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    while (!this.#stop.signal.aborted && (this.#sending !== undefined || this.#waiting.length > 0)) {
      if (this.#sending === undefined) this.#begin();
      await this.#sending;
    }
    signal.removeEventListener("abort", giveUp);
    clearTimeout(this.#timer);
    this.counts.dropped += this.#waiting.length;
    this.#waiting = [];
    // An aborted transfer ends at once.
    if (this.#sending !== undefined) await withLimit(this.#sending, 1000);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending = this.#sendAll().finally(() => this.#sending = undefined);
  }

  /** Sends one batch, and further ones while there are whole ones. */
  async #sendAll(): Promise<void> {
    const { batchSize, delayMs } = this.#batches;
    do {
      const batch = this.#waiting.splice(0, batchSize);
      const accepted = await this.#send(batch, this.#stop.signal);
      this.counts.exported += accepted;
      this.counts.failed += batch.length - accepted;
    } while (this.#waiting.length >= batchSize && !this.#stop.signal.aborted);
    if (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      this.#timer ??= setTimeout(() => this.#begin(), delayMs);
    }
  }
}
