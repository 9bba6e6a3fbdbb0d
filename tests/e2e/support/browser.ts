/** A real browser, and a proxy that puts a server behind a path. */

import assert from "node:assert/strict";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const BROWSER = "/usr/bin/chromium";

/** Whether this machine has the browser. */
export const hasBrowser: boolean = (() => {
  try {
    return Deno.statSync(BROWSER).isFile;
  } catch {
    return false;
  }
})();

/** The name of a test that needs the browser; it says why the test is skipped. */
export function withBrowser(name: string): { readonly name: string; readonly ignore: boolean } {
  return { name: hasBrowser ? name : `${name} (skipped: there is no ${BROWSER})`, ignore: !hasBrowser };
}

/** No request of the browser's own leaves the machine, and its camera shows a test picture. */
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-component-update",
  "--disable-background-networking",
  "--disable-sync",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
];

/** Starts the browser. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: BROWSER, args: ARGS });
}

/** A page, with what it complained about and what it asked of other servers. */
export interface Watched {
  readonly page: Page;
  readonly complaints: string[];
  readonly outside: string[];
}

/** Opens a page whose errors, and requests to other servers than `origin`, are kept. */
export async function open(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  const outside: string[] = [];
  // A browser complains about each status from 400 on, which tests want to see.
  page.on(
    "console",
    (message) =>
      /error|warning/.test(message.type()) && !/^Failed to load resource/.test(message.text()) &&
      complaints.push(message.text()),
  );
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on(
    "request",
    (request) =>
      !request.url().startsWith(origin) && !/^(blob|data):/.test(request.url()) && outside.push(request.url()),
  );
  return { page, complaints, outside };
}

/** Checks a page with axe: no fault may be serious or critical. */
export async function checkAccess(page: Page, what: string): Promise<void> {
  // A document keeps it for later checks.
  if (!await page.evaluate("'axe' in globalThis")) await page.evaluate(axe.source);
  const faults = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({
      resultTypes: ["violations"],
    });
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) =>
      `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 150)).join(" | ")}`
    );
  });
  assert.deepEqual(faults, [], what);
}

/** The cookie of a visitor who has logged in at a proxy; see {@linkcode wantLogin}. */
const SESSION = { name: "session", value: "0123456789abcdef" };

/** Refuses requests without the cookie of a login, as the proxies of many teams do. For {@linkcode behind}. */
export function wantLogin(_path: string, { headers }: Request): Response | undefined {
  const cookies = headers.get("cookie")?.split("; ") ?? [];
  return cookies.includes(`${SESSION.name}=${SESSION.value}`) ? undefined : new Response("log in", { status: 401 });
}

/** Logs a page's visitor in at a proxy. */
export async function logIn(page: Page, url: string): Promise<void> {
  await page.context().addCookies([{ ...SESSION, url }]);
}

/**
 * A proxy that answers requests below a path, such as `/team/iris`, with what a server answers without it.
 *
 * @param instead answers some requests, such as those for `/console/events`, itself
 */
export function behind(
  prefix: string,
  server: string,
  instead: (path: string, request: Request) => Response | undefined = () => undefined,
): { readonly url: string } & AsyncDisposable {
  const proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    if (!pathname.startsWith(`${prefix}/`)) return new Response("outside of the path", { status: 404 });
    const own = instead(pathname.slice(prefix.length), request);
    if (own !== undefined) return own;
    const headers = new Headers(request.headers);
    headers.delete("host");
    // The body is passed on as it is.
    headers.set("accept-encoding", "identity");
    const answer = await fetch(`${server}${pathname.slice(prefix.length)}${search}`, {
      method: request.method,
      headers,
      body: request.body,
      signal: request.signal,
    }).catch(() => undefined);
    return answer === undefined ? new Response("no server", { status: 502 }) : new Response(answer.body, answer);
  });
  return {
    url: `http://127.0.0.1:${proxy.addr.port}${prefix}/`,
    [Symbol.asyncDispose]: () => proxy.shutdown(),
  };
}
