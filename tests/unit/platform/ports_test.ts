import assert from "node:assert/strict";
import { platformOf } from "../../../src/platform/ports.ts";
import { fakeEnv } from "../helper/env.ts";

const NOTHING = { port: undefined, host: undefined, healthRoute: undefined, predictRoute: undefined };

for (
  const [variables, expected] of [
    [{}, NOTHING],
    [{ AIP_HTTP_PORT: "", AIP_HEALTH_ROUTE: "" }, NOTHING],
    [{ SAGEMAKER_BIND_TO_PORT: "8081" }, { ...NOTHING, port: 8081, host: "0.0.0.0" }],
    [{ AIP_HTTP_PORT: "80", SAGEMAKER_BIND_TO_PORT: "1" }, { ...NOTHING, port: 80, host: "0.0.0.0" }],
    [{ AIP_HEALTH_ROUTE: "/h", AIP_PREDICT_ROUTE: "/v1/endpoints/1/deployedModels/2:predict" }, {
      ...NOTHING,
      healthRoute: "/h",
      predictRoute: "/v1/endpoints/1/deployedModels/2:predict",
    }],
  ] as const
) {
  Deno.test(`platformOf() reads the settings from ${JSON.stringify(variables)}`, () => {
    assert.deepEqual(platformOf(fakeEnv(variables)), expected);
  });
}

for (
  const [name, value, message] of [
    ["AIP_HTTP_PORT", "0", "AIP_HTTP_PORT must be a port from 1 to 65535, not '0'"],
    ["SAGEMAKER_BIND_TO_PORT", "http", "SAGEMAKER_BIND_TO_PORT must be a port from 1 to 65535, not 'http'"],
    ["AIP_HEALTH_ROUTE", "health", "AIP_HEALTH_ROUTE must be a path such as /predict, not 'health'"],
    ["AIP_PREDICT_ROUTE", "/a b", "AIP_PREDICT_ROUTE must be a path such as /predict, not '/a b'"],
  ] as const
) {
  Deno.test(`platformOf() throws when ${name} is '${value}'`, () => {
    assert.throws(() => platformOf(fakeEnv({ [name]: value })), { name: "UsageError", message });
  });
}
