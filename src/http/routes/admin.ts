/** `POST /admin/reload`: replaces the workers of all models, as SIGHUP does. */

import type { Context } from "hono";
import type { Models, ReloadResult } from "../../supervisor/mod.ts";
import type { Reloaded } from "../../web/wire.ts";
import type { Incoming } from "../h1/mod.ts";
import { HttpProblem } from "../problem.ts";

/** Carries out a reload; resolves with how it ended for each model. */
export type Reload = () => Promise<readonly (ReloadResult & { readonly name: string })[]>;

/**
 * Makes the handler. It answers 200 when the reload has ended, or 202 at once if the header `Prefer` (RFC 7240) says `respond-async`.
 *
 * @param mayReload whether the sender of a request may do this
 */
export function reloading(models: Models, reload: Reload, mayReload: (request: Incoming) => boolean) {
  return async function reloading(c: Context): Promise<Response> {
    if (!mayReload(c.env as Incoming)) {
      throw new HttpProblem(
        403,
        "Reloading needs a token with the scope 'admin' (--token-file). Without tokens, it is for requests from this machine to a " +
          "server that listens on a loopback address, and not for other web pages or proxies",
      );
    }
    if (models.state === "stopping") throw new HttpProblem(503, "The server is stopping");
    if (models.reloading) {
      throw new HttpProblem(409, "Another reload is in progress; try again when it has ended", {}, {
        "retry-after": "1",
      });
    }
    const ended = reload();
    if (/(?:^|,)\s*respond-async\s*(?:[;,]|$)/i.test(c.req.header("prefer") ?? "")) {
      return c.json({ status: "reloading" }, 202, { "preference-applied": "respond-async" });
    }
    const results = await ended;
    const failures = results.flatMap((result) =>
      result.reloaded ? [] : [results.length === 1 ? result.cause : `'${result.name}': ${result.cause}`]
    );
    if (failures.length > 0) {
      throw new HttpProblem(
        500,
        `Reloading failed (${failures.join("; ")}); workers that were not replaced stay in service`,
      );
    }
    return c.json({ models: results.map(({ name, reloaded }) => ({ name, reloaded })) } satisfies Reloaded);
  };
}
