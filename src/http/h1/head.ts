/**
 * The head of a request: RFC 9112, sections 2 to 3 and 5 to 6, read strictly.
 *
 * What two programs may understand in two ways is refused, since whoever is in front of this one may take the other way: where a
 * body ends above all. Lines may end with LF alone, as the RFC allows.
 */

import { HttpProblem } from "../problem.ts";

/** The longest target, the most fields, and the longest head, in bytes. */
export const MAX_TARGET = 64 * 1024;
export const MAX_FIELDS = 100;
export const MAX_HEAD_BYTES = 128 * 1024;

/** What a head says. */
export interface Head {
  readonly method: string;
  /** Path and query, as they came; `*` and the host of CONNECT are what else there may be. */
  readonly target: string;
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

const REQUEST_LINE = /([!#$%&'*+.^_`|~\w-]+) ([\x21-\x22\x24-\x7e]+) HTTP\/(\d)\.(\d)\r?\n/y;
const BEGINNING = /^(?:\r?$|[!#$%&'*+.^_`|~\w-]{1,64}(?: |$))/;
/** The value with the space around it: a pattern that takes off spaces would look at many of them again and again. */
const FIELD = /([!#$%&'*+.^_`|~\w-]+):([\t\x20-\x7e\x80-\xff]*)\r?\n/y;
const ABSOLUTE = /^https?:\/\/([^/?]+)(.*)$/i;
/** A name, an IPv4 or an IPv6 address, and a port: as much of RFC 3986 as keeps out what is none. */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(?::\d*)?$/;

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
 * Whether what has come can be the beginning of a head: what speaks another protocol, or an old one, would wait for an answer for long.
 *
 * @param text in Latin-1, from the first byte on
 */
export function canBegin(text: string): boolean {
  REQUEST_LINE.lastIndex = 0;
  return text.includes("\n") ? REQUEST_LINE.test(text) : BEGINNING.test(text);
}

/**
 * Reads a head.
 *
 * @param text all of it, with the empty line at its end, in Latin-1
 * @throws {HttpProblem} 400, 414, 417, 431 or 505 if it is not as it should be
 */
export function parseHead(text: string): Head {
  REQUEST_LINE.lastIndex = 0;
  const line = REQUEST_LINE.exec(text);
  if (line === null) throw notHttp();
  const [, method, said, major, minor] = line;
  if (major !== "1" || (minor !== "1" && minor !== "0")) {
    throw new HttpProblem(505, `HTTP/${major}.${minor} is not spoken here; HTTP/1.1 is`);
  }
  if (said!.length > MAX_TARGET) throw new HttpProblem(414, `The target is longer than ${MAX_TARGET} bytes`);
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
    if (fields.length === 2 * MAX_FIELDS) throw new HttpProblem(431, `There are more than ${MAX_FIELDS} headers`);
    const name = field[1]!.toLowerCase();
    const value = trim(field[2]!);
    fields.push(name, value);
    switch (name) {
      case "host":
        if (host !== undefined) throw bad("There are several Host headers");
        if (!HOST.test(value)) throw bad(`'${value}' in the header Host is not a host`);
        host = value;
        break;
      case "content-length":
        if (length !== undefined) throw bad("There are several Content-Length headers");
        length = value;
        break;
      case "transfer-encoding":
        if (transferEncoding !== undefined) throw bad("There are several Transfer-Encoding headers");
        transferEncoding = value;
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
  return {
    method: method!,
    target,
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
  const code = text.charCodeAt(at);
  return code === LF || (code === CR && text.charCodeAt(at + 1) === LF);
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

/** The host, if the target has one, and the rest of it. */
function targetOf(method: string, said: string): [host: string | undefined, target: string] {
  if (said.startsWith("/") || (said === "*" && method === "OPTIONS")) return [undefined, said];
  if (method === "CONNECT") throw new HttpProblem(501, "CONNECT is for proxies, and this is none");
  const [, host, rest] = ABSOLUTE.exec(said) ?? [];
  if (host === undefined || !HOST.test(host)) throw bad(`'${said}' is neither a path nor a URL`);
  return [host, rest!.startsWith("/") ? rest! : `/${rest}`];
}

/** RFC 9112, section 6.3; undefined for chunks. */
function lengthOf(length: string | undefined, encoding: string | undefined, old: boolean): number | undefined {
  if (encoding !== undefined) {
    // One of the two may have been put there to hide a second request from a proxy.
    if (length !== undefined) throw bad("There are both Content-Length and Transfer-Encoding");
    if (encoding.toLowerCase() !== "chunked" || old) throw bad(`Transfer-Encoding can be 'chunked', not '${encoding}'`);
    return undefined;
  }
  if (length === undefined) return 0;
  const bytes = Number(length);
  if (!/^\d+$/.test(length) || !Number.isSafeInteger(bytes)) {
    throw bad(`Content-Length must be a number of bytes, not '${length}'`);
  }
  return bytes;
}

function expectsContinue(expect: string): boolean {
  if (expect.toLowerCase() === "100-continue") return true;
  throw new HttpProblem(417, `Expect can be '100-continue', not '${expect}'`);
}

/** Whether a list has a word. */
function names(list: string, word: string): boolean {
  return list.split(",").some((one) => one.trim().toLowerCase() === word);
}

/** What is said to what is no request. */
export function notHttp(): HttpProblem {
  return bad("The first line is not that of an HTTP request");
}

function bad(detail: string): HttpProblem {
  return new HttpProblem(400, detail);
}
