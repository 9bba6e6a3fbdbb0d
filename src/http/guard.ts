/**
 * Keeps a server from being held up by connections that do nothing: a client that sends its request a byte a minute, or
 * not at all, takes a file descriptor, and these are few.
 *
 * A request must come, and its answer be taken, within a time, as of Apache's RequestReadTimeout: a limit, and more for each byte
 * that has come. Connections between two requests stay open, since proxies keep them for long, until descriptors become few.
 */

import { getLogger } from "@logtape/logtape";
import type { Connection, Local, Sockets, SocketTable } from "./sockets.ts";

const log = getLogger(["aimodellib", "http"]);

/** Between two looks, in ms. */
const LOOK_MS = 1000;

/** Bytes per ms that a request must come with once it is over the limit: 1 KiB a second. */
const MIN_RATE = 1024 / 1000;

/** Shares of the file descriptors: above the first, quiet connections are closed until the second is reached. */
const PRESSED = 0.9;
const RELIEVED = 0.8;

/** What a guard needs to know. */
export interface GuardOptions {
  readonly sockets: Sockets;
  readonly local: Local;
  /** How long a request may take to come, in ms. */
  readonly readTimeoutMs: number;
  /** Ports of the clients from which a whole request has come that is not answered yet. */
  readonly executing: () => ReadonlySet<number>;
  /** The server's socket does not listen any more: Deno's stops when a connection can't be accepted. */
  readonly onDeaf: () => void;
}

/** What is kept of a connection between two looks. */
interface Watched {
  readonly port: number;
  readonly sent: number;
  readonly taken: number;
  /** Since when it is the client's turn, and what had come by then; undefined if it is not. */
  readonly since: number | undefined;
  readonly receivedBefore: number;
}

/** Of one server, until disposed. */
export class Guard implements Disposable {
  readonly #options: GuardOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #watched = new Map<number, Watched>();
  /** Whether bytes are counted here at all: some systems that act as Linux leave it out, and Unix sockets have none. */
  #counts = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    Deno.unrefTimer(this.#timer);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    const { sockets, local, onDeaf } = this.#options;
    // It must be known before the server is shut down.
    if (!sockets.read(local).listening) onDeaf();
  }

  #look(): void {
    const { sockets, local, readTimeoutMs, onDeaf } = this.#options;
    const table = sockets.read(local);
    this.#counts ||= table.connections.some(({ received }) => received > 0);
    const late = this.#counts ? this.#findLate(table.connections) : new Set<number>();
    for (const fd of late) sockets.end(fd);
    if (late.size > 0) {
      log.warn("Closed connections whose clients took more than {seconds} s (--read-timeout): {count}", {
        count: late.size,
        seconds: readTimeoutMs / 1000,
      });
    }
    this.#relieve(table, late);
    if (!table.listening) onDeaf();
  }

  #findLate(connections: readonly Connection[]): Set<number> {
    const late = new Set<number>();
    const now = performance.now();
    let executing: ReadonlySet<number> | undefined;
    const before = this.#watched;
    this.#watched = new Map();
    for (const connection of connections) {
      const watched = follow(connection, before.get(connection.fd), now);
      this.#watched.set(connection.fd, watched);
      if (watched.since === undefined) continue;
      const allowed = this.#options.readTimeoutMs + (connection.received - watched.receivedBefore) / MIN_RATE;
      if (now - watched.since <= allowed) continue;
      executing ??= this.#options.executing();
      if (executing.has(connection.port)) this.#watched.delete(connection.fd);
      else late.add(connection.fd);
    }
    return late;
  }

  /** Closes what has been quiet for longest if file descriptors become few. */
  #relieve({ connections, open, limit }: SocketTable, late: ReadonlySet<number>): void {
    if (open - late.size <= limit * PRESSED) return;
    const executing = this.#options.executing();
    const quiet = connections
      .map(({ fd, port, sinceReceived, sinceSent }) => ({ fd, port, ms: Math.min(sinceReceived, sinceSent) }))
      .filter(({ fd, port, ms }) => ms >= LOOK_MS && !late.has(fd) && !executing.has(port))
      .sort((one, other) => other.ms - one.ms)
      .slice(0, Math.ceil(open - late.size - limit * RELIEVED));
    for (const { fd } of quiet) this.#options.sockets.end(fd);
    if (quiet.length === 0) return;
    log.warn(
      "{open} of {limit} file descriptors are open (see ulimit -n); closed connections that were quiet: {count}",
      {
        open,
        limit,
        count: quiet.length,
      },
    );
  }
}

/** What is known of a connection now. */
function follow(connection: Connection, before: Watched | undefined, now: number): Watched {
  const { port, sent, taken, received, untaken, sinceReceived, sinceSent } = connection;
  // Nothing came yet, or nothing was sent since something did: a request is on its way, or executed.
  const clientsTurn = untaken || received === 0 || sent === 0 || sinceReceived < sinceSent;
  if (!clientsTurn) return { port, sent, taken, since: undefined, receivedBefore: received };
  const goesOn = before?.since !== undefined && before.port === port && before.sent === sent && before.taken === taken;
  return goesOn ? before : { port, sent, taken, since: now, receivedBefore: received };
}
