/**
 * Merges several streams into one text without mixing their lines: while one stream is within a line, the others wait for its end, but
 * no longer than {@linkcode HOLD_MS}. After that, the line is broken.
 */

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** How long other streams wait for the end of a line, in ms. */
const HOLD_MS = 100;
/** The most bytes that may wait. */
const MAX_HELD = 256 * 1024;

/** Takes the bytes of one stream as they arrive. */
export type JoinedStream = (bytes: Uint8Array) => void;

/** Bytes that wait for the end of another stream's line. */
interface Held {
  readonly stream: JoinedStream;
  readonly bytes: Uint8Array;
}

/** Merges streams, each of which is a function that takes bytes. */
export class LineJoiner {
  readonly #write: (bytes: Uint8Array) => void;
  /** The stream whose line is incomplete. */
  #owner: JoinedStream | undefined;
  /** The stream whose line ended with a carriage return. Only the next state of its progress bar may replace that line. */
  #bar: JoinedStream | undefined;
  #held: Held[] = [];
  #heldBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param write takes the text, in pieces */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** Creates one of the streams. */
  stream(): JoinedStream {
    const stream = (bytes: Uint8Array) => this.#take(stream, bytes);
    return stream;
  }

  /** Writes all waiting bytes. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#held.length === 0) return;
    if (this.#owner !== undefined) this.#write(Uint8Array.of(NEWLINE));
    this.#owner = undefined;
    this.#release();
    // Held streams may have held each other up again.
    this.flush();
  }

  #take(stream: JoinedStream, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if ((this.#owner ?? stream) !== stream || this.#held.length > 0 && this.#owner !== stream) {
      this.#hold({ stream, bytes: bytes.slice() });
      return;
    }
    const end = Math.max(bytes.lastIndexOf(NEWLINE), bytes.lastIndexOf(CARRIAGE_RETURN)) + 1;
    if (this.#bar !== undefined && this.#bar !== stream) this.#write(Uint8Array.of(NEWLINE));
    this.#bar = undefined;
    // If no other stream waits, bytes pass through unchanged.
    if (end === 0 || end === bytes.length || this.#held.length === 0) {
      this.#write(bytes);
      this.#owner = end === bytes.length ? undefined : stream;
      if (end > 0 && bytes[end - 1] === CARRIAGE_RETURN && end === bytes.length) this.#bar = stream;
    } else {
      this.#write(bytes.subarray(0, end));
      this.#owner = undefined;
      if (bytes[end - 1] === CARRIAGE_RETURN) this.#bar = stream;
      this.#held.push({ stream, bytes: bytes.slice(end) });
      this.#heldBytes += bytes.length - end;
    }
    if (this.#owner === undefined) this.#release();
  }

  #hold(held: Held): void {
    this.#held.push(held);
    this.#heldBytes += held.bytes.length;
    if (this.#heldBytes > MAX_HELD) this.flush();
    else this.#timer ??= unreferenced(setTimeout(() => this.flush(), HOLD_MS));
  }

  /** Passes on waiting bytes until a line is incomplete again. */
  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { stream, bytes } of held) this.#take(stream, bytes);
    if (this.#held.length > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Makes a timer that does not keep the process alive. */
function unreferenced(timer: ReturnType<typeof setTimeout>): ReturnType<typeof setTimeout> {
  Deno.unrefTimer(Number(timer));
  return timer;
}
