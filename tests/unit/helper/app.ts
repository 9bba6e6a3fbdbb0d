/** Makes the application, with a fake pool that answers as a test says. */

import { type App, type AppOptions, createApp } from "../../../src/http/app.ts";
import { readBody } from "../../../src/http/body.ts";
import { toResponse } from "../../../src/http/fetch_types.ts";
import { parseHead } from "../../../src/http/h1/head.ts";
import type { Answer, Incoming } from "../../../src/http/h1/mod.ts";
import { Transcoder } from "../../../src/http/v2/mod.ts";
import type { Models } from "../../../src/supervisor/mod.ts";
import { FakePool } from "./fake_pool.ts";

/** The application, with a method to send it requests without a connection. */
export interface TestApp extends App {
  request(path: string, init?: RequestInit): Promise<Response>;
}

/** Makes the application; bodies may be up to 1000 bytes long. */
export function appWith(
  pools: FakePool | readonly FakePool[],
  uriListHosts: readonly string[] = [],
  options: Partial<AppOptions> = {},
): TestApp {
  const all = pools instanceof FakePool ? [pools.model] : pools.map(({ model }) => model);
  const models = {
    all,
    get: (name: string) => all.find((model) => model.name === name),
    get state() {
      return all[0]!.state;
    },
    get reloading() {
      return (Array.isArray(pools) ? pools : [pools]).some(({ reloading }) => reloading);
    },
  } as unknown as Models;
  const app = createApp(models, { maxBody: 1000, uriListHosts, transcoder: new Transcoder(), ...options });
  return {
    ...app,
    request: async (path, init) =>
      toResponse(await app.handle(incomingOf(new Request(new URL(path, "http://localhost"), init)))),
  };
}

/** Sends the application a head, in the form in which a client sends it. */
export async function askRaw(pool: FakePool, head: string): Promise<Answer> {
  const { head: _, ...rest } = incomingOf(new Request("http://localhost/"));
  return await appWith(pool).handle({ ...rest, head: parseHead(head) });
}

/** Makes a request as it comes from a connection. */
export function incomingOf(request: Request): Incoming {
  const { pathname, search, host } = new URL(request.url);
  return {
    head: {
      method: request.method,
      target: pathname + search,
      path: pathname,
      host,
      fields: [...request.headers].flat(),
      length: undefined,
      old: false,
      keepAlive: true,
      expectsContinue: false,
    },
    body: (maxBytes) => readBody(request, maxBytes),
    lease: undefined,
    endLease: () => {},
    left: false,
    hold: () => {},
    onLeave: () => {},
  };
}

/** Returns the problem in a response. It must have the status of the response. */
export async function problemIn(response: Response): Promise<Record<string, unknown>> {
  const problem = await response.json();
  if (response.headers.get("content-type") !== "application/problem+json") throw new Error("It is no problem");
  if (problem.status !== response.status) throw new Error(`Its status is ${response.status}, not ${problem.status}`);
  return problem;
}
