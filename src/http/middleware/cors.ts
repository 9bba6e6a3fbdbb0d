/** Lets web pages of some origins use this server: CORS, https://fetch.spec.whatwg.org/#http-cors-protocol. */

import type { Browsers } from "../browsers.ts";
import { fieldOf } from "../fields.ts";
import type { Handle } from "../h1/mod.ts";

/** How long a browser may remember a preflight's answer, in seconds: more than any of them does. */
const MAX_AGE = "86400";

/** Names of headers, as a browser lists them. */
const NAMES = /^[\w!#$%&'*+.^`|~-]+(?:, *[\w!#$%&'*+.^`|~-]+)*$/;

/** Answers preflights, calling `count` for each, and tells browsers which pages may read what `next` answers. */
export function cors(browsers: Browsers, count: () => void, next: Handle): Handle {
  return async function cors(request) {
    const { method, fields } = request.head;
    const origin = fieldOf(fields, "origin");
    const allowed = origin !== null && browsers.allowsOrigin(origin.toLowerCase());
    if (allowed && method === "OPTIONS" && fieldOf(fields, "access-control-request-method") !== null) {
      count();
      const headers = fieldOf(fields, "access-control-request-headers") ?? "";
      return {
        status: 200,
        headers: {
          "access-control-allow-origin": origin,
          "access-control-allow-methods": "GET, HEAD, POST",
          ...(NAMES.test(headers) && { "access-control-allow-headers": headers }),
          "access-control-max-age": MAX_AGE,
          vary: "Origin, Access-Control-Request-Headers",
        },
        body: new Uint8Array(0),
      };
    }
    const answer = await next(request);
    const { vary } = answer.headers;
    return {
      ...answer,
      headers: {
        ...answer.headers,
        // A cache must not give one page's answer to another.
        vary: vary === undefined ? "Origin" : `${vary}, Origin`,
        ...(allowed && { "access-control-allow-origin": origin, "access-control-expose-headers": "*" }),
      },
    };
  };
}
