import assert from "node:assert/strict";
import type { AppOptions } from "../../../../src/http/app.ts";
import { VERSION } from "../../../../src/version.ts";
import { appWith, problemIn } from "../../helper/app.ts";
import { FakePool } from "../../helper/fake_pool.ts";

const MIB = 2 ** 20;

async function parameters(
  window: number | undefined,
  limits: Partial<AppOptions["limits"]>,
): Promise<readonly unknown[]> {
  const pool = new FakePool();
  pool.window = window;
  const { maxBody = 100 * MIB, ...more } = limits!;
  const app = appWith(pool, [], { maxBody, limits: { maxBody, queueSize: 1000, ...more } as AppOptions["limits"] });
  const response = await app.request("/execution-parameters");
  assert.equal(response.status, 200);
  const { BatchStrategy, ...rest } = await response.json();
  assert.deepEqual(Object.keys(rest), ["MaxConcurrentTransforms", "MaxPayloadInMB"]);
  assert.equal(BatchStrategy, "SINGLE_RECORD");
  return Object.values(rest);
}

// The fake pool has two workers.
for (
  const [what, window, limits, expected] of [
    ["workers that execute one request at a time", undefined, {}, [4, 25]],
    ["workers that take several at once", 3, {}, [6, 16]],
    ["workers that take more than SageMaker's limit for all bodies allows", 32, {}, [16, 6]],
    ["no queue", undefined, { queueSize: 0 }, [2, 50]],
    ["a lower limit for bodies", 32, { maxBody: 2 * MIB }, [50, 2]],
    ["a limit for bodies below 1 MiB, since 0 would mean no limit", 32, { maxBody: 1000 }, [64, 1]],
    ["little memory for all bodies", 3, { maxBodyMemory: 12 * MIB }, [2, 6]],
    ["hardly any memory for all bodies", 3, { maxBodyMemory: 1000 }, [1, 1]],
  ] as const
) {
  Deno.test(`GET /execution-parameters answers with numbers for ${what}`, async () => {
    assert.deepEqual(await parameters(window, limits), expected);
  });
}

Deno.test("GET /execution-parameters answers 503 until the model is ready, and 404 with several models", async () => {
  const pool = new FakePool();
  pool.state = "loading";
  assert.equal((await problemIn(await appWith(pool).request("/execution-parameters")))["status"], 503);
  const several = await appWith([new FakePool(), new FakePool(undefined, "b")]).request("/execution-parameters");
  assert.match(String((await problemIn(several))["detail"]), /^There are several models/);
});

Deno.test("GET /version answers with the version", async () => {
  assert.equal(await (await appWith(new FakePool()).request("/version")).text(), VERSION);
});

Deno.test("POST /endpoints/NAME/invocations writes problems of the server with their own status", async () => {
  const pool = new FakePool(() => ({ kind: "refused", cause: "full" }));
  const app = appWith(pool);
  const ask = async (path: string, body = "x") => {
    const response = await app.request(path, { method: "POST", body });
    return [response.status, response.headers.get("x-amzn-errortype"), (await response.json()).Message];
  };
  const invocations = "/endpoints/digits/invocations";
  const full = "Too many requests are waiting for a worker; try again later";
  assert.deepEqual(await ask(invocations), [503, "ServiceUnavailable", full]);
  assert.deepEqual(await ask(`${invocations}-response-stream`), [503, "ServiceUnavailable", full]);
  assert.deepEqual((await ask(invocations, "x".repeat(1001))).slice(0, 2), [413, "ValidationError"]);
  assert.deepEqual((await ask("/endpoints/digits/other")).slice(0, 2), [404, "ValidationError"]);
});
