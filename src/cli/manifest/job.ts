/** `manifest job`: a Job that trains, or an Indexed Job whose pods each predict a part of the records. */

import { IMAGE_ARCHIVE } from "../archives/image_layout.ts";
import type { Plan } from "./plan.ts";
import {
  deviceArgs,
  GRACE_S,
  imageOf,
  labelsOf,
  modelClaim,
  modelDirOf,
  podOf,
  trainArgs,
  trainingClaim,
} from "./pod.ts";
import { Remark, type YamlMap } from "./yaml.ts";

/** Exit codes after which the same command has the same result: a usage error, and records that failed. */
const FINAL = { usage: 2, failedRecords: 3 };
/** A pod that the cluster evicts is replaced, whatever the limit of failures. */
const EVICTED = { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] };

/** The Job of a plan. */
export function job(plan: Plan): YamlMap[] {
  const metadata = { name: plan.name, labels: labelsOf(plan, plan.shards === undefined ? "train" : "predict") };
  const spec = plan.shards === undefined ? training(plan) : predicting(plan, plan.shards);
  return [{ apiVersion: "batch/v1", kind: "Job", metadata, spec }];
}

function training(plan: Plan): YamlMap {
  const container = { name: "train", image: imageOf(plan), args: trainArgs() };
  return {
    backoffLimit: new Remark("Edit: raise this if the script can continue a training that has failed.", 0),
    podFailurePolicy: { rules: [EVICTED] },
    template: {
      metadata: { labels: labelsOf(plan, "train") },
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: GRACE_S,
        ...podOf(plan, container, trainingClaim(plan), true),
      },
    },
  };
}

function predicting(plan: Plan, shards: number): YamlMap {
  const modelDir = modelDirOf(plan);
  // deno-fmt-ignore
  const args = [
    "predict", "--install", "never", ...deviceArgs(plan), "--shard", `$(JOB_COMPLETION_INDEX)/${shards}`,
    "-o", "/data/answers-$(JOB_COMPLETION_INDEX).jsonl", IMAGE_ARCHIVE,
    ...(modelDir === undefined ? [] : [modelDir]), "/data/records.jsonl",
  ];
  const container = {
    name: "predict",
    image: imageOf(plan),
    args: new Remark("Edit: the input and the output. A pod that starts again resumes its output.", args),
  };
  const data = {
    name: "data",
    claim: `${plan.name}-data`,
    path: "/data",
    comment: "Edit: a claim with the records, that all pods may write to (ReadWriteMany).",
  };
  const claims = [...modelClaim(plan, "A claim with the model, which all pods can read.", true), data];
  return {
    completionMode: "Indexed",
    completions: shards,
    parallelism: new Remark("Edit: how many pods run at the same time.", shards),
    backoffLimitPerIndex: 3,
    podFailurePolicy: {
      rules: [
        EVICTED,
        new Remark("2 is a usage error. After 3, every record has its line, and some of them are errors.", {
          action: "FailIndex",
          onExitCodes: { operator: "In", values: [FINAL.usage, FINAL.failedRecords] },
        }),
      ],
    },
    template: {
      metadata: { labels: labelsOf(plan, "predict") },
      spec: {
        restartPolicy: "Never",
        ...podOf(plan, container, claims, true),
      },
    },
  };
}
