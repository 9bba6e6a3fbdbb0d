/** The receiving side of a connection: a buffer that is filled only when somebody asks for more. */

/** Size of the buffer, in bytes: enough for most heads with a small body. Each connection keeps one until its end. */
const BUFFER_BYTES = 4096;

/** Reads from a socket. The bytes from `start` to `end` of the buffer were received and not yet consumed. */
export class Input {
  readonly #conn: Deno.Conn;
  readonly #onEnd: () => void;
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_BYTES);
  start = 0;
  end = 0;
  /** Whether the client sends no more. */
  ended = false;
  /** Whether it ended because the client reset the connection, or we closed it: then no answer reaches the client. */
  failed = false;
  /** How many bytes were received since the connection began. */
  received = 0;
  /** Whether to keep reading while the buffer has room, though nobody waits: this notices the end at once. */
  watching = false;
  #pending: Promise<boolean> | undefined;

  /** @param onEnd called when `ended` becomes true */
  constructor(conn: Deno.Conn, onEnd: () => void) {
    this.#conn = conn;
    this.#onEnd = onEnd;
  }

  /** How many bytes can be taken now. */
  get length(): number {
    return this.end - this.start;
  }

  /** Whether more bytes fit without a larger buffer. */
  get hasRoom(): boolean {
    return this.length < this.bytes.length;
  }

  /** Whether the last read filled the buffer, so that more bytes are probably waiting. Some of it may be consumed already. */
  get full(): boolean {
    return this.length > 0 && this.end === this.bytes.length;
  }

  /** Whether a read is in progress. */
  get reading(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Waits for more bytes; the buffer grows if it is full. Concurrent callers share one read.
   *
   * @returns false if the client sends no more
   */
  more(): Promise<boolean> {
    if (this.#pending !== undefined) return this.#pending;
    if (this.ended) return Promise.resolve(false);
    this.#makeRoom();
    // Not an async function, which would cost every request time.
    const space = this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
    return this.#pending = this.#conn.read(space).then(this.#onRead, this.#onFailure);
  }

  readonly #onRead = (count: number | null): boolean => {
    this.#pending = undefined;
    const came = this.#count(count);
    this.end += came;
    if (this.watching) this.#readOn();
    return came > 0;
  };

  /** Starts {@linkcode watching}. */
  watch(): void {
    this.watching = true;
    this.#readOn();
  }

  #readOn(): void {
    if (this.hasRoom && !this.ended) void this.more();
  }

  /** Handles a failed read: the client reset the connection, or we closed it. */
  readonly #onFailure = (): boolean => {
    this.failed = true;
    return this.#onRead(null);
  };

  /**
   * Reads directly into `target`, bypassing the buffer. The buffer must be empty, and no other read may be in progress.
   *
   * @returns the number of bytes read; 0 if the client sends no more
   */
  async readInto(target: Uint8Array<ArrayBuffer>): Promise<number> {
    if (this.ended) return 0;
    try {
      return this.#count(await this.#conn.read(target));
    } catch {
      this.failed = true;
      return this.#count(null);
    }
  }

  /** Consumes `length` bytes and returns a copy. At least so many must be in the buffer. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const taken = this.bytes.slice(this.start, this.start + length);
    this.start += length;
    return taken;
  }

  /** Consumes `length` bytes without a copy. */
  skip(length: number): void {
    this.start += length;
  }

  #count(count: number | null): number {
    if (count) {
      this.received += count;
      return count;
    }
    this.ended = true;
    this.#onEnd();
    return 0;
  }

  #makeRoom(): void {
    if (this.start === this.end) {
      this.start = this.end = 0;
      // A connection is idle most of the time, so it does not keep a large buffer.
      if (this.bytes.length > BUFFER_BYTES) this.bytes = new Uint8Array(BUFFER_BYTES);
      return;
    }
    if (this.end < this.bytes.length) return;
    if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
    } else {
      const larger = new Uint8Array(2 * this.bytes.length);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.end -= this.start;
    this.start = 0;
  }
}
