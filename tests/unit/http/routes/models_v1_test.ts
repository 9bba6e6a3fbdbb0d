import assert from "node:assert/strict";
import { appWith } from "../../helper/app.ts";
import { FakePool, result } from "../../helper/fake_pool.ts";
import { Tokens } from "../../../../src/http/tokens.ts";

const TOKEN = "0123456789abcdef";

Deno.test("GET /v1/models names all models, and describes to OpenAI's clients those that chat or embed", async () => {
  const pools = [new FakePool(undefined, "plain"), new FakePool(undefined, "chats")];
  pools[1]!.openAi = ["chat.completions"];
  const body = await (await appWith(pools).request("/v1/models")).json();
  assert.deepEqual([body.models, body.object], [["plain", "chats"], "list"]);
  assert.deepEqual(body.data.map(({ id }: { id: string }) => id), ["chats"]);
});

Deno.test("GET /v1/models/NAME has the members of KServe and OpenAI when the model is ready", async () => {
  const { created, ...rest } = await (await appWith(new FakePool()).request("/v1/models/digits")).json();
  assert.ok(Number.isInteger(created));
  assert.deepEqual(rest, { id: "digits", object: "model", owned_by: "aimodellib", name: "digits", ready: true });
});

for (const state of ["loading", "restarting", "failed"] as const) {
  Deno.test(`GET /v1/models/NAME answers 503 in OpenAI's form in the state ${state}`, async () => {
    const pool = new FakePool();
    pool.state = state;
    const response = await appWith(pool).request("/v1/models/digits");
    assert.deepEqual([response.status, response.headers.get("content-type")], [503, "application/json"]);
    assert.equal((await response.json()).error.message, `The model is not ready: ${state}`);
  });
}

Deno.test("POST /v1/models/NAME:predict passes the request to the model, and is counted under its own route", async () => {
  const pool = new FakePool(() => result("{}", "application/json"));
  const app = appWith(pool);
  const headers = { "content-type": "application/json" };
  const response = await app.request("/v1/models/digits:predict", { method: "POST", body: "[1]", headers });
  assert.deepEqual([response.status, await response.text()], [200, "{}"]);
  assert.deepEqual(pool.asked.map(({ metadata }) => metadata), [{ content_type: "application/json", accept: "*/*" }]);
  const metrics = await (await app.request("/metrics")).text();
  const route = 'route="/v1/models/{name}:predict",model="digits",status="200"';
  assert.ok(metrics.includes(`aimodellib_requests_total{${route}} 1\n`), metrics);
});

Deno.test("POST /v1/models/NAME:predict answers errors with the member 'error', which KServe's client shows", async () => {
  const app = appWith(new FakePool(() => ({ kind: "lost", cause: "signal SIGKILL" })));
  for (
    const [path, status, message] of [
      ["/v1/models/digits:predict", 502, /^The worker that executed this request died/],
      ["/v1/models/other:predict", 404, /^The model 'other' does not exist; known models: 'digits'$/],
      [
        "/v1/models/digits:explain",
        501,
        /^The model 'digits' explains no predictions\. .*--route \/v1\/models\/digits:/,
      ],
      ["/v1/models/digits:rate", 404, /^No route matches/],
    ] as const
  ) {
    const response = await app.request(path, { method: "POST", body: "{}" });
    const { error, detail, status: said } = await response.json();
    assert.deepEqual([response.status, said, response.headers.get("content-type")], [
      status,
      status,
      "application/json",
    ]);
    assert.match(error, message);
    assert.equal(detail, error);
  }
  const wrong = await app.request("/v1/models/digits:predict");
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "POST"]);
});

Deno.test("a path of a platform or of --route takes precedence over that of KServe's V1 protocol", async () => {
  const pool = new FakePool();
  const app = appWith(pool, [], {
    predictRoute: "/v1/models/digits:predict",
    routes: new Map([["/v1/models/digits:explain", "digits"]]),
  });
  for (const path of ["/v1/models/digits:predict", "/v1/models/digits:explain"]) {
    assert.equal((await app.request(path, { method: "POST", body: "x" })).status, 200);
    const metrics = await (await app.request("/metrics")).text();
    assert.ok(metrics.includes(`{route="${path}",model="digits",status="200"} 1\n`), metrics);
  }
});

Deno.test("the routes of KServe's V1 protocol need a token if the server has tokens", async () => {
  const app = appWith(new FakePool(), [], { tokens: Tokens.parse(TOKEN, "a test") });
  for (
    const [path, method] of [["/v1/models", "GET"], ["/v1/models/digits", "GET"], ["/v1/models/digits:predict", "POST"]]
  ) {
    const ask = (headers: HeadersInit) => app.request(path!, { method: method!, headers });
    assert.equal((await ask({})).status, 401, path);
    assert.equal((await ask({ authorization: `Bearer ${TOKEN}` })).status, 200, path);
  }
});
