/** `GET /openapi.json`: a description of all routes. */

import type { Context } from "hono";
import type { Described } from "../openapi/mod.ts";

/** Makes the handler. The first request creates the description. */
export function openapi(described: Described) {
  let text: string | undefined;
  return async function openapi(c: Context): Promise<Response> {
    text ??= JSON.stringify((await import("../openapi/mod.ts")).describe(described), undefined, 2);
    return c.body(text, 200, { "content-type": "application/json" });
  };
}
