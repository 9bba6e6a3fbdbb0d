/** Headers that restrict what browsers do with an answer. Answers of a model have theirs from `answerHeaders()`. */

import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/** Makes the middleware that adds security headers to pages. */
export function security(): MiddlewareHandler {
  return secureHeaders({
    // HSTS would cover all ports of this host for a year; the host's operator decides on that.
    strictTransportSecurity: false,
    xFrameOptions: "DENY",
  });
}
