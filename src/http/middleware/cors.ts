/**
 * Lets web pages of some origins use this server: CORS, https://fetch.spec.whatwg.org/#http-cors-protocol.
 *
 * hono's own middleware sets headers before there is an answer, which makes a copy of the answer, and that would lose what it is made of.
 */

import type { Context, MiddlewareHandler, Next } from "hono";
import type { Browsers } from "../browsers.ts";

/** How long a browser may remember a preflight's answer, in seconds: more than any of them does. */
const MAX_AGE = "86400";

/** Names of headers, as a browser lists them. */
const NAMES = /^[\w!#$%&'*+.^`|~-]+(?:, *[\w!#$%&'*+.^`|~-]+)*$/;

/** Makes the middleware that lets pages of some origins use the server. */
export function cors(browsers: Browsers): MiddlewareHandler {
  return async function cors(c: Context, next: Next): Promise<Response | void> {
    const origin = c.req.header("origin");
    const allowed = origin !== undefined && browsers.allowsOrigin(origin.toLowerCase());
    if (allowed && c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined) {
      const headers = c.req.header("access-control-request-headers") ?? "";
      return new Response(null, {
        status: 200,
        headers: {
          "access-control-allow-origin": origin,
          "access-control-allow-methods": "GET, HEAD, POST",
          ...(NAMES.test(headers) && { "access-control-allow-headers": headers }),
          "access-control-max-age": MAX_AGE,
          vary: "Origin, Access-Control-Request-Headers",
        },
      });
    }
    await next();
    // Whoever keeps answers must not give one page's to another.
    c.res.headers.append("vary", "Origin");
    if (!allowed) return;
    c.res.headers.set("access-control-allow-origin", origin);
    c.res.headers.set("access-control-expose-headers", "*");
  };
}
