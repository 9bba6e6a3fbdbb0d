/** Checks the options that `train` passes to torchrun. */

import { UsageError } from "../../errors.ts";
import type { SageMakerTraining } from "../../platform/sagemaker.ts";

/** The options of torchrun, as given. */
export interface LauncherOptions {
  readonly launcher?: "torchrun" | undefined;
  readonly nprocPerNode?: string | undefined;
  readonly nnodes?: string | undefined;
  readonly nodeRank?: number | undefined;
  readonly rdzvEndpoint?: string | undefined;
  readonly rdzvBackend?: string | undefined;
  readonly rdzvId?: string | undefined;
  readonly maxRestarts?: number | undefined;
}

/** Variables of torchrun's own that name the rendezvous of the hosts. */
const MEETING_VARIABLES = [
  "PET_RDZV_ENDPOINT",
  "PET_RDZV_BACKEND",
  "PET_RDZV_CONF",
  "PET_MASTER_ADDR",
  "PET_MASTER_PORT",
  "PET_STANDALONE",
];

/**
 * The arguments for torchrun; undefined without `--launcher torchrun`.
 *
 * For an option that is not given, torchrun reads a variable, such as `PET_NNODES`, which schedulers set (Kubeflow's TrainJob, for
 * example). An option takes precedence over its variable.
 *
 * @throws {UsageError} if there are options for torchrun without `--launcher`, or several hosts without a rendezvous
 */
export function launcherArgs(
  options: LauncherOptions,
  env: (name: string) => string | undefined,
): readonly string[] | undefined {
  const { launcher, nprocPerNode, nnodes, nodeRank, rdzvEndpoint, rdzvBackend, rdzvId, maxRestarts } = options;
  const given: [string, string | number | undefined][] = [
    ["--nproc-per-node", nprocPerNode],
    ["--nnodes", nnodes],
    ["--node-rank", nodeRank],
    ["--rdzv-endpoint", rdzvEndpoint],
    ["--rdzv-backend", rdzvBackend ?? defaultBackend()],
    ["--rdzv-id", rdzvId],
    ["--max-restarts", maxRestarts],
  ];
  const set = given.filter(([, value]) => value !== undefined);
  if (launcher === undefined) {
    if (set.length > 0) throw new UsageError(`${set[0]![0]} needs --launcher torchrun`);
    return undefined;
  }
  if (nprocPerNode !== undefined && !/^([1-9]\d*|auto|cpu|gpu)$/.test(nprocPerNode)) {
    throw new UsageError(`--nproc-per-node must be a number above 0, auto, cpu or gpu, not '${nprocPerNode}'`);
  }
  if (nnodes !== undefined && !/^[1-9]\d*(:[1-9]\d*)?$/.test(nnodes)) {
    throw new UsageError(`--nnodes must be a number above 0, or a range such as 1:4, not '${nnodes}'`);
  }
  const isPlaceKnown = rdzvEndpoint !== undefined || MEETING_VARIABLES.some((name) => env(name));
  const hosts = nnodes ?? (env("PET_NNODES") || "1");
  if (!/^1(:1)?$/.test(hosts) && !isPlaceKnown) {
    const given = nnodes === undefined ? `PET_NNODES=${hosts}` : `--nnodes ${hosts}`;
    throw new UsageError(`${given} needs --rdzv-endpoint HOST:PORT, where the hosts meet`);
  }
  const alone = isPlaceKnown ? [] : ["--standalone"];
  return [...alone, ...set.map(([name, value]) => `${name}=${value}`)];

  /** The backend for an endpoint of `--rdzv-endpoint`. */
  function defaultBackend(): string | undefined {
    return rdzvEndpoint === undefined || env("PET_RDZV_BACKEND") ? undefined : "c10d";
  }
}

/** The launcher's options among all options of the command. */
export function launcherOf(
  { launcher, nprocPerNode, nnodes, nodeRank, rdzvEndpoint, rdzvBackend, rdzvId, maxRestarts }: LauncherOptions,
): LauncherOptions {
  return { launcher, nprocPerNode, nnodes, nodeRank, rdzvEndpoint, rdzvBackend, rdzvId, maxRestarts };
}

/** The port where the hosts of a training on SageMaker meet, on the first of them. */
const MEETING_PORT = 7777;

/**
 * Completes the options by what SageMaker knows of the hosts. Given options take precedence.
 *
 * @param gpus the number of this host's GPUs: one process is started for each
 * @param job the name of the training, which is the same on all hosts
 */
export function launcherOnSageMaker(
  options: LauncherOptions,
  { hosts: { names, rank }, wantsTorchrun }: Pick<SageMakerTraining, "hosts" | "wantsTorchrun">,
  { gpus, job }: { readonly gpus: number; readonly job: string | undefined },
): LauncherOptions {
  const launcher = options.launcher ?? (wantsTorchrun ? "torchrun" : undefined);
  if (launcher === undefined) return options;
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const meets = names.length > 1 && options.nnodes === undefined && options.rdzvEndpoint === undefined;
  return {
    ...(gpus > 0 && { nprocPerNode: String(gpus) }),
    ...(meets && {
      nnodes: String(names.length),
      nodeRank: rank,
      rdzvEndpoint: `${names[0]}:${MEETING_PORT}`,
      rdzvId: job || "sagemaker",
    }),
    ...Object.fromEntries(given),
    launcher,
  };
}
