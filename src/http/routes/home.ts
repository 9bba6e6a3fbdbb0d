/** `GET /`: a page to try the model with. */

import type { Models } from "../../supervisor/mod.ts";
import { VERSION } from "../../version.ts";

/** Makes the handler. The first request loads the page's code. */
export function home(models: Models) {
  const { all } = models;
  const [only] = all.length === 1 ? all : [];
  const title = only?.name ?? `${all.length} models`;
  const paths = only === undefined ? all.map(({ name }) => `/models/${name}/invocations`) : ["/invocations"];
  return async function home(): Promise<Response> {
    const { renderHome } = await import("../../web/mod.ts");
    const { html, contentSecurityPolicy } = await renderHome({ title, paths, state: models.state, version: VERSION });
    return new Response(html, {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": contentSecurityPolicy,
        "cache-control": "no-store",
      },
    });
  };
}
