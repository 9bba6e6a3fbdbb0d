/** `/openapi.json`, checked by a validator, and compared with the server's behaviour by schemathesis. */

import assert from "node:assert/strict";
import { LONG } from "./support/limits.ts";
import { has } from "./support/needs.ts";
import { echo, py, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const VALIDATOR = `${TOOLS}/openapi-spec-validator`;
const SCHEMATHESIS = `${TOOLS}/st`;
const TOKEN = "0123456789abcdef-token";

/** Answers any input with JSON. */
const COUNTS = py`
  import json
  def load(model_dir): return None
  def deserialize(data, content_type): return data
  def predict(data, model): return len(data)
  def serialize(data, accepted): return json.dumps(data).encode(), "application/json"
`;

/** Turns off a check for requests that match the schema but are invalid: no schema can say that tensors must fit their shapes. */
const CONFIG = `
[[operations]]
include-path-regex = "/infer$"
checks.positive_data_acceptance.enabled = false
`;

async function severalModels(box: Sandbox): Promise<Server> {
  const module = box.module({ "serve.py": echo() });
  const models = ["one", "two"].flatMap((name) => ["--model", `${name}=${module},serve.py,${box.root}`]);
  const env = { AIP_HEALTH_ROUTE: "/healthz", AIP_PREDICT_ROUTE: "/predict" };
  return await Server.attach(box.start(["serve", "--host", "127.0.0.1", "--port", "0", ...models], { env }), true);
}

test("the document is valid OpenAPI", async (box) => {
  const secured = await box.serve(echo(), { env: { AIMODELLIB_TOKEN: TOKEN, AIP_PREDICT_ROUTE: "/predict" } });
  const several = await severalModels(box);
  const authorization = `Bearer ${TOKEN}`;
  const documents: Record<string, string> = {};
  for (const [name, server] of Object.entries({ secured, several })) {
    const answer = await server.request("/openapi.json", { headers: { authorization } });
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "application/json"]);
    documents[`${name}.json`] = answer.text;
    await server.stop();
  }
  const damaged = documents["several.json"]!.replace('"Problem": {', '"Trouble": {');
  box.write({ ...documents, "damaged.json": damaged });
  // The validator stops at the first document with a fault.
  const { code, stdout } = await box.run(["secured.json", "several.json", "damaged.json"], { command: VALIDATOR });
  assert.match(stdout, /^secured\.json: OK\nseveral\.json: OK\n(?!damaged\.json: OK)/);
  assert.notEqual(code, 0, "the validator finds a reference to nothing");
}, has(VALIDATOR));

/** How many random requests schemathesis sends to each route, after those with each limit of the schema. */
const RANDOM_REQUESTS = "5";

/** Runs schemathesis, which sends valid and invalid requests. */
async function check(box: Sandbox, server: Server, ...more: string[]) {
  box.write({ "schemathesis.toml": CONFIG });
  const url = `${server.url}/openapi.json`;
  const args = ["run", url, "--no-color", "--seed", "1", "--max-examples", RANDOM_REQUESTS, ...more];
  return await box.run(args, { command: SCHEMATHESIS, limit: 5 * LONG, env: { HOME: box.root } });
}

test("schemathesis confirms that each route behaves as documented", async (box) => {
  const server = await box.serve(COUNTS, { env: { AIMODELLIB_TOKEN: TOKEN } });
  const { code, stdout } = await check(box, server, "--header", `Authorization: Bearer ${TOKEN}`);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /Tested: 37/);
  assert.doesNotMatch(server.log, /ERROR|Traceback/);
  assert.equal((await server.request("/ping")).status, 200);
  await server.stop();
}, has(SCHEMATHESIS));

test("schemathesis finds a route that does not behave as documented", async (box) => {
  const server = await box.serve(`${COUNTS}\ndef predict(data, model): raise ValueError(data)\n`);
  const { code, stdout } = await check(
    box,
    server,
    "--include-path",
    "/invocations",
    "--max-failures",
    "1",
    "--no-shrink",
  );
  assert.equal(code, 1, stdout);
  assert.match(stdout, /Server error/);
  await server.stop();
}, has(SCHEMATHESIS));
