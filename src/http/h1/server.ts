/**
 * A server for HTTP/1.1 and HTTP/1.0 (RFC 9110 and RFC 9112) on sockets of any kind.
 *
 * It protects itself from slow clients: one that sends a byte a minute, or nothing, holds a file descriptor, and these are limited.
 * As with Apache's RequestReadTimeout, a request must arrive within a time limit that grows with each byte received. A client must
 * read some of its answer within the same limit. Connections between two requests stay open, since proxies keep them for long; when
 * descriptors run short, the server closes the connections of the slowest clients.
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

/** Interval between two checks of all connections, in ms. */
const LOOK_MS = 1000;

/** The slowest rate of a request that exceeds the time limit, in bytes per ms: 1 KiB a second. */
const MIN_RATE = 1024 / 1000;

/** Fractions of the descriptor limit: above the first, the server closes the slowest clients' connections down to the second. */
const PRESSED = 0.9;
const RELIEVED = 0.8;

/** Pause after a failed accept, in ms: usually there was no descriptor or memory for the connection. */
const ACCEPT_PAUSE_MS = 100;

/** Errors of accept(2) that concern one connection or its network: the server accepts the next one at once. */
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

/** How long idle connections stay open when draining begins, in ms: a request may be on its way. */
const DRAIN_GRACE_MS = 100;

/** How long a client then has for the rest of a request's head, in ms. Without this limit, one that has stalled would hold up the end. */
const DRAIN_HEAD_MS = 2000;

/**
 * Draining closes a listener when it has accepted no connection between so many looks, which are so many ms apart. Connections wait in its
 * queue if the process was busy, and the system resets them when it is closed. One look is not enough: a timer that is late fires before
 * the connections that came meanwhile are accepted.
 */
const DRAIN_LOOKS = 3;
const DRAIN_LOOK_MS = 3;

/** A listening socket of any kind: TCP, TLS or Unix. */
export type Listener = Deno.Listener<Deno.Conn, Deno.Addr>;

/** Options of an {@linkcode HttpServer}. */
export interface HttpServerOptions {
  readonly handle: Handle;
  /** @default the same as `answerError` */
  readonly refuse?: Refuse | undefined;
  /** @default the reason as plain text; anything but an {@linkcode HttpError} gives a 500 and a log record */
  readonly answerError?: AnswerError | undefined;
  /** Time to receive a request, in ms; each KiB received adds a second. */
  readonly readTimeoutMs: number;
  /** Memory limit for the bodies of all requests in flight, in bytes. @default no limit */
  readonly maxBodyMemory?: number | undefined;
  /** Called for each request whose body exceeds that limit. */
  readonly onBodyRefused?: () => void;
  /** Counts file descriptors; tests replace it. */
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
  /** Whether a failed accept was logged since the last check. */
  #complained = false;
  #onEmpty: (() => void) | undefined;
  #drained: Promise<void> | undefined;
  /** How many connections were accepted. */
  #accepted = 0;
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

  /** Accepts connections from a listener, until {@linkcode ignore} is called with it. */
  listen(listener: Listener): void {
    setNoDelay(listener);
    this.#listeners.add(listener);
    void this.#accept(listener);
  }

  /** Closes a listener; the connections that it has accepted stay open. */
  ignore(listener: Listener): void {
    if (this.#listeners.delete(listener)) listener.close();
  }

  /**
   * Accepts the connections that wait in the queues of its listeners, for at most {@linkcode DRAIN_GRACE_MS}, and closes these.
   *
   * @returns a promise that resolves when every request is answered and all connections are closed
   */
  drain(): Promise<void> {
    return this.#drained ??= this.#drain();
  }

  async #drain(): Promise<void> {
    this.draining = true;
    const end = performance.now() + DRAIN_GRACE_MS;
    for (let quiet = 0; quiet < DRAIN_LOOKS && performance.now() < end;) {
      const before = this.#accepted;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
      quiet = this.#accepted === before ? quiet + 1 : 0;
    }
    for (const listener of this.#listeners) this.ignore(listener);
    if (this.#connections.size > 0) {
      this.#grace = setTimeout(() => {
        this.#close([...this.#connections].filter(({ idle }) => idle));
        this.#grace = setTimeout(() => this.#closeStalled(), DRAIN_HEAD_MS);
      }, DRAIN_GRACE_MS);
      await new Promise<void>((resolve) => this.#onEmpty = resolve);
    }
    this.close();
  }

  /** Closes the connections that have no request, since its head is incomplete. */
  #closeStalled(): void {
    const stalled = [...this.#connections].filter(({ busy }) => !busy);
    if (stalled.length === 0) return;
    this.#close(stalled);
    log.warn("Closed connections whose clients did not send a whole head before the end: {count}", {
      count: stalled.length,
    });
  }

  /** Closes all listeners and connections at once. */
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
      // A stuck socket may close late, or never; nothing waits for it.
      this.#forget(connection);
    }
    if (stuck.length > 0) shutDown(stuck);
  }

  /** Closes connections that exceed the time limit, and the slowest ones if file descriptors run short. */
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
        // The usual reason is that no file descriptor is free.
        if (!this.#relieve(Infinity) && !this.#complained) {
          this.#complained = true;
          log.warn("A connection could not be accepted: {reason}", { reason: reasonOf(error) });
        }
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      this.#accepted++;
      const connection = new Connection(conn, this);
      this.#connections.add(connection);
      void connection.run().then(() => this.#forget(connection));
    }
  }

  #forget(connection: Connection): void {
    if (this.#connections.delete(connection) && this.#connections.size === 0) this.#onEmpty?.();
  }

  /**
   * Closes the connections of the slowest clients if file descriptors run short. Clients that wait for an answer are exempt;
   * new connections count as fast.
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
