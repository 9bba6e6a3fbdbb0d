/** The application, with a pool that answers as a test says. */

import type { Hono } from "hono";
import { createApp } from "../../../src/http/app.ts";
import { Executing } from "../../../src/http/executing.ts";
import type { Models } from "../../../src/supervisor/mod.ts";
import { FakePool } from "./fake_pool.ts";

/** Makes it; bodies may be 1000 bytes long. */
export function appWith(pools: FakePool | readonly FakePool[], uriListHosts: readonly string[] = []): Hono {
  const all = pools instanceof FakePool ? [pools.model] : pools.map(({ model }) => model);
  const models = {
    all,
    get: (name: string) => all.find((model) => model.name === name),
    get state() {
      return all[0]!.state;
    },
  } as unknown as Models;
  return createApp(models, { maxBody: 1000, uriListHosts, executing: new Executing() });
}

/** What a problem is compared with: its status is in it, as that of the response must be. */
export async function problemIn(response: Response): Promise<Record<string, unknown>> {
  const problem = await response.json();
  if (response.headers.get("content-type") !== "application/problem+json") throw new Error("It is no problem");
  if (problem.status !== response.status) throw new Error(`Its status is ${response.status}, not ${problem.status}`);
  return problem;
}
