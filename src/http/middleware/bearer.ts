/** Lets those requests through that bring a good token, and health checks. */

import type { Context, MiddlewareHandler, Next } from "hono";
import { HttpProblem } from "../problem.ts";
import type { Tokens } from "../tokens.ts";

/**
 * Makes the middleware that demands a bearer token.
 *
 * @param open paths that anybody may ask: others like them would tell who asks which there are
 * @param onRefusal is told the status of each request that is refused
 */
export function bearer(
  tokens: Tokens,
  open: ReadonlySet<string>,
  onRefusal: (status: number) => void,
): MiddlewareHandler {
  return async function bearer(c: Context, next: Next): Promise<void> {
    const { path } = c.req;
    const problem = open.has(path) ? undefined : refusal(tokens.check(c.req.raw.headers.get("authorization"), path));
    if (problem !== undefined) {
      onRefusal(problem.status);
      throw problem;
    }
    await next();
  };
}

function refusal(verdict: ReturnType<Tokens["check"]>): HttpProblem | undefined {
  switch (verdict) {
    case "good":
      return undefined;
    case "missing":
      return new HttpProblem(401, "This needs a token: send 'Authorization: Bearer TOKEN'", {}, {
        "www-authenticate": 'Bearer realm="aimodellib"',
      });
    case "wrong":
      return new HttpProblem(401, "The token is not known", {}, {
        "www-authenticate": 'Bearer realm="aimodellib", error="invalid_token"',
      });
    case "not_for_this":
      return new HttpProblem(403, "The token is for GET /metrics alone", {}, {
        "www-authenticate": 'Bearer realm="aimodellib", error="insufficient_scope"',
      });
  }
}
