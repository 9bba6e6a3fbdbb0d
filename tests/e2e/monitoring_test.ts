/** The alert rules and the dashboard, as Prometheus' own promtool sees them. */

import assert from "node:assert/strict";
import { DASHBOARD, expressionsOf } from "./support/monitoring.ts";
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
  assert.notEqual((await check("alerts.yml")).code, 0, "it would say so if something were wrong");
}, HAS_PROMTOOL);

test("no alert fires for a server that works, and each one for a server that does not", async (box) => {
  const cases = Deno.readTextFileSync(`${ROOT}/tests/fixtures/alerts_test.yml`);
  box.write({ "alerts.yml": ALERTS, "alerts_test.yml": cases });
  const { code, stdout, stderr } = await box.run(["test", "rules", box.path("alerts_test.yml")], {
    command: "promtool",
  });
  assert.equal(code, 0, stdout + stderr);
  for (const [, alert] of ALERTS.matchAll(/- alert: (\w+)/g)) assert.ok(cases.includes(`"${alert}"`), alert);
}, HAS_PROMTOOL);
