/** The options of `train` that are torchrun's. */

import { UsageError } from "../errors.ts";

/** As they were given. */
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

/**
 * What torchrun is started with; undefined if it is not.
 *
 * @throws {UsageError} if there are options of it without it, or hosts that could not find each other
 */
export function launcherArgs(options: LauncherOptions): readonly string[] | undefined {
  const { launcher, nprocPerNode, nnodes, nodeRank, rdzvEndpoint, rdzvBackend, rdzvId, maxRestarts } = options;
  const given: [string, string | number | undefined][] = [
    ["--nproc-per-node", nprocPerNode],
    ["--nnodes", nnodes],
    ["--node-rank", nodeRank],
    ["--rdzv-endpoint", rdzvEndpoint],
    ["--rdzv-backend", rdzvBackend ?? (rdzvEndpoint === undefined ? undefined : "c10d")],
    ["--rdzv-id", rdzvId],
    ["--max-restarts", maxRestarts],
  ];
  const set = given.filter(([, value]) => value !== undefined);
  if (launcher === undefined) {
    if (set.length > 0) throw new UsageError(`${set[0]![0]} is for torchrun: add --launcher torchrun, or leave it out`);
    return undefined;
  }
  if (nprocPerNode !== undefined && !/^([1-9]\d*|auto|cpu|gpu)$/.test(nprocPerNode)) {
    throw new UsageError(`--nproc-per-node must be a number above 0, auto, cpu or gpu, not '${nprocPerNode}'`);
  }
  if (nnodes !== undefined && !/^[1-9]\d*(:[1-9]\d*)?$/.test(nnodes)) {
    throw new UsageError(`--nnodes must be a number above 0, or a range such as 1:4, not '${nnodes}'`);
  }
  if (nnodes !== undefined && nnodes !== "1" && rdzvEndpoint === undefined) {
    throw new UsageError(`--nnodes ${nnodes} needs --rdzv-endpoint HOST:PORT, where the hosts meet`);
  }
  const alone = rdzvEndpoint === undefined ? ["--standalone"] : [];
  return [...alone, ...set.map(([name, value]) => `${name}=${value}`)];
}
