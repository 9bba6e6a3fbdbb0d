/** The dashboard, the alert rules and their description agree with each other and with the metrics that docs/operations.md lists. */

import assert from "node:assert/strict";
import { ROOT } from "../../../scripts/project.ts";
import { DASHBOARD, expressionsOf } from "../../e2e/support/monitoring.ts";

const PAGE = Deno.readTextFileSync(`${ROOT}/docs/monitoring.md`);
const RULES = Deno.readTextFileSync(`${ROOT}/docs/alerts.yml`);
const OPERATIONS = Deno.readTextFileSync(`${ROOT}/docs/operations.md`);

/** The labels of each metric, as the tables of docs/operations.md list them. */
const METRICS = new Map(
  [...OPERATIONS.matchAll(/^\| (`(?:aimodellib|process)_.*?) \|(.*?)\| .* \|$/gm)].flatMap(([, names, labels]) =>
    [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => [name!, [...labels!.matchAll(/`(\w+)`/g)].map(([, it]) => it!)])
  ),
);

/** Labels of every metric: those that Prometheus adds, and those of models and of histograms. */
const COMMON = ["job", "instance", "model", "le", "namespace", "pod"];

/** The metrics of an expression, with the labels that their selectors name. */
function selectors(expression: string): { readonly name: string; readonly labels: readonly string[] }[] {
  return [...expression.matchAll(/\b((?:aimodellib|process)_\w+)(?:\{(.*?)\})?/g)].map(([, name, inner = ""]) => ({
    name: METRICS.has(name!) ? name! : name!.replace(/_(bucket|sum|count)$/, ""),
    labels: [...inner.matchAll(/(\w+)\s*(?:=~|!=|=|!~)/g)].map(([, label]) => label!),
  }));
}

for (
  const [what, expressions, least = 10] of [
    ["docs/grafana.json", expressionsOf(DASHBOARD)],
    ["docs/alerts.yml", RULES.split(/^ {6}- alert: /m).slice(1)],
    ["docs/kubernetes.md", [Deno.readTextFileSync(`${ROOT}/docs/kubernetes.md`)], 5],
  ] as const
) {
  Deno.test(`${what} uses metrics and labels that exist`, () => {
    const used = expressions.map((text) => text.replace(/annotations:[^]*/, "")).flatMap(selectors);
    assert.ok(used.length >= least);
    for (const { name, labels } of used) {
      const known = METRICS.get(name) ?? assert.fail(`${name} is no metric`);
      for (const label of labels) assert.ok([...COMMON, ...known].includes(label), `${name} has no label ${label}`);
    }
  });
}

Deno.test("docs/monitoring.md describes each alert rule, and no others", () => {
  const rules = [...RULES.matchAll(/^ {6}- alert: (\w+)$/gm)].map(([, name]) => name!);
  const described = [...PAGE.matchAll(/^\| `(Aimodellib\w+)` \|/gm)].map(([, name]) => name!);
  assert.ok(rules.length > 5);
  assert.deepEqual(described, rules);
});
