/** The sending side of a connection. */

import { freeLarge } from "../../memory.ts";
import { type Answer, dateOf, type Framing, headOf, type NextUse, type Pieces, writeLatin1 } from "./answer.ts";
import type { Incoming } from "./request.ts";
import type { Lease } from "../../lease.ts";
import type { ClientTurn } from "./turn.ts";

/** Size of a reusable send buffer, in bytes. Anything longer gets its own buffer, or is sent with a separate write. */
const BUFFER_BYTES = 8 * 1024;

/** The longest body that is copied after its head, to send both with one write, in bytes. */
const MAX_BESIDE = 32 * 1024;

/** The most buffers that are kept for reuse. As many are in use as there are writes at the same time. */
const MAX_SPARE = 256;

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");
const LINE_END = new TextEncoder().encode("\r\n");
const NOTHING = new Uint8Array(0);
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");
const LINE_END_LAST_CHUNK = new TextEncoder().encode("\r\n0\r\n\r\n");

/** A client that may disconnect. */
type Leaver = Pick<Incoming, "left" | "onLeave">;

/** Free buffers, shared by all connections. */
const spare: Uint8Array<ArrayBuffer>[] = [];

/** Writes answers and interim responses to a socket. */
export class Output {
  readonly #conn: Deno.Conn;
  readonly #turn: ClientTurn;
  /** Whether a write is in progress: the kernel has not accepted all bytes. */
  sending = false;

  /** @param turn the clock to start when the client has to read something, and to stop when it has */
  constructor(conn: Deno.Conn, turn: ClientTurn) {
    this.#conn = conn;
    this.#turn = turn;
  }

  /**
   * Sends an answer. The caller must not use its body afterwards.
   *
   * @param client when it disconnects, a streamed body is canceled
   * @throws {TypeError} synchronously, before anything is sent, if a header has an invalid value
   * @throws {Error} if the client stops reading, or the body fails
   */
  answer(answer: Answer, framing: Framing, connection: NextUse, client?: Leaver): Promise<void> {
    const { body } = answer;
    let head: string;
    try {
      head = headOf(answer, framing, connection, dateOf(Date.now()));
    } catch (error) {
      letGo(body);
      throw error;
    }
    if (body instanceof ReadableStream) return this.#sendStream(head, body, framing, client);
    if (!(body instanceof Uint8Array)) return this.#sendPieces(head, body, framing, client);
    if (framing.kind === "none") return this.#sendTogether(head);
    const { lease } = answer;
    return body.length <= MAX_BESIDE && lease?.endsWith(body) !== true
      ? this.#sendTogether(head, body)
      : this.#sendApart(head, body, lease);
  }

  /** Sends `100 Continue`. */
  continue(): Promise<void> {
    return this.#send(CONTINUE);
  }

  async #sendStream(
    head: string,
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    { kind }: Framing,
    client: Leaver | undefined,
  ): Promise<void> {
    try {
      await this.#sendTogether(head);
    } catch (error) {
      letGo(body);
      throw error;
    }
    if (kind === "none") await body.cancel();
    else await this.#sendChunks(body, kind === "chunks", client);
  }

  async #sendChunks(
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    inChunks: boolean,
    client: Leaver | undefined,
  ): Promise<void> {
    const reader = body.getReader();
    const cancel = () => void reader.cancel().catch(() => {});
    client?.onLeave(cancel);
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const piece = next.value;
        if (piece.length === 0) continue;
        if (!inChunks) await this.#send(piece);
        else await this.#sendJoined(`${piece.length.toString(16)}\r\n`, [piece], piece.length, LINE_END);
      }
      if (client?.left) throw new Deno.errors.ConnectionReset("The client left");
      if (inChunks) await this.#send(LAST_CHUNK);
    } catch (error) {
      cancel();
      throw error;
    }
  }

  async #sendPieces(head: string, body: Pieces, { kind }: Framing, client: Leaver | undefined): Promise<void> {
    const cancel = () => body.cancel();
    client?.onLeave(cancel);
    try {
      if (kind === "none") {
        cancel();
        return await this.#sendTogether(head);
      }
      // The head is sent together with the first pieces.
      for (let text = head, last = false; !last; text = "") {
        const next = body.next();
        const ready = next instanceof Promise ? await next : next;
        if (client?.left) throw new Deno.errors.ConnectionReset("The client left");
        last = ready.last;
        const length = lengthOf(ready.pieces);
        let end = NOTHING;
        if (kind === "chunks") {
          if (length > 0) text += `${length.toString(16)}\r\n`;
          end = length === 0 ? last ? LAST_CHUNK : NOTHING : last ? LINE_END_LAST_CHUNK : LINE_END;
        }
        if (text !== "" || length + end.length > 0) await this.#sendJoined(text, ready.pieces, length, end);
      }
      body.sent();
    } catch (error) {
      cancel();
      throw error;
    }
  }

  async #sendApart(head: string, body: Uint8Array<ArrayBuffer>, lease: Lease | undefined): Promise<void> {
    // What is before a body in shared memory is room for the head.
    const start = lease?.endsWith(body) ? body.byteOffset - head.length : -1;
    if (start >= 0) {
      writeLatin1(head, new Uint8Array(body.buffer, start, head.length), 0);
      return await this.#send(new Uint8Array(body.buffer, start, head.length + body.length));
    }
    await this.#sendTogether(head);
    await this.#send(body);
    freeLarge(body);
  }

  /** Sends text and the bytes after it, with a single system call if the socket accepts them all. */
  #sendTogether(text: string, body: Uint8Array<ArrayBuffer> = NOTHING): Promise<void> {
    const length = text.length + body.length;
    const buffer = bufferFor(length);
    buffer.set(body, writeLatin1(text, buffer, 0));
    freeLarge(body);
    return this.#sendBuffer(buffer, length);
  }

  /** Sends text, pieces of `size` bytes in total, and the bytes after them, as {@linkcode #sendTogether} does. */
  #sendJoined(text: string, pieces: readonly Uint8Array[], size: number, end: Uint8Array): Promise<void> {
    const length = text.length + size + end.length;
    const buffer = bufferFor(length);
    let at = text === "" ? 0 : writeLatin1(text, buffer, 0);
    for (const piece of pieces) {
      buffer.set(piece, at);
      at += piece.length;
    }
    buffer.set(end, at);
    return this.#sendBuffer(buffer, length);
  }

  async #sendBuffer(buffer: Uint8Array<ArrayBuffer>, length: number): Promise<void> {
    const sent = await this.#write(buffer.subarray(0, length));
    if (sent < length) await this.#send(buffer.subarray(sent, length));
    else this.#onTaken();
    if (buffer.length === BUFFER_BYTES && spare.length < MAX_SPARE) spare.push(buffer);
    else freeLarge(buffer);
  }

  async #send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#write(sent === 0 ? bytes : bytes.subarray(sent));
    this.#onTaken();
  }

  #onTaken(): void {
    this.sending = false;
    this.#turn.end();
  }

  #write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    this.sending = true;
    this.#turn.waitToSend();
    return this.#conn.write(bytes);
  }
}

/** Cancels a streamed body that will not be sent. */
function letGo(body: Answer["body"]): void {
  if (body instanceof ReadableStream) body.cancel().catch(() => {});
  else if (!(body instanceof Uint8Array)) body.cancel();
}

/** Returns a buffer with room for `length` bytes. */
function bufferFor(length: number): Uint8Array<ArrayBuffer> {
  return length <= BUFFER_BYTES ? spare.pop() ?? new Uint8Array(BUFFER_BYTES) : new Uint8Array(length);
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}
