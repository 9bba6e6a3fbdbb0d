/** The answer to a request, and how its head is written: RFC 9112, sections 4 to 7. */

/** A response: its status, header fields and body. */
export interface Answer {
  /** 200 to 599. */
  readonly status: number;
  /** By names in lower case. Those that say how the body is sent are added: length, encoding, date, connection. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * All of the body, which is the connection's own from now on; or its pieces as they come. An error breaks the connection
   * off, so that nobody takes the body for whole but clients of HTTP/1.0, which see the same at the end of each.
   */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  /** For a body that comes in pieces: how that ended, which the head can't say. Never rejects. */
  readonly ended?: Promise<Ending> | undefined;
}

/** How an answer in pieces ended. */
export interface Ending {
  /** The answer's if it was whole; that of what went wrong; {@linkcode CLIENT_LEFT}. */
  readonly status: number;
  /** How many of its parts were handed over to be sent. */
  readonly parts: number;
}

/** What a request whose client has left counts as: nobody gets it. The number is nginx's. */
export const CLIENT_LEFT = 499;

/** How the end of a body is told: by its length, by its last chunk, or by that of the connection. `none`: there is no body. */
export type Framing = { readonly kind: "length"; readonly length: number } | {
  readonly kind: "chunks" | "close" | "none";
};

/** What the client is told of the connection; nothing where it assumes that another request may follow. */
export type NextUse = "" | "keep-alive" | "close";

/** A field's value may have these: RFC 9110, section 5.5. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Of 200 and of all errors that are registered: a script may choose any of them. */
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

/** What a status is called; empty if it is not registered. */
export function reasonPhrase(status: number): string {
  return REASONS[status] ?? "";
}

/** Whether a header can have this value. */
export function isHeaderValue(value: string): boolean {
  return VALUE.test(value);
}

/**
 * The head of an answer, in Latin-1.
 *
 * @param date the header of that name
 * @throws {TypeError} if a header has a value that it can't have
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
 * @returns the offset behind it
 */
export function writeLatin1(text: string, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
  const { read, written } = encoder.encodeInto(text, bytes.subarray(offset));
  if (read === text.length && written === read) return offset + written;
  // There are characters above ASCII, which are two bytes in UTF-8.
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}

const encoder = new TextEncoder();
let dateSecond = 0;
let dateText = "";

/** The header `Date` of now. */
export function dateOf(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
