/** Headers that tell browsers to be careful with what is got. Answers of a model have theirs from `answerHeaders()`. */

import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/** Makes the middleware that adds security headers to pages. */
export function security(): MiddlewareHandler {
  return secureHeaders({
    // It would be for all ports of this host, and for a year: that is for whoever runs the host to decide.
    strictTransportSecurity: false,
    xFrameOptions: "DENY",
  });
}
