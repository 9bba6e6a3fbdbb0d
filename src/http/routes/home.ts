/** `GET /`: a page to try the model with. */

import type { Pool } from "../../supervisor/mod.ts";
import { VERSION } from "../../version.ts";

/** Makes the handler. The page's code is loaded when it is asked for first. */
export function home(pool: Pool, { script }: { readonly script: string }) {
  const name = script.slice(script.lastIndexOf("/") + 1);
  return async function home(): Promise<Response> {
    const { renderHome } = await import("../../web/mod.ts");
    const { html, contentSecurityPolicy } = await renderHome({ script: name, state: pool.state, version: VERSION });
    return new Response(html, {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": contentSecurityPolicy,
        "cache-control": "no-store",
      },
    });
  };
}
