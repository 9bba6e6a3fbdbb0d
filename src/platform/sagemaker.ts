/**
 * Finds code and settings where SageMaker puts them. SageMaker runs containers as `IMAGE train` and `IMAGE serve`:
 * https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html and
 * https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html.
 *
 *     /opt/ml/model                        artifacts: written by train, read by serve; serve's code may be in model/code
 *     /opt/ml/code                         code, if the image contains it
 *     /opt/ml/input/config/hyperparameters.json
 *     /opt/ml/input/data/CHANNEL           input data
 *     /opt/ml/output/failure               the reason why a training failed
 */

import { stat } from "../files.ts";
import { messageOf, UsageError } from "../errors.ts";

/** Reads an environment variable. */
type Env = (name: string) => string | undefined;

/** The code that SageMaker wants to run. */
export interface SageMakerTarget {
  /** The folder of a module, or of an unpacked archive, whose manifest names the script. */
  readonly module: string;
  readonly script: string | undefined;
  readonly modelDir: string;
}

/** A training run of SageMaker. */
export interface SageMakerTraining extends SageMakerTarget {
  /** The script's arguments: `--NAME VALUE` for each hyperparameter. */
  readonly args: readonly string[];
  /** Variables for the script: `SM_MODEL_DIR`, and `SM_CHANNEL_NAME` for each input channel. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Hyperparameters for the container, which the script does not get. */
const RESERVED = /^sagemaker_/;

/**
 * What `serve` without arguments runs; undefined outside SageMaker.
 *
 * @throws {UsageError} if SageMaker has provided no code
 */
export function sageMakerServing(env: Env): SageMakerTarget | undefined {
  const base = baseOf(env);
  if (base === undefined) return undefined;
  return { ...findCode(env, base, ["model/code", "code"], "serve.py"), modelDir: `${base}/model` };
}

/**
 * What `train` without arguments runs; undefined outside SageMaker.
 *
 * @throws {UsageError} if SageMaker has provided no code, or the hyperparameters can't be read
 */
export function sageMakerTraining(env: Env): SageMakerTraining | undefined {
  const base = baseOf(env);
  if (base === undefined) return undefined;
  const modelDir = `${base}/model`;
  const parameters = readParameters(`${base}/input/config/hyperparameters.json`);
  const named = (name: string) => env(name) ?? parameters.get(name.toLowerCase());
  const channels = channelsIn(`${base}/input/data`).map(([name, path]) => [`SM_CHANNEL_${name.toUpperCase()}`, path]);
  return {
    ...findCode(named, base, ["code", "input/data/code", "input/data/training"], "train.py"),
    modelDir,
    args: [...parameters].filter(([name]) => !RESERVED.test(name)).flatMap(([name, value]) => [`--${name}`, value]),
    variables: { SM_MODEL_DIR: modelDir, ...Object.fromEntries(channels) },
  };
}

/** The file for the reason of a failed training; undefined outside SageMaker. */
export function failureFileOf(env: Env): string | undefined {
  const base = baseOf(env);
  return base && `${base}/output/failure`;
}

/** The folder that replaces /opt/ml; SageMaker's own toolkits read the same variable. */
function baseOf(env: Env): string | undefined {
  const base = env("SAGEMAKER_BASE_DIR") || "/opt/ml";
  return stat(base)?.isDirectory ? base : undefined;
}

function findCode(env: Env, base: string, folders: readonly string[], script: string) {
  const submitted = env("SAGEMAKER_SUBMIT_DIRECTORY");
  const places = [
    ...(submitted?.startsWith("/") ? [submitted] : []),
    ...folders.map((folder) => `${base}/${folder}`),
  ];
  const program = env("SAGEMAKER_PROGRAM");
  for (const module of places) {
    if (program !== undefined && stat(`${module}/${program}`)?.isFile) return { module, script: program };
    if (program === undefined && stat(`${module}/manifest.json`)?.isFile) return { module, script: undefined };
    if (program === undefined && stat(`${module}/${script}`)?.isFile) return { module, script };
  }
  throw new UsageError(
    `The command line names no module, and there is no ${program ?? `${script} or manifest.json`} in ${
      places.join(", ")
    }: name a module, or ` +
      "put the code there (SAGEMAKER_PROGRAM names another script)",
  );
}

/** Reads the hyperparameters. Their values are strings; the SDK puts JSON into some. */
function readParameters(path: string): Map<string, string> {
  if (stat(path) === undefined) return new Map();
  let found: unknown;
  try {
    found = JSON.parse(Deno.readTextFileSync(path));
  } catch (cause) {
    throw new UsageError(
      `The hyperparameters '${path}' are not valid JSON: ${messageOf(cause)}`,
    );
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new UsageError(`The hyperparameters '${path}' must be a JSON object`);
  }
  return new Map(Object.entries(found).map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    const inner: unknown = JSON.parse(value);
    return typeof inner === "string" ? inner : value;
  } catch {
    return value;
  }
}

function channelsIn(folder: string): [name: string, path: string][] {
  if (!stat(folder)?.isDirectory) return [];
  return [...Deno.readDirSync(folder)].filter(({ name }) => stat(`${folder}/${name}`)?.isDirectory)
    .map(({ name }): [string, string] => [name, `${folder}/${name}`]).sort();
}
