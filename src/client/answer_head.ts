/** Reads the head of an HTTP/1.1 response (RFC 9112) as bytes: a load test reads too many of them to make strings. */

import { latin1 } from "../bytes.ts";

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const ZERO = 48;
const C = 99;
const T = 116;

/** The most digits of a length: any number of 15 digits is exact in a double. */
const MAX_DIGITS = 15;

const encoder = new TextEncoder();
const VERSION = encoder.encode("HTTP/1.");
// Lower case, as `hasName()` needs it.
const CONTENT_LENGTH = encoder.encode("content-length:");
const CONNECTION = encoder.encode("connection:");
const TRANSFER_ENCODING = encoder.encode("transfer-encoding:");

/** What the header fields say about the end of a response. */
export interface Framing {
  /** The length of the body in bytes. */
  length: number | undefined;
  isChunked: boolean;
  closes: boolean;
  keepsAlive: boolean;
}

/**
 * Finds the empty line after a head.
 *
 * @param from where to begin
 * @param to where the received bytes end
 * @returns where the last line of the head ends; -1 if the empty line has not arrived
 */
export function endOfHead(bytes: Uint8Array, from: number, to: number): number {
  const last = to - 4;
  // The third of the four bytes is looked at first: if it is neither CR nor LF, the next three positions can be skipped.
  for (let at = from; at <= last;) {
    const third = bytes[at + 2];
    if (third === CR) {
      if (bytes[at] === CR && bytes[at + 1] === LF && bytes[at + 3] === LF) return at;
      at += 2;
    } else at += third === LF ? 1 : 3;
  }
  return -1;
}

/** Reads the status of a head, which an empty line follows. @returns 0 if the head is not one of HTTP/1.0 or 1.1 */
export function statusOf(bytes: Uint8Array, from: number): number {
  for (let i = 0; i < VERSION.length; i++) if (bytes[from + i] !== VERSION[i]) return 0;
  const minor = bytes[from + 7]! - ZERO;
  const after = bytes[from + 12];
  if ((minor !== 0 && minor !== 1) || bytes[from + 8] !== SPACE || (after !== SPACE && after !== CR)) return 0;
  const [hundreds, tens, units] = [bytes[from + 9]! - ZERO, bytes[from + 10]! - ZERO, bytes[from + 11]! - ZERO];
  if (hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || units < 0 || units > 9) return 0;
  return hundreds * 100 + tens * 10 + units;
}

/** Whether a head with a valid status is one of HTTP/1.1, whose connections last unless a field says otherwise. */
export function isVersion11(bytes: Uint8Array, from: number): boolean {
  return bytes[from + 7] === ZERO + 1;
}

/**
 * Finds the fields that matter.
 *
 * @param from where the status line begins
 * @param end where the last line ends
 */
export function framingOf(bytes: Uint8Array, from: number, end: number): Framing {
  const found: Framing = { length: undefined, isChunked: false, closes: false, keepsAlive: false };
  for (let at = nextLine(bytes, from, end); at < end; at = nextLine(bytes, at, end)) {
    const letter = bytes[at]! | 0x20;
    if (letter === C) {
      if (hasName(bytes, at, end, CONTENT_LENGTH)) found.length ??= lengthIn(bytes, at + CONTENT_LENGTH.length, end);
      else if (hasName(bytes, at, end, CONNECTION)) {
        const value = lineAt(bytes, at, end);
        found.closes ||= /\bclose\b/i.test(value);
        found.keepsAlive ||= /\bkeep-alive\b/i.test(value);
      }
    } else if (letter === T && hasName(bytes, at, end, TRANSFER_ENCODING)) {
      found.isChunked ||= /\bchunked\s*$/i.test(lineAt(bytes, at, end));
    }
  }
  return found;
}

function nextLine(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] !== LF) at++;
  return at + 1;
}

function lineAt(bytes: Uint8Array, at: number, end: number): string {
  return latin1(bytes.subarray(at, Math.min(nextLine(bytes, at, end), end)));
}

/** @param name in lower case, with the colon */
function hasName(bytes: Uint8Array, at: number, end: number, name: Uint8Array): boolean {
  if (end - at < name.length) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[at + i]!;
    const expected = name[i]!;
    // Only letters have an upper case: other characters would equal control characters.
    if (byte !== expected && ((byte | 0x20) !== expected || expected < 97)) return false;
  }
  return true;
}

/** Reads the value of Content-Length. Undefined if it is not a number of at most 15 digits. */
function lengthIn(bytes: Uint8Array, at: number, end: number): number | undefined {
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  const first = at;
  let length = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  if (at === first || at - first > MAX_DIGITS) return undefined;
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB || bytes[at] === CR)) at++;
  return at >= end || bytes[at] === LF ? length : undefined;
}
