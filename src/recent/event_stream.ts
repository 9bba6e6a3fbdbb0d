/**
 * Streams of Server-Sent Events, a limited number at the same time. Nothing is queued for a reader: the next text is made when its
 * connection can take more.
 *
 * A reader that takes nothing can't be told from a slow one until the buffers of the sockets are full, which may take hours. If there
 * is no place, a new reader therefore gets that of the oldest stream; a page whose stream has ended connects again.
 */

/** What a stream sends, and when it ends. */
export interface EventsOfReader {
  /** Makes the next text; returns undefined if there is nothing to send yet, and null after the last text. */
  readonly next: () => string | undefined | null;
  /** Resolves when there may be more. */
  readonly woken: () => Promise<void>;
  /** Whether the stream is to end, whatever the reader has not seen. */
  readonly isOver: () => boolean;
  /** Called once: when the stream ends, or when its reader leaves. */
  readonly leave?: () => void;
}

/** How long a stream keeps its place, whoever waits for one, in ms: pages must not end each other's streams all the time. */
export const STAY_MS = 60_000;

interface Place {
  readonly since: number;
  /** Ends the stream. */
  readonly end: () => void;
}

/** The streams that are open. */
export class EventStreams {
  readonly #most: number;
  readonly #now: () => number;
  /** The oldest first. */
  readonly #places = new Set<Place>();

  /** @param now the time in ms */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#now = now;
  }

  /** How many are open. */
  get size(): number {
    return this.#places.size;
  }

  /** Opens a stream of UTF-8. Undefined if there is no place, and none of the streams is older than {@linkcode STAY_MS}. */
  open({ next, woken, isOver, leave }: EventsOfReader): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    if (this.#places.size >= this.#most) {
      const [oldest] = this.#places;
      if (oldest === undefined || this.#now() - oldest.since < STAY_MS) return undefined;
      oldest.end();
    }
    const encoder = new TextEncoder();
    let isGone = false;
    let close: () => void;
    const free = () => {
      isGone = true;
      this.#places.delete(place);
      leave?.();
    };
    const end = () => {
      if (isGone) return;
      free();
      close();
    };
    const place: Place = { since: this.#now(), end };
    this.#places.add(place);
    return new ReadableStream({
      start: (controller) => {
        close = () => controller.close();
      },
      pull: async (controller) => {
        while (!isGone && !isOver()) {
          const text = next();
          if (text === null) break;
          if (text !== undefined) return controller.enqueue(encoder.encode(text));
          await woken();
        }
        end();
      },
      cancel: free,
    }, { highWaterMark: 0 });
  }
}
