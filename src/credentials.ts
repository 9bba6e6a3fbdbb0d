/**
 * Credentials in URLs, which must not be shown: a URL of a package index or of an artifact may hold a password, and its message
 * ends up in logs, records and bug reports.
 */

import { isSecretParameter } from "./secret_names.ts";

/** What is shown in place of a secret. */
export const HIDDEN = "****";

/** The user part of a URL: where it is in the text, without the `@`. */
export interface UserPart {
  readonly start: number;
  readonly end: number;
  /** Such as `git+ssh`; empty for a URL without one. */
  readonly scheme: string;
}

/**
 * Hides the user part of each URL, and the parameters that sign one. Everything else stays as it is: e-mail addresses,
 * `name @ https://host/file.whl` and `image:tag@sha256:…` among it.
 *
 * @param text with no URL that is cut off at either end
 */
export function hideCredentials(text: string): string {
  // Most texts have neither.
  const mayHaveUser = text.includes("@") || /%40/i.test(text);
  if (mayHaveUser) text = hideUserParts(text);
  return text.includes("=") ? text.replace(PARAMETER, hideParameter) : text;
}

/** A function that does the same to text that comes in pieces, such as what a program prints. */
export interface CredentialHider {
  /** Returns what is complete: lines, and words of a line that is very long. */
  (text: string): string;
  /** Returns what is left. */
  readonly rest: () => string;
}

/** A line that is longer is shown before its end, in characters. */
const MAX_HELD = 64 * 1024;

/** Makes a function that hides credentials in what comes in pieces. */
export function credentialHider(): CredentialHider {
  let held = "";
  const hide = (text: string): string => {
    const whole = held + text;
    let end = Math.max(whole.lastIndexOf("\n"), whole.lastIndexOf("\r")) + 1;
    // A word of that length is no URL.
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

/** Schemes of which clients take any number of slashes. */
const SPECIAL = /^(?:.*\+)?(?:https?|ftp|wss?)$/i;
/** The slashes behind a scheme (in JSON perhaps as `\/`), or before a host without a scheme. */
const SLASHES = /:(?:\\?\/)+|(?<![^\s"'=(<[,])\/\//g;
/** What no URL holds, even if it is badly written. */
const NO_URL = /[\s"<>`]|'(?=$|[\s,;:)\]}.'])|$/;
const SCHEME = /[A-Za-z][A-Za-z0-9+.-]{0,63}$/;
/** A user, a password and a host, as proxies are often written. The prefixes are of other things that look like it. */
const BARE =
  /(?<![\w.%+~!$@:/-])(?!(?:mailto|npm|jsr|pkg|docker|oci):)[\w.%+~!$-]{1,256}:[^\s"'<>`/@]{1,256}@(?=(?:(?:[A-Za-z0-9-]{1,63}\.){0,16}[A-Za-z][A-Za-z0-9-]{0,62}|\d{1,3}(?:\.\d{1,3}){3}|\[[\da-fA-F:.]{2,45}\])(?::\d{1,5}(?![\w.])|\/))/g;
/** The same where it is said that it is a proxy. */
const PROXY = /(proxy["']?(?:\s{0,4}[=:]\s{0,4}|\s{1,4})["']?)[^\s"'<>/:@]{1,256}:[^\s"'<>/@]{0,256}@(?=[\w[])/gi;
/** The user part of a URL that is a parameter of another. */
const ENCODED = /(%3A%2F%2F)((?:(?!%2F|%3F|%23|%40)[^\s&"'<>]){1,1024})%40/gi;
const PARAMETER = /([?&;]([\w.-]{1,64})=)([^\s&#"'<>`;]+)/g;

function hideUserParts(text: string): string {
  let result = "";
  let done = 0;
  for (const { start, end } of userPartsIn(text)) {
    // Names of variables are no secret, and tell which ones are needed.
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

/** A user part is looked for in so many characters of a URL. */
const MAX_URL = 2048;

/** Where the `@` is that ends the user part of the URL whose authority begins at `start`; -1 if it has none. */
function endOfUser(text: string, start: number): number {
  const following = text.slice(start, start + MAX_URL);
  if (!following.includes("@")) return -1;
  const url = following.slice(0, following.search(NO_URL));
  const authority = /^[^/?#]*/.exec(url)![0];
  const at = authority.lastIndexOf("@");
  // The digest of an image is no host.
  if (at >= 0) return /^sha\d+:/.test(authority.slice(at + 1)) ? -1 : start + at;
  // A password with a `/`, `?` or `#` in it, which should have been encoded: what looks like the port is none.
  if (!/^(?!\[)[^:]+:(?!\d{0,5}(?:$|[,;.)\]}])|port$|\{|\$|%s)/i.test(authority)) return -1;
  const last = url.lastIndexOf("@");
  return last >= 0 && /^[\w[]/.test(url.slice(last + 1)) ? start + last : -1;
}
