/** `GET /console/events`: what happens in the server, as Server-Sent Events (`src/web/wire.ts`). */

import type { Context } from "hono";
import type { Recent } from "../../recent/mod.ts";
import { MAX_READERS } from "../../recent/mod.ts";
import { toResponse } from "../fetch_types.ts";
import type { Incoming } from "../h1/mod.ts";
import { CONSOLE_EVENT_HEADERS } from "../parts.ts";
import { HttpProblem } from "../problem.ts";

/**
 * Makes the handler that follows the recent past.
 *
 * @param mayReadLog whether the sender of a request may read log lines
 */
export function consoleEvents(recent: Recent, mayReadLog: (request: Incoming) => boolean) {
  return function consoleEvents(c: Context): Response {
    const request = c.env as Incoming;
    if (request.head.method === "HEAD") return new Response(null, { headers: CONSOLE_EVENT_HEADERS });
    const body = recent.follow({ lastEventId: c.req.header("last-event-id"), logs: mayReadLog(request) });
    if (body === undefined) {
      throw new HttpProblem(503, `${MAX_READERS} event streams are open already: close a page with the console`, {}, {
        "retry-after": "10",
      });
    }
    return toResponse({ status: 200, headers: CONSOLE_EVENT_HEADERS, body });
  };
}
