/** Checks the options of `manifest`, together with what the archive can do. */

import { ArchiveError } from "../../archive/mod.ts";
import { UsageError } from "../../errors.ts";
import { isStorageUri } from "../../storage/uri.ts";
import type { ReadOptions } from "../archives/scan.ts";
import type { Kind } from "./kinds.ts";
import { checkImage, checkName, defaultName, type ModelPlace, parseModelUri } from "./values.ts";

/** The options of the command. */
export interface ManifestOptions extends ReadOptions {
  readonly kind: Kind;
  readonly image?: string | undefined;
  readonly name?: string | undefined;
  readonly replicas?: number | undefined;
  readonly nodes?: number | undefined;
  readonly shards?: number | undefined;
  readonly gpu?: number | undefined;
  readonly modelUri?: string | undefined;
  readonly output?: string | undefined;
}

/** The facts about an archive that a manifest depends on. */
export interface ArchiveFacts {
  /** The archive's name in messages, such as `'model.tar.gz'`. */
  readonly label: string;
  readonly trains: boolean;
  readonly serves: boolean;
  readonly carriesModel: boolean;
  readonly needsTorch: boolean;
}

/** What a manifest says, checked. */
export interface Plan {
  /** The name of the resource, and of the served model. */
  readonly name: string;
  /** Undefined if the user has to fill it in. */
  readonly image: string | undefined;
  readonly replicas: number;
  readonly nodes: number;
  /** Undefined for a job that trains. */
  readonly shards: number | undefined;
  /** Of each pod. */
  readonly gpus: number;
  readonly model: ModelPlace;
  readonly needsTorch: boolean;
}

/** The kinds that use an option which not all of them use. */
const USED_BY: readonly (readonly [keyof ManifestOptions, string, readonly Kind[]])[] = [
  ["replicas", "--replicas", ["deployment", "kserve"]],
  ["nodes", "--nodes", ["trainjob"]],
  ["shards", "--shards", ["job"]],
];

/**
 * Checks the options that can be checked without the archive.
 *
 * @throws {UsageError} if an option does not belong to the kind, or a value is invalid
 */
export function checkOptions(options: ManifestOptions): Omit<Plan, "needsTorch"> {
  const { kind, archive, image, replicas = 1, nodes = 1, shards, gpu = 0 } = options;
  if (archive === "-") {
    throw new UsageError(
      "A manifest can't be made for an archive from standard input, which has no name: pass the path of a file",
    );
  }
  for (const [key, option, kinds] of USED_BY) {
    if (options[key] !== undefined && !kinds.includes(kind)) {
      throw new UsageError(`${option} can't be used with '${kind}': it belongs to ${kinds.join(" and ")}`);
    }
  }
  const last = {
    deployment: "",
    kserve: "-predictor",
    job: `-${(shards ?? 1) - 1}`,
    trainjob: `-node-0-${nodes - 1}-00000`,
  };
  const name = options.name ?? defaultName(archive);
  checkName(name, 63 - last[kind].length, options.name === undefined ? archive : undefined);
  if (image !== undefined) checkImage(image);
  const model = options.modelUri === undefined ? { at: "image" } as const : parseModelUri(options.modelUri);
  const trains = kind === "trainjob" || (kind === "job" && shards === undefined);
  if (model.at === "uri") {
    if (trains) {
      throw new UsageError(
        `--model-uri '${model.uri}' can't be written to: training saves the model in a volume, such as pvc://CLAIM/FOLDER`,
      );
    }
    if (kind !== "kserve" && !isStorageUri(model.uri)) {
      throw new UsageError(
        `--model-uri must be gs://BUCKET/FOLDER, s3://BUCKET/FOLDER or pvc://CLAIM/FOLDER for '${kind}', not '${model.uri}'; only KServe fetches from others`,
      );
    }
  }
  return { name, image, replicas, nodes, shards, gpus: gpu, model };
}

/** Completes a plan with the facts about its archive. @throws {ArchiveError} if the archive can't do what the kind is for */
export function completePlan(
  plan: Omit<Plan, "needsTorch">,
  kind: Kind,
  { label, trains, serves, carriesModel, needsTorch }: ArchiveFacts,
): Plan {
  const doesTrain = kind === "trainjob" || (kind === "job" && plan.shards === undefined);
  if (doesTrain && !trains) {
    const other = kind === "job" && serves ? "; with --shards N, a job predicts" : "";
    throw refusal(label, kind, "train", "trainingScript", other);
  }
  if (!doesTrain && !serves) {
    const other = trains ? "; the kinds job and trainjob train" : "";
    throw refusal(label, kind, kind === "job" ? "predict" : "serve", "servingScript", other);
  }
  const model = plan.model.at === "image" && carriesModel && !doesTrain ? { at: "archive" } as const : plan.model;
  return { ...plan, model, needsTorch: needsTorch || kind === "trainjob" };
}

function refusal(label: string, kind: Kind, verb: string, key: string, other: string): ArchiveError {
  return new ArchiveError(
    `can't become a manifest of the kind '${kind}': it can't ${verb}, since its manifest.json has no ${key}${other}`,
    { label },
  );
}
