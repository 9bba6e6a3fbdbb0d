/**
 * Reads what SageMaker tells a training about its input and its hosts: the files in `input/config`, with the variables by which
 * SageMaker's own toolkits pass them to scripts (https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md).
 */

import { messageOf, UsageError } from "../errors.ts";
import { stat } from "../files.ts";

/** The hosts of a training. */
export interface Hosts {
  /** Their names, in the same order on each of them. */
  readonly names: readonly string[];
  /** The place of this host in `names`. */
  readonly rank: number;
}

/** The settings of a training. */
export interface TrainingSettings {
  /** The hyperparameters. The SDK puts JSON into some; of a JSON string, this is the text. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly hosts: Hosts;
  /** The variables `SM_…`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Hyperparameters for the container, which the script does not get. */
const RESERVED = /^sagemaker_/;

/** The only host, as in SageMaker's local mode, if there is no file about the hosts. */
const ALONE = "algo-1";

/**
 * Reads the files in `BASE/input/config`. A missing one counts as empty.
 *
 * @param gpus the number of this host's GPUs
 * @throws {UsageError} if one is invalid
 */
export function trainingSettings(base: string, gpus: number): TrainingSettings {
  const config = `${base}/input/config`;
  const channelsConfig = readObject(`${config}/inputdataconfig.json`, "channels");
  const resources = readObject(`${config}/resourceconfig.json`, "hosts");
  const parameters = parametersIn(base);
  const own = argumentsIn(parameters);
  const hosts = hostsIn(resources, `${config}/resourceconfig.json`);
  const channels = channelsIn(`${base}/input/data`, Object.keys(channelsConfig));
  const text = (value: unknown) => typeof value === "string" ? { value } : undefined;
  const instance = text(resources.current_instance_type);
  const network = text(resources.network_interface_name);
  return {
    parameters,
    hosts,
    variables: {
      SM_MODEL_DIR: `${base}/model`,
      SM_INPUT_DIR: `${base}/input`,
      SM_INPUT_CONFIG_DIR: config,
      SM_OUTPUT_DIR: `${base}/output`,
      SM_OUTPUT_DATA_DIR: `${base}/output/data`,
      ...(stat(`${base}/checkpoints`)?.isDirectory && { SM_CHECKPOINT_DIR: `${base}/checkpoints` }),
      SM_CHANNELS: JSON.stringify(channels),
      ...Object.fromEntries(channels.map((name) => [`SM_CHANNEL_${name.toUpperCase()}`, `${base}/input/data/${name}`])),
      SM_HPS: JSON.stringify(Object.fromEntries([...own].map(([name, value]) => [name, decoded(value)]))),
      ...Object.fromEntries(
        [...own].filter((both) => !both.some((text) => text.includes("\0")) && !both[0].includes("="))
          .map(([name, value]) => [`SM_HP_${name.toUpperCase()}`, value]),
      ),
      SM_USER_ARGS: JSON.stringify(asArguments(own)),
      SM_HOSTS: JSON.stringify(hosts.names),
      SM_CURRENT_HOST: hosts.names[hosts.rank]!,
      SM_NUM_CPUS: String(navigator.hardwareConcurrency),
      SM_NUM_GPUS: String(gpus),
      SM_RESOURCE_CONFIG: JSON.stringify(resources),
      SM_INPUT_DATA_CONFIG: JSON.stringify(channelsConfig),
      ...(instance && { SM_CURRENT_INSTANCE_TYPE: instance.value }),
      ...(network && { SM_NETWORK_INTERFACE_NAME: network.value }),
    },
  };
}

/** Reads the hyperparameters of a training, with those for the container. @throws {UsageError} if their file is invalid */
export function parametersIn(base: string): ReadonlyMap<string, string> {
  const given = readObject(`${base}/input/config/hyperparameters.json`, "hyperparameters");
  return new Map(Object.entries(given).map(([name, value]) => [name, plain(value)]));
}

/** The script's own hyperparameters. */
export function argumentsIn(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...parameters].filter(([name]) => !RESERVED.test(name)));
}

/** Writes hyperparameters as `--NAME VALUE`. */
export function asArguments(parameters: ReadonlyMap<string, string>): string[] {
  return [...parameters].flatMap(([name, value]) => [`--${name}`, value]);
}

function readObject(path: string, what: string): Readonly<Record<string, unknown>> {
  if (stat(path) === undefined) return {};
  let found: unknown;
  try {
    found = JSON.parse(Deno.readTextFileSync(path));
  } catch (cause) {
    throw new UsageError(`The file of the ${what} '${path}' is not valid JSON: ${messageOf(cause)}`);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new UsageError(`The file of the ${what} '${path}' must contain a JSON object`);
  }
  return found as Record<string, unknown>;
}

function hostsIn({ hosts = [ALONE], current_host = ALONE }: Readonly<Record<string, unknown>>, path: string): Hosts {
  const rank = Array.isArray(hosts) ? hosts.indexOf(current_host) : -1;
  if (rank < 0 || !(hosts as unknown[]).every((name) => typeof name === "string")) {
    throw new UsageError(
      `The file of the hosts '${path}' must have 'hosts', an array of names, and 'current_host', one of them, ` +
        `not ${JSON.stringify(hosts)} and ${JSON.stringify(current_host)}`,
    );
  }
  return { names: hosts as string[], rank };
}

/** The names of the channels: those that are described, and the folders of local runs that describe none. */
function channelsIn(folder: string, described: readonly string[]): string[] {
  const found = stat(folder)?.isDirectory
    ? [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => stat(`${folder}/${name}`)?.isDirectory)
    : [];
  return [...new Set([...described, ...found])].sort();
}

function plain(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const inner = decoded(value);
  return typeof inner === "string" ? inner : value;
}

/** The value of a JSON text, or another text itself. */
function decoded(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
