/**
 * A connection: one request after the other.
 *
 * 1. The head is read, and the handler called with it; the body is read when the handler asks for it.
 * 2. While the handler works, what the client sends next is read, so that it is seen when the client leaves.
 * 3. The answer is sent. What is left of a body is thrown away if it is little; if it is much, the connection ends.
 * 4. A client that is waited for has a limited time: `turn` says since when, and the server looks at it.
 */

import { startsWith } from "../../bytes.ts";
import { HttpProblem, problemFrom } from "../problem.ts";
import type { Answer, Framing } from "./answer.ts";
import { canBegin, findHeadEnd, type Head, latin1, MAX_HEAD_BYTES, MAX_TARGET, notHttp, parseHead } from "./head.ts";
import { Input } from "./input.ts";
import { Output } from "./output.ts";
import { type Incoming, IncomingRequest, type RequestOwner } from "./request.ts";
import { ClientTurn } from "./turn.ts";

/** Answers a request. What it throws is answered as a problem. */
export type Handle = (request: Incoming) => Promise<Answer>;

/** What connections of one server share. */
export interface ConnectionOwner {
  readonly handle: Handle;
  /** Whether connections are to end when they have answered. */
  readonly draining: boolean;
}

/** The most of a body that is read for the sake of the next request alone, in bytes. */
const MAX_LEFT = 64 * 1024;

/** How long, and how much, a client may go on sending that has its last answer: it may not listen before. In ms and bytes. */
const LINGER_MS = 2000;
const LINGER_BYTES = 16 * 1024 * 1024;

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
  /** Whether its last answer is being sent, or is there for the client to take. */
  #ending = false;
  #closed = false;
  /** The head that was read last, and its bytes. */
  #lastHead: Head | undefined;
  #lastBytes = new Uint8Array(0);

  constructor(conn: Deno.Conn, owner: ConnectionOwner) {
    this.#conn = conn;
    this.#owner = owner;
    this.input = new Input(conn, () => this.#request?.leave());
    this.#output = new Output(conn, this.turn);
  }

  /** Whether there is a request that is not answered. */
  get busy(): boolean {
    return this.#request !== undefined || this.#ending;
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
      if (error instanceof TypeError || error instanceof RangeError) problemFrom(error);
    } finally {
      this.#end();
    }
  }

  /** Ends it at once. @returns its socket, if that is kept by a write until it is shut down */
  close(): Deno.Conn | undefined {
    if (this.#closed) return undefined;
    this.#end();
    return this.#output.sending ? this.#conn : undefined;
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
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

  onWait(): void {
    this.turn.waitToReceive(this.input.received);
  }

  onWhole(): void {
    this.turn.end();
    // What comes now is the next request's. Its end is that of the client.
    this.input.watch();
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
          if (!await input.more()) return;
        }
      }
      const request = new IncomingRequest(head, this);
      this.#request = request;
      this.turn.end();
      if (input.ended) request.leave();
      let answer: Answer;
      try {
        answer = await handle(request);
      } catch (error) {
        answer = problemFrom(error).toAnswer();
      }
      const framing = framingOf(head, answer);
      const keepAlive = head.keepAlive && !this.#owner.draining && framing.kind !== "close" &&
        (request.whole || request.isLeftUnder(MAX_LEFT));
      const next = !keepAlive ? "close" : head.old ? "keep-alive" : "";
      let sending: Promise<void>;
      try {
        sending = this.#output.answer(answer, framing, next, request);
      } catch (error) {
        const problem = problemFrom(error).toAnswer();
        sending = this.#output.answer(problem, framingOf(head, problem), next, request);
      }
      await sending;
      if (keepAlive && !request.whole) await request.body(MAX_LEFT);
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
   * @throws {HttpProblem} if it is not as it should be
   */
  #takeHead(looked: number): Head | undefined {
    const { input } = this;
    // What comes next may make the end of the head of what came last.
    const from = input.start + Math.max(0, looked - 3);
    skipEmptyLines(input);
    const { bytes, start, end } = input;
    // Most clients say the same each time.
    if (looked === 0 && this.#lastHead !== undefined && startsWith(bytes, start, end, this.#lastBytes)) {
      input.skip(this.#lastBytes.length);
      return this.#lastHead;
    }
    const headEnd = findHeadEnd(bytes, Math.max(start, from), end);
    if (headEnd > 0) {
      input.skip(headEnd - start);
      const head = parseHead(latin1(bytes.subarray(start, headEnd)));
      if (headEnd - start <= MAX_KEPT) {
        this.#lastHead = head;
        this.#lastBytes = bytes.slice(start, headEnd);
      }
      return head;
    }
    if (end - start >= MAX_HEAD_BYTES) throw tooLong(input);
    if (!canBegin(latin1(bytes.subarray(start, Math.min(end, start + MAX_FIRST))))) throw notHttp();
    // Between two requests a client may be quiet for as long as it likes.
    if (end > start) this.onWait();
    return undefined;
  }

  /** Answers what can't be read, and what follows it can't be either. */
  async #refuse(error: unknown): Promise<void> {
    this.#ending = true;
    const answer = problemFrom(error).toAnswer();
    await this.#output.answer(answer, { kind: "length", length: answer.body.length }, "close");
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
  while (at < end) {
    if (bytes[at] === LF) at++;
    else if (bytes[at] === CR && at + 1 < end && bytes[at + 1] === LF) at += 2;
    else break;
  }
  if (at > input.start) input.skip(at - input.start);
}

function tooLong({ bytes, start, end }: Input): HttpProblem {
  return bytes.subarray(start, end).includes(LF)
    ? new HttpProblem(431, `The headers are longer than ${MAX_HEAD_BYTES} bytes`)
    : new HttpProblem(414, `The target is longer than ${MAX_TARGET} bytes`);
}
