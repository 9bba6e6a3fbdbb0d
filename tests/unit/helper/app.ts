/** The application, with a pool that answers as a test says. */

import type { Hono } from "hono";
import { createApp } from "../../../src/http/app.ts";
import type { FakePool } from "./fake_pool.ts";

/** Makes it; bodies may be 1000 bytes long. */
export function appWith({ pool }: FakePool, uriListHosts: readonly string[] = []): Hono {
  return createApp(pool, { maxBody: 1000, uriListHosts, script: "/models/digits/serve.py" });
}

/** What a problem is compared with: its status is in it, as that of the response must be. */
export async function problemIn(response: Response): Promise<Record<string, unknown>> {
  const problem = await response.json();
  if (response.headers.get("content-type") !== "application/problem+json") throw new Error("It is no problem");
  if (problem.status !== response.status) throw new Error(`Its status is ${response.status}, not ${problem.status}`);
  return problem;
}
