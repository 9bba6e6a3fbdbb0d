/**
 * Keeps finished spans until they are sent, in batches. It has room for a fixed number: while the receiver is slow or down, further
 * spans are dropped and counted, and no request notices.
 */

import { withLimit } from "../with_limit.ts";
import type { Batch, Batcher } from "./batches.ts";
import type { Batches } from "./settings.ts";
import type { Span } from "./span.ts";

/** Sends a batch to the receiver. @returns the number of spans that the receiver has accepted; never rejects */
export type SendBatch = (batch: Batch, signal: AbortSignal) => Promise<number>;

/** A request that has ended. Its spans are made when they are added to a batch. */
export interface SpanSource {
  spans(): readonly Span[];
}

/**
 * How many requests are gathered before their spans are made. That takes the processor much less time for several in a row than for each
 * alone, and not long enough to delay other requests: about 0.1 ms.
 */
const MAX_GATHERED = 16;

/** What a queue does with spans. */
export interface QueueOptions {
  /** Makes the batches. */
  readonly batcher: Batcher;
  readonly send: SendBatch;
  /** Called for each span that is dropped for lack of room. */
  readonly onDropped: () => void;
  /** Called for a span that can't be part of a batch. */
  readonly onFailed: (error: unknown) => void;
}

/** What became of spans. */
export interface SpanCounts {
  /** Accepted by the receiver. */
  exported: number;
  /** Never sent, for lack of room or because the program ended. */
  dropped: number;
  /** Refused by the receiver, not sent within the time limit, or impossible to send. */
  failed: number;
}

/** A queue of spans with its timer. At most one batch is being sent. */
export class SpanQueue {
  readonly #batches: Batches;
  readonly #options: QueueOptions;
  readonly #stop = new AbortController();
  /** The requests whose spans are not made yet. */
  readonly #gathered: SpanSource[] = [];
  /** How many of them there are at most: fewer if batches are small, which then are sent as soon as they are whole. */
  readonly #gatherMost: number;
  /** Whole batches; the batcher has the spans after them. */
  #whole: Batch[] = [];
  /** The number of spans that wait. */
  #waiting = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  readonly #counts: SpanCounts = { exported: 0, dropped: 0, failed: 0 };

  /** @param batches how many spans wait, and for how long */
  constructor(batches: Batches, options: QueueOptions) {
    this.#batches = batches;
    this.#options = options;
    this.#gatherMost = Math.min(MAX_GATHERED, Math.max(1, batches.batchSize >> 4));
  }

  /** What has become of all spans so far. */
  get counts(): Readonly<SpanCounts> {
    this.#makeSpans();
    return this.#counts;
  }

  /** Adds the spans of a request, as far as there is room. */
  add(source: SpanSource): void {
    this.#gathered.push(source);
    if (this.#gathered.length >= this.#gatherMost) this.#makeSpans();
    if (this.#sending !== undefined) return;
    if (this.#whole.length > 0) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), this.#batches.delayMs);
  }

  /** Sends what waits, until `signal` is aborted; what is left then is dropped. Call it once, as the last method. */
  async stop(signal: AbortSignal): Promise<void> {
    const giveUp = () => this.#stop.abort();
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    while (!this.#stop.signal.aborted && (this.#sending !== undefined || this.#hasSpans())) {
      if (this.#sending === undefined) this.#begin();
      await this.#sending;
    }
    signal.removeEventListener("abort", giveUp);
    clearTimeout(this.#timer);
    this.#makeSpans();
    this.#counts.dropped += this.#waiting;
    this.#waiting = 0;
    this.#whole = [];
    // An aborted transfer ends at once.
    if (this.#sending !== undefined) await withLimit(this.#sending, 1000);
  }

  #hasSpans(): boolean {
    this.#makeSpans();
    return this.#waiting > 0;
  }

  /** Makes the spans of the gathered requests. No request notices that this fails. */
  #makeSpans(): void {
    if (this.#gathered.length === 0) return;
    for (const source of this.#gathered.splice(0)) {
      try {
        for (const span of source.spans()) this.#add(span);
      } catch (error) {
        this.#counts.failed++;
        this.#options.onFailed(error);
      }
    }
  }

  /** Adds a span to the current batch. @throws {Error} if it can't be written */
  #add(span: Span): void {
    const { batcher, onDropped } = this.#options;
    if (this.#waiting >= this.#batches.queueSize) {
      this.#counts.dropped++;
      return onDropped();
    }
    batcher.add(span);
    this.#waiting++;
    if (batcher.count >= this.#batches.batchSize) this.#whole.push(batcher.take());
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#hasSpans()) return;
    this.#sending = this.#sendAll().finally(() => this.#sending = undefined);
  }

  /** Sends one batch, and further ones while there are whole ones. */
  async #sendAll(): Promise<void> {
    do {
      const batch = this.#whole.shift() ?? this.#options.batcher.take();
      this.#waiting -= batch.count;
      const accepted = await this.#options.send(batch, this.#stop.signal);
      this.#counts.exported += accepted;
      this.#counts.failed += batch.count - accepted;
    } while (this.#whole.length > 0 && !this.#stop.signal.aborted);
    if ((this.#waiting > 0 || this.#gathered.length > 0) && !this.#stop.signal.aborted) {
      this.#timer ??= setTimeout(() => this.#begin(), this.#batches.delayMs);
    }
  }
}
