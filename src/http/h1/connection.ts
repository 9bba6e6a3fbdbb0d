/**
 * A connection: one request after the other.
 *
 * 1. The head is read, and the handler called with it; the body is read when the handler asks for it.
 * 2. While the handler works, what the client sends next is read, so that it is seen when the client sends no more. It may have left, or
 *    wait for its answer nonetheless: a `Probe` finds out.
 * 3. The answer is sent. What is left of a body is thrown away if it is little; if it is much, the connection ends.
 * 4. A client that is waited for has a limited time: `turn` says since when, and the server looks at it.
 */

import { startsWith } from "../../bytes.ts";
import { HttpError } from "./error.ts";
import type { Answer, Framing } from "./answer.ts";
import {
  asksForHeadOnly,
  checkBeginning,
  findHeadEnd,
  type Head,
  latin1,
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

/** Answers a request. What it throws is answered by {@linkcode AnswerError}. */
export type Handle = (request: Incoming) => Promise<Answer>;

/** What is known of a request whose head can't be read. */
export interface UnreadableRequest {
  /** What came first, up to 256 bytes, in Latin-1. */
  readonly beginning: string;
  /** How long the client was waited for, in ms. */
  readonly ms: number;
}

/** An answer whose body is not a stream. */
export type WholeAnswer = Answer & { readonly body: Uint8Array<ArrayBuffer> };

/** Makes the answer to a request whose handler threw: an {@linkcode HttpError}, or a bug, which it reports. */
export type AnswerError = (error: unknown) => WholeAnswer;

/** Makes the answer to a request whose head can't be read, and takes note of that request. */
export type Refuse = (error: unknown, request: UnreadableRequest) => WholeAnswer;

/** What connections of one server share. */
export interface ConnectionOwner {
  readonly handle: Handle;
  readonly refuse: Refuse;
  readonly answerError: AnswerError;
  /** Whether connections are to end when they have answered. */
  readonly draining: boolean;
  readonly budget: BodyBudget;
}

/** The most of a body that is read for the sake of the next request alone, in bytes. */
const MAX_LEFT = 64 * 1024;

/** How long, and how much, a client may go on sending that has its last answer: it may not listen before. In ms and bytes. */
const LINGER_MS = 2000;
const LINGER_BYTES = 16 * 1024 * 1024;

/** What a client is taken to have sent before it is waited for, in bytes, when the slowest is looked for. */
const HEAD_START_BYTES = 16 * 1024;

/** How much of a head is looked at before all of it is there, in bytes: it may come in many pieces. */
const MAX_FIRST = 256;

/** The longest head that is kept to be compared with the next, in bytes. */
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
  /** Whether its last answer is being sent, or is there for the client to take. */
  #ending = false;
  #closed = false;
  /** The head that was read last, and its bytes. */
  #lastHead: Head | undefined;
  #lastBytes = new Uint8Array(0);

  constructor(conn: Deno.Conn, owner: ConnectionOwner) {
    this.#conn = conn;
    this.#owner = owner;
    this.input = new Input(conn, () => this.#onInputEnd());
    this.#output = new Output(conn, this.turn);
  }

  /** Whether there is a request that is not answered. */
  get busy(): boolean {
    return this.#request !== undefined || this.#ending;
  }

  /**
   * How fast the client does what it is waited for, in bytes per ms, to be compared with others: that of one that has just come is high.
   * Undefined if it waits itself, for its answer.
   *
   * @param now of `performance.now()`
   */
  speed(now: number): number | undefined {
    const { since, usedAt, receivedBefore } = this.turn;
    if (since === 0 && this.busy) return undefined;
    const sent = since === 0 ? 0 : Math.max(0, this.input.received - receivedBefore);
    return (HEAD_START_BYTES + sent) / Math.max(1, now - (since || usedAt));
  }

  /** Whether it is between two requests, or before the first. */
  get idle(): boolean {
    return !this.busy && this.input.length === 0;
  }

  /** Answers requests until there are no more. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#serve();
    } catch (error) {
      // Else the client does not take what is sent, the body has failed, or it was closed here.
      if (error instanceof TypeError || error instanceof RangeError) this.#owner.answerError(error);
    } finally {
      this.#request?.release();
      this.#end();
    }
  }

  /** Ends it at once. @returns its socket, if Deno keeps that until it is shut down: for a write, or a handshake, that has not ended */
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
      // It has ended by itself.
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
    // What comes now is the next request's.
    if (this.input.ended) this.#startProbe();
    else this.input.watch();
  }

  #onInputEnd(): void {
    const request = this.#request;
    if (request === undefined) return;
    if (this.input.failed || !request.whole) request.leave();
    else this.#startProbe();
  }

  /** The client sends no more. If it has left, the request whose answer it does not wait for is told. */
  #startProbe(): void {
    // A client of HTTP/1.0 knows of no interim responses: it is taken to wait.
    if (this.#closed || this.#answering || this.#probe !== undefined || this.#request?.head.old) return;
    this.#probe = new Probe(() => this.#output.continue(), () => this.#request?.leave());
  }

  /** Sends no more interim responses. @returns resolves when an answer can be sent */
  async #stopProbe(probe: Probe): Promise<void> {
    this.#probe = undefined;
    const last = probe.stop();
    if (last === undefined) return;
    this.turn.waitToSend();
    await last;
  }

  /** One function, without others that wait for each other: this is the way of every request. */
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
      if (this.#probe !== undefined) await this.#stopProbe(this.#probe);
      const framing = framingOf(head, answer);
      const keepAlive = head.keepAlive && !this.#owner.draining && framing.kind !== "close" &&
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
      this.#answering = false;
      if (keepAlive && !request.whole) await request.body(MAX_LEFT);
      request.release();
      this.#request = undefined;
      input.watching = false;
      if (!request.whole || (!keepAlive && input.length > 0)) await this.#linger();
      // An answer in pieces may have taken long.
      if (!keepAlive || this.#owner.draining) return;
    }
  }

  /**
   * The head of the next request, if all of it has come.
   *
   * @param looked how much was looked at before, in bytes
   * @throws {HttpError} if it is not as it should be
   */
  #takeHead(looked: number): Head | undefined {
    const { input } = this;
    // What comes next may make the end of the head of what came last.
    const from = input.start + Math.max(0, looked - 3);
    skipEmptyLines(input);
    const { bytes, start, end } = input;
    // Between two requests a client may be quiet for as long as it likes.
    if (start === end) return undefined;
    // Most clients say the same each time.
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

  /** No more comes. What has come of a head is answered: the client may have shut its sending side alone. */
  async #onHeadEnded(): Promise<void> {
    const { length, failed } = this.input;
    if (length > 0 && !failed) await this.#refuse(new HttpError(400, "The request ended within its head"));
  }

  /** Answers what can't be read, and what follows it can't be either. */
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
   * Lets the client take its last answer: if the connection were closed while the client sends, the system would reset it, and the
   * answer may be lost (RFC 9112, section 9.6).
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

/** Some clients send them behind a body: RFC 9112, section 2.2. */
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
