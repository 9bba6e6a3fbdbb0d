/** What comes on a connection: a buffer that is filled as far as somebody asks for more. */

/** Room for the heads of most requests, and for their small bodies, in bytes: a connection has it for all of its time. */
const BUFFER_BYTES = 4096;

/** Bytes from a socket. What lies between `start` and `end` of the buffer has come, and was not taken yet. */
export class Input {
  readonly #conn: Deno.Conn;
  readonly #onEnd: () => void;
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_BYTES);
  start = 0;
  end = 0;
  /** Whether nothing will come any more. */
  ended = false;
  /** Whether that is because the client reset the connection, or it was closed here: what is sent reaches nobody then. */
  failed = false;
  /** How many bytes have ever come. */
  received = 0;
  /** Whether to read on as long as there is room, though nobody waits: so the end is seen when it comes. */
  watching = false;
  #pending: Promise<boolean> | undefined;

  /** @param onEnd called when `ended` becomes true */
  constructor(conn: Deno.Conn, onEnd: () => void) {
    this.#conn = conn;
    this.#onEnd = onEnd;
  }

  /** Bytes that can be taken. */
  get length(): number {
    return this.end - this.start;
  }

  /** Whether there is room for more without a larger buffer. */
  get hasRoom(): boolean {
    return this.length < this.bytes.length;
  }

  /** Whether what came has filled the buffer, of which much may have been taken: more is probably there. */
  get full(): boolean {
    return this.length > 0 && this.end === this.bytes.length;
  }

  /** Whether somebody waits for more. */
  get reading(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Waits until more has come; the buffer grows if it is full. Whoever asks while another waits, waits for the same.
   *
   * @returns whether it has; if not, nothing will
   */
  more(): Promise<boolean> {
    if (this.#pending !== undefined) return this.#pending;
    if (this.ended) return Promise.resolve(false);
    this.#makeRoom();
    // No async function: there is one of these for each request.
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

  /** Reads on from now on, as {@linkcode watching} says. */
  watch(): void {
    this.watching = true;
    this.#readOn();
  }

  #readOn(): void {
    if (this.hasRoom && !this.ended) void this.more();
  }

  /** The client reset the connection, or it was closed here. */
  readonly #onFailure = (): boolean => {
    this.failed = true;
    return this.#onRead(null);
  };

  /**
   * Reads straight into `target`, past the buffer, which must be empty while nobody waits for more.
   *
   * @returns how many bytes; 0 if nothing will come any more
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

  /** Copies `length` bytes out, all of which have come. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const taken = this.bytes.slice(this.start, this.start + length);
    this.start += length;
    return taken;
  }

  /** Takes `length` bytes that nobody wants. */
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
      // Most of its time a connection waits.
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
