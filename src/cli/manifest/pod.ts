/** What the pods of all kinds share: the container, its restrictions, and the volumes that a read-only image needs. */

import { IMAGE_ARCHIVE, IMAGE_MODEL, IMAGE_PORT, IMAGE_USER } from "../archives/image_layout.ts";
import type { Plan } from "./plan.ts";
import { Remark, type Yaml, type YamlMap } from "./yaml.ts";

/** `serve` drains for 30 s, and `train` gives its script 30 s; a preStop sleep precedes the first. */
export const GRACE_S = 45;
/** Until no Service sends requests to the pod: `serve` closes its port as soon as the drain begins. */
const SLEEP_S = 5;
/** Loading may take ten minutes: the time between two probes, and how many may fail. */
const STARTUP = { periodSeconds: 2, failureThreshold: 300 };
/** Where the image's user may write. */
const TMP = "/tmp";

/** The labels of a manifest's pods. A Service of the same name must not select the pods of a job. */
export function labelsOf({ name }: Plan, component: "serve" | "train" | "predict"): YamlMap {
  return { "app.kubernetes.io/name": name, "app.kubernetes.io/component": component };
}

/** The image of a plan. */
export function imageOf({ image, name }: Plan): Yaml {
  return image ??
    new Remark("Edit: the image, built with the output of aimodellib dockerfile.", `registry.example.com/${name}:1`);
}

/**
 * The arguments of the image that serve the model under the plan's name.
 *
 * @param modelDir where the model is; undefined if the archive contains it
 */
export function serveArgs(plan: Plan, modelDir = modelDirOf(plan)): string[] {
  const target = modelDir === undefined ? IMAGE_ARCHIVE : `${IMAGE_ARCHIVE},${modelDir}`;
  // deno-fmt-ignore
  return [
    "serve", "--host", "0.0.0.0", "--port", String(IMAGE_PORT), "--install", "never", "--run-dir", TMP,
    ...deviceArgs(plan), "--model", `${plan.name}=${target}`,
  ];
}

/** The arguments of the image that train a model into the model directory. */
export function trainArgs(launcher: readonly string[] = []): string[] {
  return ["train", ...launcher, "--install", "never", "--run-dir", TMP, IMAGE_ARCHIVE, IMAGE_MODEL];
}

/** Uses all devices of a pod that has some. */
export function deviceArgs({ gpus }: Plan): string[] {
  return gpus === 0 ? [] : ["--device", "auto", "--workers", "auto"];
}

/** The model directory of a plan; undefined if the archive contains the model. */
export function modelDirOf({ model }: Plan): string | undefined {
  if (model.at === "archive") return undefined;
  return model.at === "uri" ? model.uri : IMAGE_MODEL;
}

/** The port and the probes of a container that serves. */
export function serving(): YamlMap {
  return {
    ports: [{ name: "http", containerPort: IMAGE_PORT, protocol: "TCP" }],
    startupProbe: new Remark("Loading may take ten minutes.", {
      httpGet: { path: "/health/ready", port: "http" },
      ...STARTUP,
    }),
    readinessProbe: { httpGet: { path: "/health/ready", port: "http" }, periodSeconds: 5 },
    livenessProbe: { httpGet: { path: "/health/live", port: "http" }, periodSeconds: 10 },
    lifecycle: new Remark("Until no Service sends requests here: the port is closed as soon as the drain begins.", {
      preStop: { sleep: { seconds: SLEEP_S } },
    }),
  };
}

/** The processors, memory and devices of a pod. */
export function resourcesOf({ gpus }: Plan): Remark {
  const devices = gpus === 0 ? {} : { "nvidia.com/gpu": gpus };
  return new Remark("Edit: what the model needs. Shared memory and files in /tmp count as well.", {
    requests: { cpu: "1", memory: "1Gi", ...devices },
    limits: { memory: "2Gi", ...devices },
  });
}

/** The restrictions of a container. */
export function containerSecurity(): YamlMap {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  };
}

/** The restrictions of a pod. @param writes whether it writes to a claim, whose files then belong to the image's group */
export function podSecurity(writes: boolean): YamlMap {
  return {
    runAsNonRoot: true,
    ...(writes && { fsGroup: IMAGE_USER, fsGroupChangePolicy: "OnRootMismatch" }),
    seccompProfile: { type: "RuntimeDefault" },
  };
}

/** A claim that a pod mounts. */
export interface Claim {
  /** The volume's name. */
  readonly name: string;
  readonly claim: string;
  readonly path: string;
  readonly folder?: string | undefined;
  readonly readOnly?: boolean;
  readonly comment: string;
}

/** The claim with the model, if it is in one. @param target where the model directory is */
export function modelClaim({ model }: Plan, comment: string, readOnly: boolean): Claim[] {
  if (model.at !== "claim") return [];
  const { claim, folder } = model;
  return [{ name: "model", claim, path: IMAGE_MODEL, folder, readOnly, comment }];
}

/** The claim that training writes to: that of `--model-uri`, else one with the plan's name. */
export function trainingClaim(plan: Plan): Claim[] {
  const comment = plan.nodes > 1
    ? "A claim that all nodes may write to (ReadWriteMany)."
    : "A claim that the pod may write to.";
  if (plan.model.at === "claim") return modelClaim(plan, comment, false);
  const edit = `Edit: ${comment.replace("A claim", "a claim")} Without one, the model is lost at the end.`;
  return [{ name: "model", claim: plan.name, path: IMAGE_MODEL, comment: edit }];
}

/** The volumes of a pod. */
export function volumesOf({ needsTorch }: Plan, claims: readonly Claim[]): Yaml[] {
  return [
    { name: "tmp", emptyDir: {} },
    ...(needsTorch
      ? [
        new Remark("Shared memory, for PyTorch: the default of 64 MiB is not enough for data loaders.", {
          name: "shm",
          emptyDir: { medium: "Memory", sizeLimit: "1Gi" },
        }),
      ]
      : []),
    ...claims.map(({ name, claim, comment }) =>
      new Remark(comment, { name, persistentVolumeClaim: { claimName: claim } })
    ),
  ];
}

/** The places of the volumes. @param subPath the folder of the volume `tmp` that becomes `/tmp` */
export function mountsOf({ needsTorch }: Plan, claims: readonly Claim[], subPath?: string): Yaml[] {
  return [
    { name: "tmp", mountPath: TMP, subPath },
    ...(needsTorch ? [{ name: "shm", mountPath: "/dev/shm" }] : []),
    ...claims.map(({ name, path, folder, readOnly }): YamlMap => ({
      name,
      mountPath: path,
      subPath: folder,
      readOnly: readOnly === true ? true : undefined,
    })),
  ];
}

/** The pod of a plan: one container, and one that prepares its temporary folder. */
export function podOf(plan: Plan, container: YamlMap, claims: readonly Claim[], writes = false): YamlMap {
  const folder = "private";
  return {
    // Variables such as TB_PORT, which the cluster would derive from the names of Services, have other meanings here.
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    securityContext: podSecurity(writes),
    initContainers: new Remark(
      "All users may write to an emptyDir. This makes a folder in it that only the image's user may enter: it becomes /tmp.",
      [{
        name: "make-tmp",
        image: imageOf(plan),
        command: ["mkdir", "-p", "-m", "700", `/volume/${folder}`],
        resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
        securityContext: containerSecurity(),
        volumeMounts: [{ name: "tmp", mountPath: "/volume" }],
      }],
    ),
    containers: [{
      ...container,
      resources: resourcesOf(plan),
      securityContext: containerSecurity(),
      volumeMounts: mountsOf(plan, claims, folder),
    }],
    volumes: volumesOf(plan, claims),
  };
}
