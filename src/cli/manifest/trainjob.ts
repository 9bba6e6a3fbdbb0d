/** `manifest trainjob`: a TrainJob of Kubeflow Trainer, which runs torchrun on several nodes. */

import type { Plan } from "./plan.ts";
import {
  containerSecurity,
  GRACE_S,
  imageOf,
  labelsOf,
  mountsOf,
  podSecurity,
  resourcesOf,
  trainArgs,
  trainingClaim,
  volumesOf,
} from "./pod.ts";
import { Remark, type YamlMap } from "./yaml.ts";

/** The names of the job and of its container in Trainer's runtime for PyTorch. */
const NODE = "node";

/** The TrainJob of a plan. */
export function trainjob(plan: Plan): YamlMap[] {
  const claims = trainingClaim(plan);
  const pod = {
    terminationGracePeriodSeconds: GRACE_S,
    securityContext: podSecurity(true),
    containers: [{
      name: NODE,
      securityContext: containerSecurity(),
      volumeMounts: mountsOf(plan, claims),
    }],
    volumes: volumesOf(plan, claims),
  };
  return [{
    apiVersion: "trainer.kubeflow.org/v1alpha1",
    kind: "TrainJob",
    metadata: { name: plan.name, labels: labelsOf(plan, "train") },
    spec: {
      runtimeRef: new Remark(
        "Trainer's own runtime for PyTorch. It sets PET_NNODES and the variables that torchrun reads beside it.",
        {
          apiGroup: "trainer.kubeflow.org",
          kind: "ClusterTrainingRuntime",
          name: "torch-distributed",
        },
      ),
      trainer: {
        image: imageOf(plan),
        command: ["aimodellib"],
        args: trainArgs(["--launcher", "torchrun"]),
        numNodes: plan.nodes,
        numProcPerNode: plan.gpus === 0 ? undefined : plan.gpus,
        resourcesPerNode: resourcesOf(plan),
      },
      runtimePatches: [{
        manager: "aimodellib/manifest",
        trainingRuntimeSpec: {
          template: { spec: { replicatedJobs: [{ name: NODE, template: { spec: { template: { spec: pod } } } }] } },
        },
      }],
    },
  }];
}
