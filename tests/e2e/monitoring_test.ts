/** The alert rules, the dashboard, and the queries that scale on Kubernetes, as Prometheus' own promtool sees them. */

import assert from "node:assert/strict";
import { DASHBOARD, expressionsOf, queriesOfKubernetes } from "./support/monitoring.ts";
import { runs } from "./support/needs.ts";
import { ROOT, test } from "./support/sandbox.ts";

const HAS_PROMTOOL = runs("promtool", "--version") || "promtool, of Debian's package prometheus, is not installed";
const ALERTS = Deno.readTextFileSync(`${ROOT}/docs/alerts.yml`);

test("promtool accepts the alert rules and the queries of the dashboard", async (box) => {
  const queries = expressionsOf(DASHBOARD).map((query) => query.replaceAll("$__rate_interval", "5m"));
  assert.ok(queries.length > 20);
  const rules = queries.map((expr, index) => ({ record: `query:${index}`, expr }));
  box.write({ "alerts.yml": ALERTS, "queries.yml": JSON.stringify({ groups: [{ name: "dashboard", rules }] }) });
  const check = (file: string) => box.run(["check", "rules", box.path(file)], { command: "promtool" });
  for (const [file, count] of [["alerts.yml", 9], ["queries.yml", queries.length]] as const) {
    const { code, stdout, stderr } = await check(file);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`SUCCESS: ${count} rules found`));
  }
  box.write({ "alerts.yml": ALERTS.replace("sum by", "sum bye") });
  assert.notEqual((await check("alerts.yml")).code, 0, "promtool finds an invalid rule");
}, HAS_PROMTOOL);

test("the queries that scale on Kubernetes add up what the pods of a model answer", async (box) => {
  const [series, ofPod, ...queries] = queriesOfKubernetes();
  assert.ok(queries.length >= 2);
  const sample = (pod: string, model: string, value: number) => ({
    series: `aimodellib_requests_in_flight{namespace="default",pod="model-${pod}",model="${model}"}`,
    values: `${value}`,
  });
  const tests = [
    {
      input_series: [sample("1", "model", 12), sample("1", "other", 3), sample("2", "model", 8)],
      promql_expr_test: [
        { expr: `sum(${series})`, eval_time: "0s", exp_samples: [{ value: 23 }] },
        { expr: `sum(${ofPod})`, eval_time: "0s", exp_samples: [{ value: 15 }] },
        ...queries.map((expr) => ({ expr, eval_time: "0s", exp_samples: [{ value: 20 }] })),
      ],
    },
    // No pod: the result is empty.
    { input_series: [], promql_expr_test: queries.map((expr) => ({ expr, eval_time: "0s", exp_samples: [] })) },
  ];
  const run = async (text: string) => {
    box.write({ "queries_test.yml": text });
    return await box.run(["test", "rules", box.path("queries_test.yml")], { command: "promtool" });
  };
  const text = JSON.stringify({ tests });
  const { code, stdout, stderr } = await run(text);
  assert.equal(code, 0, stdout + stderr);
  assert.notEqual(
    (await run(text.replaceAll("sum(aimodellib_requests_in_flight{model", "max(aimodellib_requests_in_flight{model")))
      .code,
    0,
    "promtool finds a query with another result",
  );
}, HAS_PROMTOOL);

test("alerts do not fire for a healthy server, and each fires for the fault that it describes", async (box) => {
  const cases = Deno.readTextFileSync(`${ROOT}/tests/fixtures/alerts_test.yml`);
  box.write({ "alerts.yml": ALERTS, "alerts_test.yml": cases });
  const { code, stdout, stderr } = await box.run(["test", "rules", box.path("alerts_test.yml")], {
    command: "promtool",
  });
  assert.equal(code, 0, stdout + stderr);
  for (const [, alert] of ALERTS.matchAll(/- alert: (\w+)/g)) assert.ok(cases.includes(`"${alert}"`), alert);
}, HAS_PROMTOOL);
