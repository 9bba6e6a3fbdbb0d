/** `manifest kserve`: an InferenceService whose predictor is the image. */

import type { Plan } from "./plan.ts";
import { GRACE_S, imageOf, labelsOf, podOf, serveArgs, serving } from "./pod.ts";
import { Remark, type YamlMap } from "./yaml.ts";

/** Where KServe puts the files at STORAGE_URI. */
const FETCHED = "/mnt/models";

/** The InferenceService of a model. */
export function kserve(plan: Plan): YamlMap[] {
  const { name, replicas, model } = plan;
  const storage = model.at === "uri" || model.at === "claim" ? model.uri : undefined;
  const container = {
    // KServe finds the container by this name.
    name: "kserve-container",
    image: imageOf(plan),
    args: storage === undefined ? serveArgs(plan) : serveArgs(plan, FETCHED),
    env: [
      new Remark("Callers within KServe use version 2 of the protocol.", { name: "PROTOCOL", value: "v2" }),
      ...(storage === undefined
        ? []
        : [new Remark(`KServe fetches these files into ${FETCHED}.`, { name: "STORAGE_URI", value: storage })]),
    ],
    ...serving(),
  };
  return [{
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: {
      name,
      labels: labelsOf(plan, "serve"),
      annotations: {
        "serving.kserve.io/deploymentMode": new Remark(
          "A Deployment without Knative, which refuses some of these fields; newer versions also call this mode Standard.",
          "RawDeployment",
        ),
      },
    },
    spec: {
      predictor: {
        minReplicas: replicas,
        maxReplicas: replicas,
        terminationGracePeriodSeconds: GRACE_S,
        ...podOf(plan, container, []),
      },
    },
  }];
}
