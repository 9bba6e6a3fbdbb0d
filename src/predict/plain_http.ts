/**
 * Sends requests over HTTP/1.1 without TLS, and reads each answer as a whole. This is for many small records: `fetch()` needs
 * twice the CPU time for each.
 */

import { joined } from "../bytes.ts";
import { AnswerReader, type HeadedAnswer } from "../client/answer_reader.ts";
import { close, connect, requestHead, send } from "../client/connection.ts";
import { failureOf } from "../client/connection_failure.ts";
import type { Endpoint } from "../client/endpoint.ts";
import type { Question } from "./ask.ts";

/** Up to this length, in bytes, a request's head and body are sent with one write. */
const ONE_PIECE_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** An answer with its body; the body is undefined if it is too long. */
export interface PlainAnswer extends Pick<HeadedAnswer, "status" | "head"> {
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** No connection could be made, and nothing was sent. The message says why. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** Connections to a server, which are kept for further requests. */
export class PlainHttp {
  readonly #endpoint: Endpoint;
  readonly #url: URL;
  readonly #token: string | undefined;
  readonly #maxAnswer: number;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  #closed = false;

  /** @param maxAnswer the longest body of an answer that is kept, in bytes */
  constructor(endpoint: Endpoint, token: string | undefined, maxAnswer: number) {
    this.#endpoint = endpoint;
    this.#url = new URL(endpoint.url);
    this.#token = token;
    this.#maxAnswer = maxAnswer;
  }

  /**
   * Sends a request, and reads the answer to its end.
   *
   * @param limitMs how long that may take, in ms
   * @throws {Unreachable} if no connection can be made
   * @throws {ConnectionFailure} if the connection ends before the answer does
   * @throws {DOMException} `TimeoutError`, if it takes too long
   */
  async exchange(question: Question, limitMs: number | undefined): Promise<PlainAnswer> {
    const connection = this.#idle.pop() ?? await this.#connect();
    let late = false;
    const timer = limitMs === undefined ? undefined : setTimeout(() => {
      late = true;
      connection.close();
    }, limitMs);
    try {
      const { body } = question;
      const head = requestHead(this.#url, { ...question, token: this.#token, length: body.length });
      const answer = await connection.exchange(head, body);
      if (answer.canReuse && !this.#closed) this.#keep(connection);
      else this.#drop(connection);
      return answer;
    } catch (error) {
      this.#drop(connection);
      if (late) throw new DOMException("The answer did not arrive in time", "TimeoutError");
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes all connections; requests in flight fail. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#all) connection.close();
    this.#all.clear();
  }

  async #connect(): Promise<Connection> {
    let conn: Deno.Conn;
    try {
      conn = await connect(this.#endpoint);
    } catch (cause) {
      throw new Unreachable(failureOf(cause), { cause });
    }
    const connection = new Connection(conn, this.#maxAnswer);
    this.#all.add(connection);
    if (this.#closed) this.#drop(connection);
    return connection;
  }

  /** Keeps a connection for another request, unless the server closes it before, as servers do when it is idle for some seconds. */
  #keep(connection: Connection): void {
    this.#idle.push(connection);
    const drop = () => {
      const at = this.#idle.indexOf(connection);
      if (at < 0) return;
      this.#idle.splice(at, 1);
      this.#drop(connection);
    };
    connection.answer().then(drop, drop);
  }

  #drop(connection: Connection): void {
    this.#all.delete(connection);
    connection.close();
  }
}

/** An answer, and whether its connection can carry another request. */
type Exchanged = PlainAnswer & Pick<HeadedAnswer, "canReuse">;

/** A connection that carries one request at a time. */
class Connection {
  readonly #conn: Deno.Conn;
  readonly #reader: AnswerReader;
  readonly #maxAnswer: number;
  #answer: Promise<Exchanged> | undefined;

  constructor(conn: Deno.Conn, maxAnswer: number) {
    this.#conn = conn;
    this.#reader = new AnswerReader(conn);
    this.#maxAnswer = maxAnswer;
  }

  /** Reads the next answer. Before its request is sent, this settles if the connection can't carry that request. */
  answer(): Promise<Exchanged> {
    return this.#answer ??= this.#read();
  }

  async exchange(head: string, body: Uint8Array<ArrayBuffer>): Promise<Exchanged> {
    const [answer] = await Promise.all([this.answer(), this.#send(head, body)]);
    this.#answer = undefined;
    return answer;
  }

  close(): void {
    close(this.#conn);
  }

  async #read(): Promise<Exchanged> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    const keep = (piece: Uint8Array) => {
      length += piece.length;
      if (length > this.#maxAnswer) pieces.length = 0;
      else pieces.push(piece.slice());
    };
    const { status, head, canReuse } = await this.#reader.next(keep);
    return { status, head, canReuse, body: length > this.#maxAnswer ? undefined : joined(pieces, length) };
  }

  async #send(head: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
    const begin = encoder.encode(head);
    if (begin.length + body.length > ONE_PIECE_BYTES) {
      await send(this.#conn, begin);
      return await send(this.#conn, body);
    }
    await send(this.#conn, joined([begin, body], begin.length + body.length));
  }
}
