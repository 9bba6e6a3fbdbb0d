/**
 * The head of a request: RFC 9112, sections 2 to 3 and 5 to 6, read strictly.
 *
 * The parser refuses whatever two programs could read differently, since a proxy in front may read it the other way: where a head or
 * a body ends, and which path is requested. Method and path are parsed once; all later code uses the result.
 */

import { HttpError } from "./error.ts";

/** The longest method that is accepted, in characters. */
export const MAX_METHOD = 64;
/** The longest request target that is accepted, in characters. */
export const MAX_TARGET = 64 * 1024;
/** The most header fields that a request may have. */
export const MAX_FIELDS = 100;
/** The longest request head that is accepted, in bytes. */
export const MAX_HEAD_BYTES = 128 * 1024;

const MAX_PORT = 65_535;

/** The longest part of a value that an error message repeats, in characters. */
const MAX_SHOWN = 200;

/** The parsed head of a request. */
export interface Head {
  /** The method as received: methods are case-sensitive. */
  readonly method: string;
  /** Path and query as received; or `*`, with OPTIONS. */
  readonly target: string;
  /** The target without its query, as received. Routes are compared with it; it is not percent-decoded. */
  readonly path: string;
  /** The host, and the port if given, from the target or else the Host header; empty if neither has one. */
  readonly host: string;
  /** Header names, in lower case, and values, alternating. */
  readonly fields: readonly string[];
  /** Length of the body in bytes; undefined if it is chunked. */
  readonly length: number | undefined;
  /** Whether the version is HTTP/1.0: the client does not know chunks, and by default the connection ends after the answer. */
  readonly old: boolean;
  /** Whether another request may follow on the connection. */
  readonly keepAlive: boolean;
  /** Whether the client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

const METHOD = "[!#$%&'*+.^_`|~\\w-]";
const REQUEST_LINE = new RegExp(`(${METHOD}+) ([\\x21-\\x22\\x24-\\x7e]+) HTTP/(\\d)\\.(\\d)\\r\\n`, "y");
/** Matches a request line that is incomplete, but valid until now. */
const BEGINNING = new RegExp(`^(?:\\r?$|${METHOD}{1,${MAX_METHOD}}(?:$| (?:$|[\\x21-\\x22\\x24-\\x7e]*(?: |$))))`);
const TOKEN = new RegExp(`^${METHOD}+$`);
const LONG_METHOD = new RegExp(`^${METHOD}{${MAX_METHOD + 1}}`);
/** Captures the value with the white space around it: a pattern that trims would backtrack over long runs of spaces. */
const FIELD = /([!#$%&'*+.^_`|~\w-]+):([\t\x20-\x7e\x80-\xff]*)\r\n/y;
const ABSOLUTE = /^https?:\/\/([^/?]+)(.*)$/i;
/** A dot segment, which a proxy may resolve. Some proxies read `%2e` as a dot, and `%2f` or `%5c` as a slash. */
const DOT_SEGMENT = /(?:\/|%2f|%5c)(?:\.|%2e){1,2}(?:\/|%2f|%5c|$)/i;
/** A name, an IPv4 or an IPv6 address, and an optional port: a simplified form of the grammar in RFC 3986. */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(?::(\d*))?$/;

/**
 * Finds the empty line that ends a head.
 *
 * @param from the offset at which the search begins
 * @param end the offset after the last byte received
 * @returns the offset after the empty line; 0 if there is no empty line yet
 */
export function findHeadEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1)) {
    if (at + 1 < end && bytes[at + 1] === LF) return at + 2;
    if (at + 2 < end && bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return 0;
}

/**
 * Refuses an incomplete head that can't become a valid one: a client of another protocol, or of an old version, would otherwise wait
 * for its answer until the timeout. It throws the same error as {@linkcode parseHead} would, however the request is split.
 *
 * @param text the request from its first byte, as Latin-1 text
 * @throws {HttpError} 400 or 501
 */
export function checkBeginning(text: string): void {
  if (LONG_METHOD.test(text)) throw longMethod();
  REQUEST_LINE.lastIndex = 0;
  if (!(text.includes("\n") ? REQUEST_LINE : BEGINNING).test(text)) throw notHttp();
}

/** Whether a malformed request was a HEAD request, whose answer has no body. @param text its beginning, as Latin-1 text */
export function asksForHeadOnly(text: string): boolean {
  return text.startsWith("HEAD ");
}

/**
 * Reads the head of a request: its request line and header fields.
 *
 * @param text the whole head, with the empty line at its end, as Latin-1 text
 * @throws {HttpError} 400, 414, 417, 431, 501 or 505 if the head is malformed or not supported
 */
export function parseHead(text: string): Head {
  REQUEST_LINE.lastIndex = 0;
  const line = REQUEST_LINE.exec(text);
  if (line === null) throw LONG_METHOD.test(text) ? longMethod() : notHttp();
  const [, method, said, major, minor] = line;
  if (method!.length > MAX_METHOD) throw longMethod();
  if (major !== "1" || (minor !== "1" && minor !== "0")) {
    throw new HttpError(505, `HTTP/${major}.${minor} is not supported; use HTTP/1.1`);
  }
  if (said!.length > MAX_TARGET) throw new HttpError(414, `The target is longer than ${MAX_TARGET} bytes`);
  const old = minor === "0";
  const fields: string[] = [];
  let host: string | undefined;
  let length: string | undefined;
  let transferEncoding: string | undefined;
  let connection: string | undefined;
  let expect: string | undefined;
  let at = REQUEST_LINE.lastIndex;
  while (!isEnd(text, at)) {
    FIELD.lastIndex = at;
    const field = FIELD.exec(text);
    if (field === null) throw bad("A header is not of the form 'Name: value'");
    at = FIELD.lastIndex;
    if (fields.length === 2 * MAX_FIELDS) throw new HttpError(431, `There are more than ${MAX_FIELDS} headers`);
    const name = field[1]!.toLowerCase();
    const value = trim(field[2]!);
    fields.push(name, value);
    switch (name) {
      case "host":
        if (host !== undefined) throw bad("There are several Host headers");
        if (!isHost(value)) throw bad(`'${shown(value)}' is not a valid host in the Host header`);
        host = value;
        break;
      case "content-length":
        if (length !== undefined) throw bad("There are several Content-Length headers");
        length = value;
        break;
      case "transfer-encoding":
        transferEncoding = transferEncoding === undefined ? value : `${transferEncoding},${value}`;
        break;
      case "connection":
        connection = connection === undefined ? value : `${connection},${value}`;
        break;
      case "expect":
        expect = expect === undefined ? value : `${expect},${value}`;
        break;
    }
  }
  if (host === undefined && !old) throw bad("The Host header is missing");
  const [origin, target] = targetOf(method!, said!);
  const path = pathOf(target);
  return {
    method: method!,
    target,
    path,
    host: origin ?? host ?? "",
    fields,
    length: lengthOf(length, transferEncoding, old),
    old,
    keepAlive: connection === undefined
      ? !old
      : !names(connection, "close") && (!old || names(connection, "keep-alive")),
    expectsContinue: expect !== undefined && !old && expectsContinue(expect),
  };
}

/** Whether a line, including its CRLF, is a valid header field. */
export function isField(line: string): boolean {
  FIELD.lastIndex = 0;
  return FIELD.test(line) && FIELD.lastIndex === line.length;
}

function isEnd(text: string, at: number): boolean {
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF;
}

function trim(value: string): string {
  let [start, end] = [0, value.length];
  while (start < end && isSpace(value.charCodeAt(start))) start++;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

function isHost(text: string): boolean {
  const found = HOST.exec(text);
  return found !== null && Number(found[1] ?? 0) <= MAX_PORT;
}

/** Splits a target into its host, if it is a URL, and its path with query. */
function targetOf(method: string, said: string): [host: string | undefined, target: string] {
  if (method === "CONNECT") throw new HttpError(501, "CONNECT is not supported");
  if (said.includes("\\")) throw bad(`The target '${shown(said)}' contains a backslash; encode it as %5C`);
  if (said.startsWith("/") || (said === "*" && method === "OPTIONS")) return [undefined, said];
  const [, host, rest] = ABSOLUTE.exec(said) ?? [];
  if (host === undefined || !isHost(host)) throw bad(`'${shown(said)}' is neither a path nor a URL`);
  return [host, rest!.startsWith("/") ? rest! : `/${rest}`];
}

/** Returns the target without its query. @throws {HttpError} 400 if the path has dot segments, which only some proxies resolve */
function pathOf(target: string): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (DOT_SEGMENT.test(path)) {
    throw bad(`The path '${shown(path)}' contains a segment '.' or '..'; send the resolved path`);
  }
  return path;
}

/** The length of the body (RFC 9112, section 6.3); undefined if it is chunked. */
function lengthOf(length: string | undefined, encoding: string | undefined, old: boolean): number | undefined {
  if (encoding !== undefined) {
    // Request smuggling: a proxy may follow one of the two headers, and we the other.
    if (length !== undefined) throw bad("There are both Content-Length and Transfer-Encoding");
    if (old) throw bad("HTTP/1.0 does not support Transfer-Encoding");
    checkEncoding(encoding);
    return undefined;
  }
  if (length === undefined) return 0;
  const bytes = Number(length);
  if (!/^\d+$/.test(length) || !Number.isSafeInteger(bytes)) {
    throw bad(`Content-Length must be a number of bytes, not '${shown(length)}'`);
  }
  return bytes;
}

/** Checks RFC 9112, section 6.1: 'chunked' must be the last coding and appear once, or the end of the body is unknown. No other is supported. */
function checkEncoding(encoding: string): void {
  if (encoding.toLowerCase() === "chunked") return;
  const codings = encoding.split(",").map((coding) => trim(coding).toLowerCase());
  const last = codings.pop();
  if (last === "chunked" && codings.every((coding) => coding !== "chunked" && TOKEN.test(coding))) {
    throw new HttpError(501, `Transfer-Encoding must be 'chunked', not '${shown(encoding)}'`);
  }
  throw bad(`Transfer-Encoding must end with 'chunked', once, not '${shown(encoding)}'`);
}

function expectsContinue(expect: string): boolean {
  if (expect.toLowerCase() === "100-continue") return true;
  throw new HttpError(417, `Expect must be '100-continue', not '${shown(expect)}'`);
}

/** Whether a comma-separated list contains a word, in any case. */
function names(list: string, word: string): boolean {
  return list.split(",").some((one) => one.trim().toLowerCase() === word);
}

/** Shortens a value for an error message. */
function shown(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}

function longMethod(): HttpError {
  return new HttpError(501, `The method is longer than ${MAX_METHOD} characters`);
}

function notHttp(): HttpError {
  return bad("The first line is not a valid HTTP request line");
}

function bad(detail: string): HttpError {
  return new HttpError(400, detail);
}
