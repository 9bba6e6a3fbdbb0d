/** The answer to a request, and the serializer of its head: RFC 9112, sections 4 to 7. */

import type { Lease } from "../../lease.ts";

/** A response: its status, header fields and body. */
export interface Answer {
  /** The HTTP status, 200 to 599. */
  readonly status: number;
  /** Values by header name in lower case. The server adds content-length, transfer-encoding, date and connection. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The whole body, which belongs to the connection from now on, or a stream of its pieces. If the stream fails, the connection is
   * closed early, which tells clients that the body is truncated; HTTP/1.0 clients can't see the difference.
   */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | Pieces;
  /** The shared memory that the body is in. The connection releases it when the body was sent, or never will be. */
  readonly lease?: Lease | undefined;
  /** For a stream: how it ended, which the status in the head can't say. Never rejects. */
  readonly ended?: Promise<Ending> | undefined;
}

/**
 * A streamed body, like a `ReadableStream`, but it costs less for each piece, and pieces that are ready together are sent together. The
 * connection asks for pieces when it has sent the ones before.
 */
export interface Pieces {
  /**
   * Returns the pieces that are ready, or waits for some. Throws or rejects if the body fails. The first ones are ready when the answer is
   * made: they are sent together with the head.
   */
  next(): PiecesReady | Promise<PiecesReady>;
  /** Called when all pieces were sent, the last ones included. */
  sent(): void;
  /** Ends the body, since the rest is not needed. A pending {@linkcode next} then resolves. May be called more than once, and after {@linkcode sent}. */
  cancel(): void;
}

/** Pieces that are sent together. */
export interface PiecesReady {
  /** May be empty, and may contain empty ones. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  /** Whether the body ends with these pieces. */
  readonly last: boolean;
}

/** How a streamed answer ended. */
export interface Ending {
  /** The answer's own status if it was complete, the status of the error, or {@linkcode CLIENT_LEFT}. */
  readonly status: number;
  /** How many of its parts were handed over for sending. */
  readonly parts: number;
}

/** The status that metrics and logs count for a request whose client has disconnected, as in nginx. No client receives it. */
export const CLIENT_LEFT = 499;

/** What marks the end of a body: its length, its last chunk, or the end of the connection. `none`: there is no body. */
export type Framing = { readonly kind: "length"; readonly length: number } | {
  readonly kind: "chunks" | "close" | "none";
};

/** The value of the header Connection; empty to leave it out, where HTTP/1.1 keeps the connection anyway. */
export type NextUse = "" | "keep-alive" | "close";

/** The characters that a header value may have: RFC 9110, section 5.5. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Reason phrases of 200 and of all registered errors, since a script may choose any of them. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  506: "Variant Also Negotiates",
  507: "Insufficient Storage",
  508: "Loop Detected",
  511: "Network Authentication Required",
};

/** The reason phrase of a status; empty if the status is not in the table. */
export function reasonPhrase(status: number): string {
  return REASONS[status] ?? "";
}

/** Whether a string is a valid header value: printable Latin-1 and tabs, no line breaks. */
export function isHeaderValue(value: string): boolean {
  return VALUE.test(value);
}

/**
 * Writes the head of an answer, as Latin-1 text.
 *
 * @param date the value of the header Date
 * @throws {TypeError} if a header has an invalid value
 */
export function headOf({ status, headers }: Answer, framing: Framing, connection: NextUse, date: string): string {
  let head = status === 200 ? "HTTP/1.1 200 OK\r\n" : `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
  for (const name in headers) {
    const value = headers[name]!;
    if (!isHeaderValue(value)) throw new TypeError(`The header '${name}' can't be '${value}'`);
    head += `${name}: ${value}\r\n`;
  }
  switch (framing.kind) {
    case "length":
      head += `content-length: ${framing.length}\r\n`;
      break;
    case "chunks":
      head += "transfer-encoding: chunked\r\n";
      break;
    case "close":
    case "none":
  }
  return connection === ""
    ? `${head}date: ${date}\r\n\r\n`
    : `${head}date: ${date}\r\nconnection: ${connection}\r\n\r\n`;
}

/**
 * Writes text as Latin-1, one byte for each character.
 *
 * @returns the offset after the last byte written
 */
export function writeLatin1(text: string, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
  // For a chunk's length, the loop is many times faster than a call of TextEncoder.
  if (text.length <= MAX_LOOPED) return writeEach(text, bytes, offset);
  const { read, written } = encoder.encodeInto(text, bytes.subarray(offset));
  if (read === text.length && written === read) return offset + written;
  // The text has characters above ASCII, which UTF-8 encodes as two bytes.
  return writeEach(text, bytes, offset);
}

function writeEach(text: string, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}

/** The longest text that is written without TextEncoder, in characters. */
const MAX_LOOPED = 16;
const encoder = new TextEncoder();
let dateSecond = 0;
let dateText = "";

/** The value of the header Date. @param now in ms since 1970 */
export function dateOf(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
