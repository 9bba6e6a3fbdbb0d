/** The web pages that the server offers. */

import { jsx } from "hono/jsx";
import { Home, type HomeProps } from "./home.tsx";
import SCRIPT from "./script.js" with { type: "text" };
import STYLE from "./style.css" with { type: "text" };

export type { HomeProps };

/** A page, and a content security policy that allows only the page's own style and script. */
export interface Page {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

/** Makes the page at `/`, and the policy that restricts what it may load. */
export async function renderHome(props: HomeProps): Promise<Page> {
  const [style, script] = await Promise.all([hash(STYLE), hash(SCRIPT)]);
  return {
    html: `<!doctype html>${jsx(Home, props)}`,
    contentSecurityPolicy: `default-src 'none'; style-src '${style}'; script-src '${script}'; ` +
      "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  };
}

/** A source expression of CSP Level 3. */
async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}
