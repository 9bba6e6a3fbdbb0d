/** A stream of Server-Sent Events for one reader. Nothing is queued: the next text is made when the connection can take more. */

/** What a stream sends, and when it ends. */
export interface EventsOfReader {
  /** Makes the next text: undefined if there is none now, null if nothing follows. */
  readonly next: () => string | undefined | null;
  /** Resolves when there may be more. */
  readonly woken: () => Promise<void>;
  /** Whether the stream is to end, whatever the reader has not seen. */
  readonly isOver: () => boolean;
  /** Called once: when the stream ends, or when its reader leaves. */
  readonly leave: () => void;
}

/** Makes the stream, as UTF-8. */
export function eventStream({ next, woken, isOver, leave }: EventsOfReader): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let isGone = false;
  const end = () => {
    isGone = true;
    leave();
  };
  return new ReadableStream({
    pull: async (controller) => {
      while (!isGone && !isOver()) {
        const text = next();
        if (text === null) break;
        if (text !== undefined) return controller.enqueue(encoder.encode(text));
        await woken();
      }
      if (isGone) return;
      end();
      controller.close();
    },
    cancel: end,
  }, { highWaterMark: 0 });
}
