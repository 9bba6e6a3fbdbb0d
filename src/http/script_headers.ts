/**
 * Headers that an exception of a script gives to its answer, such as `Retry-After`.
 *
 * A script may copy them from an untrusted source, such as another server's answer. They must not control how the answer is sent, the
 * type of its body, or how a browser treats this server; and no value may contain a line break, which would inject a header.
 */

import { getLogger } from "@logtape/logtape";
import { isHeaderValue } from "./h1/mod.ts";

const log = getLogger(["aimodellib", "http"]);

/** The most headers of one answer, and the most characters that one may have. */
const MAX_HEADERS = 16;
const MAX_NAME = 64;
const MAX_VALUE = 1024;

/** A field's name: RFC 9110, section 5.1. */
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;

/** Headers that describe the body: exceptions of web frameworks carry them for their own bodies. */
const OF_BODY = /^(?:content-.*|transfer-encoding|trailer)$/;

/** Headers of the connection (RFC 9110, section 7.6.1), of the server, and of its origin. */
const OF_SERVER =
  /^(?:connection|keep-alive|proxy-.*|te|upgrade|http2-settings|host|date|server|via|alt-svc|set-cookie2?|clear-site-data|strict-transport-security|access-control-.*|cross-origin-.*|x-content-type-options|x-request-id|x-amzn-sagemaker-custom-attributes)$/;

/**
 * Returns the headers that the answer may have, by names in lower case. The others are left out and logged.
 *
 * @param given pairs of a name and a value (null if it is not text), as the worker sent them
 * @param exception the exception's class, for log messages
 */
export function headersOfScript(given: unknown, exception: string): Readonly<Record<string, string>> {
  if (!Array.isArray(given)) return {};
  const headers = new Map<string, string>();
  for (const pair of given.slice(0, MAX_HEADERS)) {
    const [given, value] = Array.isArray(pair) ? pair : [];
    if (typeof given !== "string") continue;
    const name = given.toLowerCase();
    const text = typeof value === "string" ? value.trim() : undefined;
    if (OF_BODY.test(name)) continue;
    const wrong = NAME.test(given) ? whatIsWrong(name, text) : "this is not a valid header name";
    if (wrong !== undefined || text === undefined) {
      log.warning("The header {header} of the script's {exception} is ignored: {reason}", {
        header: `'${given.slice(0, MAX_NAME)}'`,
        exception,
        reason: wrong,
      });
      continue;
    }
    const before = headers.get(name);
    headers.set(name, before === undefined ? text : `${before}, ${text}`);
  }
  return Object.fromEntries(headers);
}

function whatIsWrong(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return "its value is neither a string nor an integer";
  if (name.length > MAX_NAME || value.length > MAX_VALUE) {
    return `names have at most ${MAX_NAME} characters, and values ${MAX_VALUE}`;
  }
  if (OF_SERVER.test(name)) return "only the server sets it";
  if (value === "") return "it has no value";
  return isHeaderValue(value) ? undefined : "its value has characters that a header can't have";
}
