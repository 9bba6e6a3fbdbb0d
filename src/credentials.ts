/**
 * Hides credentials in URLs. The URL of a package index or an artifact may contain a password, and messages with it end up in
 * logs, records and bug reports.
 */

import { isSecretParameter } from "./secret_names.ts";

/** The text that replaces a secret. */
export const HIDDEN = "****";

/** The user part of a URL, with its place in the text, without the `@`. */
export interface UserPart {
  readonly start: number;
  readonly end: number;
  /** The URL's scheme, such as `git+ssh`; empty without one. */
  readonly scheme: string;
}

/**
 * Hides the user part of each URL, and parameters that are secret or sign the URL. Everything else stays unchanged, such as e-mail
 * addresses, `name @ https://host/file.whl` and `image:tag@sha256:…`.
 *
 * @param text must not start or end in the middle of a URL
 */
export function hideCredentials(text: string): string {
  // Fast path: most texts have neither.
  const mayHaveUser = text.includes("@") || /%40/i.test(text);
  if (mayHaveUser) text = hideUserParts(text);
  return text.includes("=") ? text.replace(PARAMETER, hideParameter) : text;
}

/** Hides credentials in text that comes in pieces, such as a program's output. */
export interface CredentialHider {
  /** Returns the text that is complete so far: lines, and words of a very long line. */
  (text: string): string;
  /** Returns the rest at the end. */
  readonly rest: () => string;
}

/** Of a longer line, complete words are returned before its end, in characters. */
const MAX_HELD = 64 * 1024;

/** Makes a function that hides credentials in text that comes in pieces. */
export function credentialHider(): CredentialHider {
  let held = "";
  const hide = (text: string): string => {
    const whole = held + text;
    let end = Math.max(whole.lastIndexOf("\n"), whole.lastIndexOf("\r")) + 1;
    // A word of that length is not a URL.
    if (whole.length - end > MAX_HELD) end = Math.max(whole.lastIndexOf(" ") + 1, end) || whole.length;
    held = whole.slice(end);
    return hideCredentials(whole.slice(0, end));
  };
  const rest = (): string => {
    const last = hideCredentials(held);
    held = "";
    return last;
  };
  return Object.assign(hide, { rest });
}

/** Schemes after which clients accept any number of slashes. */
const SPECIAL = /^(?:.*\+)?(?:https?|ftp|wss?)$/i;
/** The slashes after a scheme (in JSON possibly `\/`), or before a host without a scheme. */
const SLASHES = /:(?:\\?\/)+|(?<![^\s"'=(<[,])\/\//g;
/** Characters that end even a malformed URL. */
const NO_URL = /[\s"<>`]|'(?=$|[\s,;:)\]}.'])|$/;
const SCHEME = /[A-Za-z][A-Za-z0-9+.-]{0,63}$/;
/** User, password and host without a scheme, as proxies are often written. The prefixes exclude texts that look similar. */
const BARE =
  /(?<![\w.%+~!$@:/-])(?!(?:mailto|npm|jsr|pkg|docker|oci):)[\w.%+~!$-]{1,256}:[^\s"'<>`/@]{1,256}@(?=(?:(?:[A-Za-z0-9-]{1,63}\.){0,16}[A-Za-z][A-Za-z0-9-]{0,62}|\d{1,3}(?:\.\d{1,3}){3}|\[[\da-fA-F:.]{2,45}\])(?::\d{1,5}(?![\w.])|\/))/g;
/** The same after a word that names a proxy. */
const PROXY = /(proxy["']?(?:\s{0,4}[=:]\s{0,4}|\s{1,4})["']?)[^\s"'<>/:@]{1,256}:[^\s"'<>/@]{0,256}@(?=[\w[])/gi;
/** The user part of a URL that is a parameter of another URL. */
const ENCODED = /(%3A%2F%2F)((?:(?!%2F|%3F|%23|%40)[^\s&"'<>]){1,1024})%40/gi;
const PARAMETER = /([?&;]([\w.-]{1,64})=)([^\s&#"'<>`;]+)/g;

function hideUserParts(text: string): string {
  let result = "";
  let done = 0;
  for (const { start, end } of userPartsIn(text)) {
    // Names of variables are not secret, and the user needs to know which ones are missing.
    if (/^(?:\$\{\w+\}:?)+$/.test(text.slice(start, end))) continue;
    result += text.slice(done, start) + HIDDEN;
    done = end;
  }
  return (result + text.slice(done)).replace(BARE, `${HIDDEN}@`).replace(PROXY, `$1${HIDDEN}@`)
    .replace(ENCODED, `$1${HIDDEN}%40`);
}

function hideParameter(all: string, before: string, name: string): string {
  return isSecretParameter(name) ? `${before}${HIDDEN}` : all;
}

/** Finds the user parts of all URLs in a text. */
export function* userPartsIn(text: string): Generator<UserPart> {
  let done = 0;
  for (const { 0: slashes, index } of text.matchAll(SLASHES)) {
    const start = index + slashes.length;
    if (start <= done) continue;
    const scheme = slashes.startsWith(":") ? SCHEME.exec(text.slice(Math.max(0, index - 64), index))?.[0] : "";
    const count = slashes.replaceAll(/[:\\]/g, "").length;
    if (scheme === undefined || (count !== 2 && !SPECIAL.test(scheme))) continue;
    const end = endOfUser(text, start);
    if (end <= start || (scheme === "" && !text.slice(start, end).includes(":"))) continue;
    yield { start, end, scheme };
    done = end;
  }
}

/** The number of characters of a URL that are searched for a user part. */
const MAX_URL = 2048;

/** The index of the `@` that ends the user part of a URL whose authority starts at `start`; -1 without one. */
function endOfUser(text: string, start: number): number {
  const following = text.slice(start, start + MAX_URL);
  if (!following.includes("@")) return -1;
  const url = following.slice(0, following.search(NO_URL));
  const authority = /^[^/?#]*/.exec(url)![0];
  const at = authority.lastIndexOf("@");
  // What follows the `@` of an image is a digest, not a host.
  if (at >= 0) return /^sha\d+:/.test(authority.slice(at + 1)) ? -1 : start + at;
  // A password may contain an unencoded `/`, `?` or `#`; then the text after the colon is not a port.
  if (!/^(?!\[)[^:]+:(?!\d{0,5}(?:$|[,;.)\]}])|port$|\{|\$|%s)/i.test(authority)) return -1;
  const last = url.lastIndexOf("@");
  return last >= 0 && /^[\w[]/.test(url.slice(last + 1)) ? start + last : -1;
}
