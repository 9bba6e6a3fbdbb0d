/** Refuses requests of web pages that must not use this server: see `../browsers.ts`. */

import type { Context, MiddlewareHandler, Next } from "hono";
import type { Browsers } from "../browsers.ts";
import type { Incoming } from "../h1/mod.ts";

/**
 * Makes the middleware that refuses requests of foreign web pages.
 *
 * @param onRefusal is told the status of each request that is refused
 */
export function guard(browsers: Browsers, onRefusal: (status: number) => void): MiddlewareHandler {
  return async function guard(c: Context, next: Next): Promise<void> {
    const problem = browsers.refusal((c.env as Incoming).head);
    if (problem !== undefined) {
      onRefusal(problem.status);
      throw problem;
    }
    await next();
  };
}
