import assert from "node:assert/strict";
import { createApp } from "../../../../src/http/app.ts";
import { Transcoder } from "../../../../src/http/v2/mod.ts";
import { describe, type Described } from "../../../../src/http/openapi/mod.ts";
import type { Models } from "../../../../src/supervisor/mod.ts";
import { FakePool } from "../../helper/fake_pool.ts";

type Operations = Readonly<Record<string, { readonly responses: object; readonly security?: unknown }>>;

const pathsOf = (document: object) => (document as { paths: Readonly<Record<string, Operations>> }).paths;

/** Returns the methods and paths that a server of these models answers. */
function routesOf(count: number, { predictRoute, healthRoute, routes: further = [] }: Partial<Described>): Set<string> {
  const all = Array.from({ length: count }, () => new FakePool().model);
  const models = {
    all,
    get: (name: string) => all.find((model) => model.name === name),
    state: "ready",
  } as unknown as Models;
  const app = createApp(models, {
    transcoder: new Transcoder(),
    maxBody: 1,
    uriListHosts: [],
    predictRoute,
    healthRoute,
    routes: new Map(further.map((path) => [path, "digits"])),
  });
  // Routes below /console are only for the page.
  const routes = app.routes.routes.filter(({ path }) => !path.startsWith("/console/"));
  return new Set(routes.map(({ method, path }) => {
    const general = path.replace(/^(\/v[12])?\/models\/(?!stats$)[^/:]+/, "$1/models/{name}").replace(
      /^\/endpoints\/[^/]+/,
      "/endpoints/{name}",
    ).replace(
      /\/versions\/1/,
      "/versions/{version}",
    );
    return `${method} ${general}`;
  }));
}

for (
  const [what, names, routes] of [
    ["one model", ["one"], {}],
    ["one model, and paths of a platform", ["one"], { predictRoute: "/predict", healthRoute: "/healthz" }],
    ["further paths of models", ["one"], { routes: ["/score/it", "/score-it"] }],
    ["several models", ["one", "two"], { predictRoute: "/predict", healthRoute: "/healthz" }],
  ] as const
) {
  Deno.test(`describe() describes exactly the routes of a server with ${what}`, () => {
    const described = Object.entries(pathsOf(describe({ title: "", names, secured: false, ...routes })))
      .flatMap(([path, item]) =>
        Object.keys(item).filter((key) => key !== "parameters").map((method) => `${method.toUpperCase()} ${path}`)
      );
    assert.deepEqual(described.sort(), [...routesOf(names.length, routes)].sort());
  });
}

Deno.test("describe() lists the routes that need a token when authentication is on", () => {
  const document = describe({ title: "", names: ["one"], secured: true });
  const open = Object.entries(pathsOf(document)).flatMap(([path, item]) =>
    Object.values(item).filter((operation) => Array.isArray(operation.security) && operation.security.length === 0)
      .map((operation) => [path, 401 in operation.responses])
  );
  assert.deepEqual(
    open,
    [
      "/ping",
      "/health",
      "/health/ready",
      "/health/live",
      "/",
      "/docs",
      "/models/{name}/ping",
      "/v2/health/live",
      "/v2/health/ready",
      "/v2/models/{name}/ready",
      "/v2/models/{name}/versions/{version}/ready",
    ].map((path) => [path, false]),
  );
  assert.ok(401 in pathsOf(document)["/invocations"]!["post"]!.responses);
  assert.ok(!JSON.stringify(describe({ title: "", names: ["one"], secured: false })).includes('"security"'));
});

Deno.test("describe() gives samples as examples, by content type", () => {
  const samples = [
    { name: "sample.json", contentType: "application/json", text: '{"inputs": [1]}' },
    { name: "samples/b.json", contentType: "application/json", text: "{cut" },
    { name: "sample.csv", contentType: "text/csv", text: "a,b\n" },
    { name: "sample.png", contentType: "image/png" },
  ];
  const document = describe({ title: "", names: ["one"], samples, secured: false });
  const { requestBody } = pathsOf(document)["/invocations"]!["post"] as unknown as { requestBody: { content: object } };
  assert.deepEqual(requestBody.content, {
    "application/json": {
      examples: { "sample.json": { value: { inputs: [1] } }, "samples/b.json": { value: "{cut" } },
    },
    "text/csv": { examples: { "sample.csv": { value: "a,b\n" } } },
    "image/png": { schema: { type: "string", format: "binary" } },
    "*/*": {},
  });
});

Deno.test("describe() names each operation, and each is in a group", () => {
  const document = describe({
    title: "",
    names: ["one"],
    secured: false,
    predictRoute: "/predict",
    healthRoute: "/healthz",
  });
  const operations = Object.values(pathsOf(document)).flatMap((item) =>
    Object.entries(item).filter(([key]) => key !== "parameters").map(([, operation]) =>
      operation as unknown as { operationId: string; tags: readonly string[] }
    )
  );
  const ids = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => /^[a-z]\w+$/.test(id)), ids.join());
  assert.ok(ids.includes("postInvocations") && ids.includes("getV2ModelsNameReady"));
  const known = (document as { tags: readonly { name: string }[] }).tags.map(({ name }) => name);
  assert.ok(operations.every(({ tags: [tag] }) => known.includes(tag!)));
});
