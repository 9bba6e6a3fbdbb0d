/** Authentication by bearer tokens (RFC 6750). */

import { fieldOf } from "../fields.ts";
import type { Handle, Head } from "../h1/mod.ts";
import { HttpProblem } from "../problem.ts";
import type { Tokens } from "../tokens.ts";
import type { Refusal } from "./refusal.ts";

const PASSED = Symbol("passed");
/** A head that caches which tokens have accepted it: a connection shares one Head object among equal requests. */
type KeptHead = Head & { [PASSED]?: object };

/**
 * Passes requests with a known token, and all requests for `open` paths, to `next`.
 *
 * @param open paths that need no token. They are compared as a whole: a pattern would tell callers without a token which models exist
 * @param refuse makes the answer to all other requests
 */
export function bearer(tokens: Tokens, open: ReadonlySet<string>, refuse: Refusal, next: Handle): Handle {
  return function bearer(request) {
    const head: KeptHead = request.head;
    if (head[PASSED] === tokens.current) return next(request);
    const { fields, path } = head;
    const verdict = open.has(path) ? "good" : tokens.check(fieldOf(fields, "authorization"), path);
    if (verdict !== "good") return refuse(request, problemOfVerdict(verdict));
    head[PASSED] = tokens.current;
    return next(request);
  };
}

function beyondScope(detail: string): HttpProblem {
  return new HttpProblem(403, detail, {}, {
    "www-authenticate": 'Bearer realm="aimodellib", error="insufficient_scope"',
  });
}

function problemOfVerdict(verdict: Exclude<ReturnType<Tokens["check"]>, "good">): HttpProblem {
  switch (verdict) {
    case "missing":
      return new HttpProblem(401, "Authentication is required: send 'Authorization: Bearer TOKEN'", {}, {
        "www-authenticate": 'Bearer realm="aimodellib"',
      });
    case "wrong":
      return new HttpProblem(401, "The bearer token is not valid", {}, {
        "www-authenticate": 'Bearer realm="aimodellib", error="invalid_token"',
      });
    case "metrics_only":
      return beyondScope("The token allows only GET /metrics");
    case "not_admin":
      return beyondScope("The token does not have the scope 'admin': add 'admin' after it in the token file");
  }
}
