/**
 * SageMaker's contract with a container, which it runs as `IMAGE train` and `IMAGE serve`:
 * https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html and
 * https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html.
 *
 *     /opt/ml/model                        artifacts: written by train, read by serve; serve's code may be in model/code
 *     /opt/ml/code                         code, if the image has it
 *     /opt/ml/input/config/hyperparameters.json
 *     /opt/ml/input/data/CHANNEL           input data
 *     /opt/ml/output/failure               why a training failed
 */

import { stat } from "../files.ts";
import { messageOf, UsageError } from "../errors.ts";

/** A look at an environment variable. */
type Env = (name: string) => string | undefined;

/** What to run, of what lies where SageMaker puts it. */
export interface SageMakerTarget {
  /** A module, or an unpacked archive, which has no script of its own here. */
  readonly module: string;
  readonly script: string | undefined;
  readonly modelDir: string;
}

/** What a training is told beside that. */
export interface SageMakerTraining extends SageMakerTarget {
  /** `--NAME VALUE` for each hyperparameter. */
  readonly args: readonly string[];
  /** `SM_MODEL_DIR`, and `SM_CHANNEL_NAME` for each input channel. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Hyperparameters that are for the container, not for the script. */
const RESERVED = /^sagemaker_/;

/**
 * What `serve` is to run without arguments; undefined where there is no SageMaker.
 *
 * @throws {UsageError} if there is no code
 */
export function sageMakerServing(env: Env): SageMakerTarget | undefined {
  const base = baseOf(env);
  if (base === undefined) return undefined;
  return { ...findCode(env, base, ["model/code", "code"], "serve.py"), modelDir: `${base}/model` };
}

/**
 * What `train` is to run without arguments; undefined where there is no SageMaker.
 *
 * @throws {UsageError} if there is no code, or the hyperparameters can't be read
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

/** The file that says why a training failed; undefined where there is no SageMaker. */
export function failureFileOf(env: Env): string | undefined {
  const base = baseOf(env);
  return base && `${base}/output/failure`;
}

/** SageMaker's own toolkits take the same variable for another place than /opt/ml. */
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
    `There are no arguments, and no ${program ?? `${script} or manifest.json`} in ${
      places.join(", ")
    }: name a module, or ` +
      "put the code there (SAGEMAKER_PROGRAM names another script)",
  );
}

/** Values are strings, in which the SDK may have put JSON. */
function readParameters(path: string): Map<string, string> {
  if (stat(path) === undefined) return new Map();
  let found: unknown;
  try {
    found = JSON.parse(Deno.readTextFileSync(path));
  } catch (cause) {
    throw new UsageError(
      `The hyperparameters '${path}' are no JSON: ${messageOf(cause)}`,
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
