/**
 * The head of a request: RFC 9112, sections 2 to 3 and 5 to 6, read strictly.
 *
 * What two programs may understand in two ways is refused, since a proxy in front may take the other way: where a head or a body
 * ends, and which path is asked for. Nothing reads method or path a second time.
 */

import { HttpError } from "./error.ts";

/** The longest method and target, the most fields, and the longest head, in bytes. */
export const MAX_METHOD = 64;
/** The longest request target that is accepted, in characters. */
export const MAX_TARGET = 64 * 1024;
/** The most header fields that a request may have. */
export const MAX_FIELDS = 100;
/** The longest request head that is accepted, in bytes. */
export const MAX_HEAD_BYTES = 128 * 1024;

const MAX_PORT = 65_535;

/** The most of a value that a message repeats, in characters. */
const MAX_SHOWN = 200;

/** What a head says. */
export interface Head {
  /** As it came: methods are case-sensitive. */
  readonly method: string;
  /** Path and query, as they came; or `*`, with OPTIONS. */
  readonly target: string;
  /** What stands before the query, as it came: routes are compared with it, and nothing in it is decoded. */
  readonly path: string;
  /** The host that is asked; empty if it is not said. */
  readonly host: string;
  /** Names, in lower case, and values in turns. */
  readonly fields: readonly string[];
  /** How long the body is, in bytes; undefined if it comes in chunks. */
  readonly length: number | undefined;
  /** Whether it is of HTTP/1.0: the client does not understand chunks, and assumes that no other request may follow. */
  readonly old: boolean;
  /** Whether another request may follow. */
  readonly keepAlive: boolean;
  /** Whether the client waits to be told that it may send the body. */
  readonly expectsContinue: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

const METHOD = "[!#$%&'*+.^_`|~\\w-]";
const REQUEST_LINE = new RegExp(`(${METHOD}+) ([\\x21-\\x22\\x24-\\x7e]+) HTTP/(\\d)\\.(\\d)\\r\\n`, "y");
/** Of a line that has not come to its end. */
const BEGINNING = new RegExp(`^(?:\\r?$|${METHOD}{1,${MAX_METHOD}}(?:$| (?:$|[\\x21-\\x22\\x24-\\x7e]*(?: |$))))`);
const TOKEN = new RegExp(`^${METHOD}+$`);
const LONG_METHOD = new RegExp(`^${METHOD}{${MAX_METHOD + 1}}`);
/** The value with the space around it: a pattern that takes off spaces would look at many of them again and again. */
const FIELD = /([!#$%&'*+.^_`|~\w-]+):([\t\x20-\x7e\x80-\xff]*)\r\n/y;
const ABSOLUTE = /^https?:\/\/([^/?]+)(.*)$/i;
/** A segment that a proxy may take out, together with the one before it. Some read `%2e` as a dot, and `%2f` or `%5c` as a slash. */
const DOT_SEGMENT = /(?:\/|%2f|%5c)(?:\.|%2e){1,2}(?:\/|%2f|%5c|$)/i;
/** A name, an IPv4 or an IPv6 address, and a port: as much of RFC 3986 as keeps out what is none. */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(?::(\d*))?$/;

/**
 * Looks for the end of a head: an empty line.
 *
 * @param from where to begin
 * @param end behind the last byte that has come
 * @returns the offset behind it; 0 if it has not come
 */
export function findHeadEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1)) {
    if (at + 1 < end && bytes[at + 1] === LF) return at + 2;
    if (at + 2 < end && bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return 0;
}

/**
 * Refuses what can't become a head, before all of it has come: what speaks another protocol, or an old one, would wait for an answer
 * for long. What it throws is what {@linkcode parseHead} would throw in the end, in whatever pieces a request comes.
 *
 * @param text in Latin-1, from the first byte on
 * @throws {HttpError} 400 or 501
 */
export function checkBeginning(text: string): void {
  if (LONG_METHOD.test(text)) throw longMethod();
  REQUEST_LINE.lastIndex = 0;
  if (!(text.includes("\n") ? REQUEST_LINE : BEGINNING).test(text)) throw notHttp();
}

/** Whether the answer to what begins like this has no body, whatever else is wrong with it. @param text in Latin-1 */
export function asksForHeadOnly(text: string): boolean {
  return text.startsWith("HEAD ");
}

/**
 * Reads the head of a request: its request line and header fields.
 *
 * @param text all of it, with the empty line at its end, in Latin-1
 * @throws {HttpError} 400, 414, 417, 431, 501 or 505 if it is not as it should be
 */
export function parseHead(text: string): Head {
  REQUEST_LINE.lastIndex = 0;
  const line = REQUEST_LINE.exec(text);
  if (line === null) throw LONG_METHOD.test(text) ? longMethod() : notHttp();
  const [, method, said, major, minor] = line;
  if (method!.length > MAX_METHOD) throw longMethod();
  if (major !== "1" || (minor !== "1" && minor !== "0")) {
    throw new HttpError(505, `HTTP/${major}.${minor} is not spoken here; HTTP/1.1 is`);
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
        if (!isHost(value)) throw bad(`'${shown(value)}' in the header Host is not a host`);
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
  if (host === undefined && !old) throw bad("There is no Host header");
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

/** Whether a line, with its end, is a field. */
export function isField(line: string): boolean {
  FIELD.lastIndex = 0;
  return FIELD.test(line) && FIELD.lastIndex === line.length;
}

/** Text of bytes that are a character each: what a head is made of. */
export function latin1(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  // Hardly any head has others.
  return /^[\0-\x7f]*$/.test(text) ? text : Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

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

/** The host, if the target has one, and the rest of it. */
function targetOf(method: string, said: string): [host: string | undefined, target: string] {
  if (method === "CONNECT") throw new HttpError(501, "CONNECT is for proxies; this is a server");
  if (said.includes("\\")) throw bad(`The target '${shown(said)}' has a backslash; send %5C for one`);
  if (said.startsWith("/") || (said === "*" && method === "OPTIONS")) return [undefined, said];
  const [, host, rest] = ABSOLUTE.exec(said) ?? [];
  if (host === undefined || !isHost(host)) throw bad(`'${shown(said)}' is neither a path nor a URL`);
  return [host, rest!.startsWith("/") ? rest! : `/${rest}`];
}

/** What stands before the query. @throws {HttpError} 400 if it has dot segments: only some proxies resolve them */
function pathOf(target: string): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (DOT_SEGMENT.test(path)) {
    throw bad(`The path '${shown(path)}' has a segment '.' or '..'; send the path that it leads to`);
  }
  return path;
}

/** RFC 9112, section 6.3; undefined for chunks. */
function lengthOf(length: string | undefined, encoding: string | undefined, old: boolean): number | undefined {
  if (encoding !== undefined) {
    // One of the two may have been put there to hide a second request from a proxy.
    if (length !== undefined) throw bad("There are both Content-Length and Transfer-Encoding");
    if (old) throw bad("Transfer-Encoding is not known in HTTP/1.0");
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

/** RFC 9112, section 6.1: where the body ends is known if 'chunked' is the last coding, and there once; others are not spoken here. */
function checkEncoding(encoding: string): void {
  if (encoding.toLowerCase() === "chunked") return;
  const codings = encoding.split(",").map((coding) => trim(coding).toLowerCase());
  const last = codings.pop();
  if (last === "chunked" && codings.every((coding) => coding !== "chunked" && TOKEN.test(coding))) {
    throw new HttpError(501, `Transfer-Encoding can be 'chunked', not '${shown(encoding)}'`);
  }
  throw bad(`Transfer-Encoding must end with 'chunked', once, not '${shown(encoding)}'`);
}

function expectsContinue(expect: string): boolean {
  if (expect.toLowerCase() === "100-continue") return true;
  throw new HttpError(417, `Expect can be '100-continue', not '${shown(expect)}'`);
}

/** Whether a list has a word. */
function names(list: string, word: string): boolean {
  return list.split(",").some((one) => one.trim().toLowerCase() === word);
}

/** As much of what was sent as a message repeats. */
function shown(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}

function longMethod(): HttpError {
  return new HttpError(501, `The method is longer than ${MAX_METHOD} characters`);
}

function notHttp(): HttpError {
  return bad("The first line is not that of an HTTP request");
}

function bad(detail: string): HttpError {
  return new HttpError(400, detail);
}
