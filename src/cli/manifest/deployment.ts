/** `manifest deployment`: a Deployment, its Service and, with several replicas, a PodDisruptionBudget. */

import type { Plan } from "./plan.ts";
import { GRACE_S, imageOf, labelsOf, modelClaim, podOf, serveArgs, serving } from "./pod.ts";
import type { YamlMap } from "./yaml.ts";

/** The resources that serve a model. */
export function deployment(plan: Plan): YamlMap[] {
  const { name, replicas } = plan;
  const labels = labelsOf(plan, "serve");
  const metadata = { name, labels };
  const selector = { matchLabels: labels };
  const container = { name: "model", image: imageOf(plan), args: serveArgs(plan), ...serving() };
  const claims = modelClaim(plan, "A claim with the model, which all pods can read.", true);
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas,
        selector,
        template: {
          metadata: { labels },
          spec: { terminationGracePeriodSeconds: GRACE_S, ...podOf(plan, container, claims) },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }] },
    },
    ...(replicas > 1
      ? [{
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata,
        spec: { maxUnavailable: 1, selector },
      }]
      : []),
  ];
}
