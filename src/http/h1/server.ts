/**
 * A server of HTTP/1.1, and of HTTP/1.0: RFC 9110 and RFC 9112, on sockets of any kind.
 *
 * It keeps itself from being held up by connections that do nothing: a client that sends its request a byte a minute, or
 * not at all, takes a file descriptor, and these are few. A request must come within a time, as of Apache's RequestReadTimeout: a
 * limit, and more for each byte that has come. Something of an answer must be taken within that limit. Connections between
 * two requests stay open, since proxies keep them for long, until descriptors become few: then the slowest clients are closed.
 */

import { getLogger } from "@logtape/logtape";
import { reasonOf } from "../../errors.ts";
import { BodyBudget } from "./budget.ts";
import {
  type AnswerError,
  Connection,
  type ConnectionOwner,
  type Handle,
  type Refuse,
  type WholeAnswer,
} from "./connection.ts";
import { type DescriptorCounter, descriptorCounter } from "./descriptors.ts";
import { HttpError } from "./error.ts";
import { setNoDelay, shutDown } from "./sockets.ts";

const log = getLogger(["aimodellib", "http"]);

/** Between two looks at all connections, in ms. */
const LOOK_MS = 1000;

/** Bytes per ms that a request must come with once it is over the limit: 1 KiB a second. */
const MIN_RATE = 1024 / 1000;

/** Shares of the file descriptors: above the first, the slowest clients' connections are closed until the second is reached. */
const PRESSED = 0.9;
const RELIEVED = 0.8;

/** Before a connection is accepted again when there was no descriptor or memory for one, in ms. */
const ACCEPT_PAUSE_MS = 100;

/** What accept(2) says of a connection that ended before it was accepted, or of the network below it: the next one may be good. */
const LOST = new Set([
  "ENOTCONN",
  "ECONNABORTED",
  "ECONNRESET",
  "EPROTO",
  "EPERM",
  "EINTR",
  "ENETDOWN",
  "ENOPROTOOPT",
  "EHOSTDOWN",
  "ENONET",
  "EHOSTUNREACH",
  "EOPNOTSUPP",
  "ENETUNREACH",
  "ETIMEDOUT",
]);

/** For requests that are on their way when the server begins to drain, in ms. */
const DRAIN_GRACE_MS = 100;

/** A listening socket of any kind: TCP, TLS or Unix. */
export type Listener = Deno.Listener<Deno.Conn, Deno.Addr>;

/** What a server needs to know. */
export interface HttpServerOptions {
  readonly handle: Handle;
  /** @default the same as `answerError` */
  readonly refuse?: Refuse | undefined;
  /** @default the reason as plain text, and for anything but an {@linkcode HttpError} a 500 and a record in the log */
  readonly answerError?: AnswerError | undefined;
  /** How long a request may take to come, in ms. */
  readonly readTimeoutMs: number;
  /** The memory that the bodies of all requests in flight may take, in bytes; by default, there is no limit. */
  readonly maxBodyMemory?: number | undefined;
  /** Called for each request whose body does not fit into that memory. */
  readonly onBodyRefused?: () => void;
  /** What the system says of file descriptors. */
  readonly descriptors?: DescriptorCounter;
}

/** Answers on the connections that its listeners accept. */
export class HttpServer implements ConnectionOwner {
  readonly handle: Handle;
  readonly refuse: Refuse;
  readonly answerError: AnswerError;
  readonly budget: BodyBudget;
  readonly #readTimeoutMs: number;
  readonly #descriptors: DescriptorCounter;
  readonly #listeners = new Set<Listener>();
  readonly #connections = new Set<Connection>();
  readonly #timer: ReturnType<typeof setInterval>;
  #grace: ReturnType<typeof setTimeout> | undefined;
  /** Whether the log has it, since the last look, that a connection could not be accepted. */
  #complained = false;
  #onEmpty: (() => void) | undefined;
  #drained: Promise<void> | undefined;
  draining = false;

  constructor(options: HttpServerOptions) {
    this.handle = options.handle;
    this.answerError = options.answerError ?? inPlainText;
    this.refuse = options.refuse ?? this.answerError;
    this.budget = new BodyBudget(options.maxBodyMemory ?? Infinity, options.onBodyRefused);
    this.#readTimeoutMs = options.readTimeoutMs;
    this.#descriptors = options.descriptors ?? descriptorCounter();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Accepts connections of a listener until {@linkcode ignore} is called with it. */
  listen(listener: Listener): void {
    setNoDelay(listener);
    this.#listeners.add(listener);
    void this.#accept(listener);
  }

  /** Closes a listener; connections that it has accepted stay. */
  ignore(listener: Listener): void {
    if (this.#listeners.delete(listener)) listener.close();
  }

  /** Stops accepting; resolves when every request that has come has its answer, and all connections are closed. */
  drain(): Promise<void> {
    return this.#drained ??= this.#drain();
  }

  async #drain(): Promise<void> {
    this.draining = true;
    for (const listener of this.#listeners) this.ignore(listener);
    if (this.#connections.size > 0) {
      this.#grace = setTimeout(() => this.#close([...this.#connections].filter(({ idle }) => idle)), DRAIN_GRACE_MS);
      await new Promise<void>((resolve) => this.#onEmpty = resolve);
    }
    this.close();
  }

  /** Ends all connections at once. */
  close(): void {
    for (const listener of this.#listeners) this.ignore(listener);
    this.#close([...this.#connections]);
    clearInterval(this.#timer);
    clearTimeout(this.#grace);
  }

  #close(connections: readonly Connection[]): void {
    const stuck: Deno.Conn[] = [];
    for (const connection of connections) {
      const conn = connection.close();
      if (conn !== undefined) stuck.push(conn);
      // What is stuck may end late, or never.
      this.#forget(connection);
    }
    if (stuck.length > 0) shutDown(stuck);
  }

  /** Closes connections whose clients take too long, and those of the slowest if file descriptors are few. */
  look(): void {
    this.#complained = false;
    const now = performance.now();
    const late: Connection[] = [];
    for (const connection of this.#connections) {
      const { since, receivedBefore } = connection.turn;
      if (since === 0) continue;
      const allowed = this.#readTimeoutMs + Math.max(0, connection.input.received - receivedBefore) / MIN_RATE;
      if (now - since > allowed) late.push(connection);
    }
    if (late.length > 0) {
      this.#close(late);
      log.warn("Closed connections whose clients took more than {seconds} s (--read-timeout): {count}", {
        count: late.length,
        seconds: this.#readTimeoutMs / 1000,
      });
    }
    this.#relieve();
  }

  async #accept(listener: Listener): Promise<void> {
    while (true) {
      let conn: Deno.Conn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (!this.#listeners.has(listener)) return;
        if (LOST.has((error as { code?: string }).code ?? "")) continue;
        // Mostly there is no file descriptor left.
        if (!this.#relieve(Infinity) && !this.#complained) {
          this.#complained = true;
          log.warn("A connection could not be accepted: {reason}", { reason: reasonOf(error) });
        }
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      const connection = new Connection(conn, this);
      this.#connections.add(connection);
      void connection.run().then(() => this.#forget(connection));
    }
  }

  #forget(connection: Connection): void {
    if (this.#connections.delete(connection) && this.#connections.size === 0) this.#onEmpty?.();
  }

  /**
   * Closes the connections of the slowest clients if file descriptors become few: of those that send or take something, or are between
   * two requests, but not of those that wait for an answer. One that has just come is given time.
   *
   * @param atLeast how many are known to be open
   * @returns whether any were closed
   */
  #relieve(atLeast = this.#connections.size): boolean {
    const { open, limit } = this.#descriptors(atLeast);
    if (open <= limit * PRESSED) return false;
    const now = performance.now();
    const slowest = [...this.#connections]
      .map((connection) => ({ connection, speed: connection.speed(now) ?? Infinity }))
      .filter(({ speed }) => speed < Infinity)
      .sort((one, other) => one.speed - other.speed)
      .slice(0, Math.ceil(open - limit * RELIEVED))
      .map(({ connection }) => connection);
    if (slowest.length === 0) return false;
    this.#close(slowest);
    log.warn(
      "{open} of {limit} file descriptors are open (see ulimit -n); closed the connections of the slowest clients: {count}",
      { open, limit, count: slowest.length },
    );
    return true;
  }
}

function inPlainText(error: unknown): WholeAnswer {
  const known = error instanceof HttpError;
  if (!known) log.error("A request failed: {error}", { error: error instanceof Error ? error.stack : String(error) });
  return {
    status: known ? error.status : 500,
    headers: { "content-type": "text/plain;charset=UTF-8" },
    body: new TextEncoder().encode(known ? `${error.message}\n` : "The server failed\n"),
  };
}
