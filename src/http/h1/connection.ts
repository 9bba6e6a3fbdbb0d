/**
 * A connection: one request after the other.
 *
 * 1. The connection reads the head and calls the handler with it. The body is read when the handler asks for it.
 * 2. While the handler works, the connection reads ahead to notice when the client stops sending. The client may have left, or may
 *    still wait for its answer: a `Probe` finds out which.
 * 3. The connection sends the answer. It discards a short unread rest of the body; for a long one, it ends.
 * 4. A client's time is limited: `turn` holds when the wait for it began, and the server checks that.
 */

import { latin1 } from "../../bytes.ts";
import { startsWith } from "../../bytes.ts";
import { HttpError } from "./error.ts";
import type { Answer, Framing } from "./answer.ts";
import {
  asksForHeadOnly,
  checkBeginning,
  findHeadEnd,
  type Head,
  MAX_HEAD_BYTES,
  MAX_TARGET,
  parseHead,
} from "./head.ts";
import type { BodyBudget } from "./budget.ts";
import { Input } from "./input.ts";
import { Output } from "./output.ts";
import { Probe } from "./probe.ts";
import { type Incoming, IncomingRequest, type RequestOwner } from "./request.ts";
import { ClientTurn } from "./turn.ts";

/** Answers a request. {@linkcode AnswerError} makes the answer from what it throws. */
export type Handle = (request: Incoming) => Promise<Answer>;

/** What the server knows about a request whose head it can't parse. */
export interface UnreadableRequest {
  /** The first bytes of the request, at most 256, as Latin-1 text. */
  readonly beginning: string;
  /** How long the server waited for the client, in ms. */
  readonly ms: number;
}

/** An answer whose body is not a stream. */
export type WholeAnswer = Answer & { readonly body: Uint8Array<ArrayBuffer> };

/** Makes the answer to a request whose handler threw: an {@linkcode HttpError}, or a bug, which it reports. */
export type AnswerError = (error: unknown) => WholeAnswer;

/** Makes the answer to a request whose head can't be parsed, and records that request. */
export type Refuse = (error: unknown, request: UnreadableRequest) => WholeAnswer;

/** What all connections of a server share. */
export interface ConnectionOwner {
  readonly handle: Handle;
  readonly refuse: Refuse;
  readonly answerError: AnswerError;
  /** Whether each connection ends after its current answer. */
  readonly draining: boolean;
  readonly budget: BodyBudget;
}

/** The longest unread body that is discarded to keep the connection for the next request, in bytes. */
const MAX_LEFT = 64 * 1024;

/** How long, and how much, a client may still send after its last answer, in ms and bytes: it may read that answer only when it has sent all. */
const LINGER_MS = 2000;
const LINGER_BYTES = 16 * 1024 * 1024;

/** Bytes credited to each client in the search for the slowest one; without them, a new client would be the slowest. */
const HEAD_START_BYTES = 16 * 1024;

/** How many bytes of an incomplete head are checked: it may come in many pieces, and each piece repeats the check. */
const MAX_FIRST = 256;

/** The longest head that is kept for a comparison with the next one, in bytes. */
const MAX_KEPT = 1024;

const LF = 0x0a;
const CR = 0x0d;

/** One connection, from its acceptance to its end. */
export class Connection implements RequestOwner {
  readonly #conn: Deno.Conn;
  readonly #owner: ConnectionOwner;
  readonly #output: Output;
  readonly input: Input;
  readonly turn = new ClientTurn();
  #request: IncomingRequest | undefined;
  #probe: Probe | undefined;
  #answering = false;
  /** Whether the last answer is being sent, or waits for the client to read it. */
  #ending = false;
  #closed = false;
  /** The last head that was parsed, and its bytes. */
  #lastHead: Head | undefined;
  #lastBytes = new Uint8Array(0);

  constructor(conn: Deno.Conn, owner: ConnectionOwner) {
    this.#conn = conn;
    this.#owner = owner;
    this.input = new Input(conn, () => this.#onInputEnd());
    this.#output = new Output(conn, this.turn);
  }

  /** Whether the connection has an unanswered request. */
  get busy(): boolean {
    return this.#request !== undefined || this.#ending;
  }

  /**
   * How fast the client sends or reads, in bytes per ms, for a comparison between connections; a new connection gets a high value.
   * Undefined while the client waits for its answer.
   *
   * @param now of `performance.now()`
   */
  speed(now: number): number | undefined {
    const { since, usedAt, receivedBefore } = this.turn;
    if (since === 0 && this.busy) return undefined;
    const sent = since === 0 ? 0 : Math.max(0, this.input.received - receivedBefore);
    return (HEAD_START_BYTES + sent) / Math.max(1, now - (since || usedAt));
  }

  /** Whether the connection is between two requests, or before the first. */
  get idle(): boolean {
    return !this.busy && this.input.length === 0;
  }

  /** Answers requests until the connection ends. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#serve();
    } catch (error) {
      // Anything else is expected: the client stopped reading, the body failed, or we closed the connection.
      if (error instanceof TypeError || error instanceof RangeError) this.#owner.answerError(error);
    } finally {
      this.#request?.release();
      this.#end();
    }
  }

  /** Closes the connection at once. @returns the socket, if an unfinished write or TLS handshake makes Deno keep it until it is shut down */
  close(): Deno.Conn | undefined {
    if (this.#closed) return undefined;
    this.#end();
    const { received } = this.input;
    return this.#output.sending || (received === 0 && "handshake" in this.#conn) ? this.#conn : undefined;
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    void this.#probe?.stop();
    this.#request?.leave();
    try {
      this.#conn.close();
    } catch {
      // The socket is closed already.
    }
  }

  sendContinue(): Promise<void> {
    return this.#output.continue();
  }

  get budget(): BodyBudget {
    return this.#owner.budget;
  }

  onWait(): void {
    this.turn.waitToReceive(this.input.received);
  }

  onWhole(): void {
    this.turn.end();
    // From here on, bytes belong to the next request.
    if (this.input.ended) this.#startProbe();
    else this.input.watch();
  }

  #onInputEnd(): void {
    const request = this.#request;
    if (request === undefined) return;
    if (this.input.failed || !request.whole) request.leave();
    else this.#startProbe();
  }

  /** Called when the client sends no more. The probe tells the request if the client has left. */
  #startProbe(): void {
    // HTTP/1.0 has no interim responses, so we assume that such a client still waits.
    if (this.#closed || this.#answering || this.#probe !== undefined || this.#request?.head.old) return;
    this.#probe = new Probe(() => this.#output.continue(), () => this.#request?.leave());
  }

  /** Stops the interim responses. @returns a promise that resolves when an answer can be sent */
  async #stopProbe(probe: Probe): Promise<void> {
    this.#probe = undefined;
    const last = probe.stop();
    if (last === undefined) return;
    this.turn.waitToSend();
    await last;
  }

  /** Deliberately one async function: every request takes this path, and each nested await costs time (decision 0007). */
  async #serve(): Promise<void> {
    const { input } = this;
    const { handle } = this.#owner;
    while (true) {
      let head: Head | undefined;
      for (let looked = 0; head === undefined;) {
        try {
          head = this.#takeHead(looked);
        } catch (error) {
          return await this.#refuse(error);
        }
        if (head === undefined) {
          looked = input.length;
          if (!await input.more()) return await this.#onHeadEnded();
        }
      }
      const request = new IncomingRequest(head, this);
      this.#request = request;
      this.turn.end();
      if (request.whole) this.onWhole();
      if (input.failed) request.leave();
      let answer: Answer;
      try {
        answer = await handle(request);
      } catch (error) {
        answer = this.#owner.answerError(error);
      }
      let keepAlive: boolean;
      try {
        if (this.#probe !== undefined) await this.#stopProbe(this.#probe);
        const framing = framingOf(head, answer);
        keepAlive = head.keepAlive && !this.#owner.draining && framing.kind !== "close" &&
          (request.whole || request.isLeftUnder(MAX_LEFT));
        const next = !keepAlive ? "close" : head.old ? "keep-alive" : "";
        this.#answering = true;
        let sending: Promise<void>;
        try {
          sending = this.#output.answer(answer, framing, next, request);
        } catch (error) {
          const instead = this.#owner.answerError(error);
          sending = this.#output.answer(instead, framingOf(head, instead), next, request);
        }
        await sending;
      } finally {
        // The kernel has the whole body, or the write has failed: nobody reads it any more.
        answer.lease?.release();
      }
      this.#answering = false;
      if (keepAlive && !request.whole) await request.body(MAX_LEFT);
      request.release();
      this.#request = undefined;
      input.watching = false;
      if (!request.whole || (!keepAlive && input.length > 0)) await this.#linger();
      // A streamed answer takes time, and draining may have begun meanwhile.
      if (!keepAlive || this.#owner.draining) return;
    }
  }

  /**
   * Takes the head of the next request; returns undefined while it is incomplete.
   *
   * @param looked how many bytes earlier calls have searched
   * @throws {HttpError} if the head is malformed or too long
   */
  #takeHead(looked: number): Head | undefined {
    const { input } = this;
    // The empty line that ends a head may be split between two reads.
    const from = input.start + Math.max(0, looked - 3);
    skipEmptyLines(input);
    const { bytes, start, end } = input;
    // An idle connection has no time limit.
    if (start === end) return undefined;
    // Most clients send the same head each time.
    if (looked === 0 && this.#lastHead !== undefined && startsWith(bytes, start, end, this.#lastBytes)) {
      input.skip(this.#lastBytes.length);
      return this.#lastHead;
    }
    const headEnd = findHeadEnd(bytes, Math.max(start, from), end);
    if (headEnd > 0) {
      const head = parseHead(latin1(bytes.subarray(start, headEnd)));
      input.skip(headEnd - start);
      if (headEnd - start <= MAX_KEPT) {
        this.#lastHead = head;
        this.#lastBytes = bytes.slice(start, headEnd);
      }
      return head;
    }
    if (end - start >= MAX_HEAD_BYTES) throw tooLong(input);
    checkBeginning(latin1(bytes.subarray(start, Math.min(end, start + MAX_FIRST))));
    this.onWait();
    return undefined;
  }

  /** Answers an incomplete head when the client sends no more: it may have shut down only its sending side. */
  async #onHeadEnded(): Promise<void> {
    const { length, failed } = this.input;
    if (length > 0 && !failed) await this.#refuse(new HttpError(400, "The request ended within its head"));
  }

  /** Answers a malformed request. Nothing after it can be parsed, so the connection ends. */
  async #refuse(error: unknown): Promise<void> {
    this.#ending = true;
    const { bytes, start, end } = this.input;
    const beginning = latin1(bytes.subarray(start, Math.min(end, start + MAX_FIRST)));
    const ms = this.turn.since === 0 ? 0 : performance.now() - this.turn.since;
    const answer = this.#owner.refuse(error, { beginning, ms });
    const framing: Framing = asksForHeadOnly(beginning)
      ? { kind: "none" }
      : { kind: "length", length: answer.body.length };
    await this.#output.answer(answer, framing, "close");
    await this.#linger();
  }

  /**
   * Gives the client time to read its last answer. If we closed the connection while the client still sends, the kernel would reset it,
   * and the answer could be lost (RFC 9112, section 9.6).
   */
  async #linger(): Promise<void> {
    const { input } = this;
    this.#ending = true;
    const end = input.received + LINGER_BYTES;
    const timer = setTimeout(() => this.#end(), LINGER_MS);
    try {
      await this.#conn.closeWrite();
      while (input.received < end) {
        input.skip(input.length);
        if (!await input.more()) return;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function framingOf({ method, old }: Head, { status, body }: Answer): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return { kind: "none" };
  if (body instanceof Uint8Array) return { kind: "length", length: body.length };
  return { kind: old ? "close" : "chunks" };
}

/** Skips empty lines, which some clients send after a body: RFC 9112, section 2.2. */
function skipEmptyLines(input: Input): void {
  const { bytes, end } = input;
  let at = input.start;
  while (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  if (at > input.start) input.skip(at - input.start);
}

function tooLong({ bytes, start, end }: Input): HttpError {
  return bytes.subarray(start, end).includes(LF)
    ? new HttpError(431, `The headers are longer than ${MAX_HEAD_BYTES} bytes`)
    : new HttpError(414, `The target is longer than ${MAX_TARGET} bytes`);
}
