/** Lets those requests through that bring a good token, and health checks. */

import type { Context, MiddlewareHandler, Next } from "hono";
import { HttpProblem } from "../problem.ts";
import type { Tokens } from "../tokens.ts";

/** Makes the middleware. @param open paths that anybody may ask: others like them would tell who asks which there are */
export function bearer(tokens: Tokens, open: ReadonlySet<string>): MiddlewareHandler {
  return async function bearer(c: Context, next: Next): Promise<void> {
    const { path } = c.req;
    if (!open.has(path)) refuse(tokens.check(c.req.raw.headers.get("authorization"), path));
    await next();
  };
}

function refuse(verdict: ReturnType<Tokens["check"]>): void {
  switch (verdict) {
    case "good":
      return;
    case "missing":
      throw new HttpProblem(401, "This needs a token: send 'Authorization: Bearer TOKEN'", {}, {
        "www-authenticate": 'Bearer realm="aimodellib"',
      });
    case "wrong":
      throw new HttpProblem(401, "The token is not known", {}, {
        "www-authenticate": 'Bearer realm="aimodellib", error="invalid_token"',
      });
    case "not_for_this":
      throw new HttpProblem(403, "The token is for GET /metrics alone", {}, {
        "www-authenticate": 'Bearer realm="aimodellib", error="insufficient_scope"',
      });
  }
}
