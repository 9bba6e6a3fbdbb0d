import assert from "node:assert/strict";
import { parseRoutes } from "../../../../src/cli/serve/route_option.ts";

const ONE = { names: ["iris"], platform: [undefined, "/predict"] };
const TWO = { names: ["iris", "digits"], platform: [] };

Deno.test("parseRoutes() returns the models by path", () => {
  const given = ["/score=iris", "/api/v1/x=iris", "/a=b=digits", "/invocations=iris"];
  assert.deepEqual([...parseRoutes(given, TWO)], [
    ["/score", "iris"],
    ["/api/v1/x", "iris"],
    ["/a=b", "digits"],
    ["/invocations", "iris"],
  ]);
});

for (
  const text of ["", "/score", "score=iris", "/=iris", "/a/=iris", "/a//b=iris", "/a/../b=iris", "/./a=iris"]
    .concat(["/a?b=iris", "/a b=iris", "/:a=iris", "/a/*=iris", "/a{b}=iris", "/é=iris", "/a%62=iris", "/a#b=iris"])
    .concat([`/${"a".repeat(1024)}=iris`])
) {
  Deno.test(`parseRoutes() throws an error that shows the form when it is given '${text.slice(0, 20)}'`, () => {
    assert.throws(() => parseRoutes([text], ONE), {
      name: "UsageError",
      message: /^--route must be PATH=NAME, .*not '/,
    });
  });
}

for (
  const path of [
    "/invocations",
    "/ping",
    "/v2",
    "/v2/x",
    "/models/iris/x",
    "/health",
    "/health/x",
    "/version",
    "/execution-parameters",
    "/endpoints/iris/invocations",
    "/admin/x",
    "/console/x",
    "/predict",
  ]
) {
  Deno.test(`parseRoutes() throws an error when the server answers ${path} itself`, () => {
    assert.throws(() => parseRoutes([`${path}=iris`], ONE), { name: "UsageError", message: /is a path of the server/ });
  });
}

Deno.test("parseRoutes() accepts paths of KServe's V1 protocol that the server does not answer itself", () => {
  const given = ["/v1/models/iris:explain=iris", "/v1/models/rose:predict=digits"];
  assert.deepEqual([...parseRoutes(given, TWO).keys()], ["/v1/models/iris:explain", "/v1/models/rose:predict"]);
  for (const path of ["/v1/models/iris:predict", "/v1/models/iris", "/v1/models/iris:x/y", "/v1/models"]) {
    assert.throws(() => parseRoutes([`${path}=iris`], TWO), { message: /is a path of the server/ }, path);
  }
});

Deno.test("parseRoutes() throws an error when a path is given twice, or a model does not exist", () => {
  assert.throws(() => parseRoutes(["/a=iris", "/a=digits"], TWO), { message: /uses the path '\/a' twice/ });
  assert.throws(() => parseRoutes(["/a=rose"], TWO), {
    message: "--route '/a=rose' names the model 'rose', which does not exist; known models: 'iris', 'digits'",
  });
});
