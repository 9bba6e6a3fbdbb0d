/**
 * Finds code and settings where SageMaker puts them. SageMaker runs containers as `IMAGE train` and `IMAGE serve`:
 * https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html and
 * https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html.
 *
 *     /opt/ml/model                        artifacts: written by train, read by serve; serve's code may be in model/code
 *     /opt/ml/code                         code, if the image contains it
 *     /opt/ml/input/config/…               hyperparameters, channels and hosts (sagemaker_config.ts)
 *     /opt/ml/input/data/CHANNEL           input data
 *     /opt/ml/output/failure               the reason why a training failed
 *     /opt/ml/checkpoints                  checkpoints, which are copied to S3 while the training runs
 */

import { stat } from "../files.ts";
import { UsageError } from "../errors.ts";
import { argumentsIn, asArguments, type Hosts, parametersIn, trainingSettings } from "./sagemaker_config.ts";

/** Reads an environment variable. */
type Env = (name: string) => string | undefined;

/** The code that SageMaker wants to run. */
export interface SageMakerTarget {
  /** The folder of a module, or an archive, packed or not, whose manifest names the script. */
  readonly module: string;
  readonly script: string | undefined;
  /** Undefined to serve the model in the archive. */
  readonly modelDir: string | undefined;
}

/** A training run of SageMaker. */
export interface SageMakerTraining extends SageMakerTarget {
  readonly modelDir: string;
  /** The script's arguments: `--NAME VALUE` for each hyperparameter. */
  readonly args: readonly string[];
  /** Variables for the script. */
  readonly variables: Readonly<Record<string, string>>;
  readonly hosts: Hosts;
  /** Whether the SDK's `distribution` asks for torchrun. */
  readonly wantsTorchrun: boolean;
}

/** Code that SageMaker's SDK has put into an object store, and that was fetched. */
export interface SubmittedCode {
  readonly uri: string;
  /** The folder where it was unpacked. */
  readonly folder: string;
}

/** What this program knows beside SageMaker. */
export interface SageMakerContext {
  readonly env: Env;
  /** The code at {@linkcode submittedUri}; undefined if that is. */
  readonly submitted?: SubmittedCode | undefined;
  /** The folder where images of archives have theirs. */
  readonly imageArchive: string;
}

/**
 * Where SageMaker's SDK has put the code (`source_dir`), if that is an object store: the variable `SAGEMAKER_SUBMIT_DIRECTORY`, or for
 * a training the hyperparameter `sagemaker_submit_directory`. Undefined elsewhere, and outside SageMaker.
 *
 * @throws {UsageError} if the hyperparameters can't be read
 */
export function submittedUri(env: Env, purpose: "train" | "serve"): string | undefined {
  const base = baseOf(env);
  if (base === undefined) return undefined;
  const named = env("SAGEMAKER_SUBMIT_DIRECTORY") ??
    (purpose === "train" ? parametersIn(base).get("sagemaker_submit_directory") : undefined);
  return named !== undefined && /^(?:s3|gs):\/\//.test(named) ? named : undefined;
}

/**
 * What `serve` without arguments runs; undefined outside SageMaker.
 *
 * @throws {UsageError} if SageMaker has provided no code
 */
export function sageMakerServing(context: SageMakerContext): SageMakerTarget | undefined {
  const base = baseOf(context.env);
  if (base === undefined) return undefined;
  const modelDir = `${base}/model`;
  const code = findCode(context, context.env, [`${modelDir}/code`, `${base}/code`], modelDir, "serve.py");
  // The model may be in the archive. Then this folder is missing, empty, or the archive itself.
  const isFilled = code.module !== modelDir && !isEmpty(modelDir);
  return { ...code, modelDir: isFilled || !carriesModel(code.module) ? modelDir : undefined };
}

/**
 * What `train` without arguments runs; undefined outside SageMaker.
 *
 * @param gpus the number of this host's GPUs
 * @throws {UsageError} if SageMaker has provided no code, or its settings can't be read
 */
export function sageMakerTraining(context: SageMakerContext, gpus: number): SageMakerTraining | undefined {
  const base = baseOf(context.env);
  if (base === undefined) return undefined;
  const { parameters, hosts, variables } = trainingSettings(base, gpus);
  const named = (name: string) => context.env(name) ?? parameters.get(name.toLowerCase());
  const data = `${base}/input/data`;
  return {
    ...findCode(context, named, [`${base}/code`, `${data}/code`, `${data}/training`], undefined, "train.py"),
    modelDir: `${base}/model`,
    args: asArguments(argumentsIn(parameters)),
    variables,
    hosts,
    wantsTorchrun: parameters.get("sagemaker_torch_distributed_enabled")?.toLowerCase() === "true",
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

/**
 * Finds the code.
 *
 * @param named reads a setting, from a variable or a hyperparameter
 * @param folders where a script, a manifest or an archive may be
 * @param archive a folder that counts only if it is an unpacked archive
 * @param script the usual name of the script
 */
function findCode(
  { imageArchive, submitted: fetched }: SageMakerContext,
  named: Env,
  folders: readonly string[],
  archive: string | undefined,
  script: string,
): { readonly module: string; readonly script: string | undefined } {
  const program = named("SAGEMAKER_PROGRAM");
  if (fetched !== undefined) {
    const names = program === undefined ? ["manifest.json", script] : [program];
    const found = names.find((name) => stat(`${fetched.folder}/${name}`)?.isFile);
    if (found === undefined) {
      throw new UsageError(
        `'${fetched.uri}', the source directory of SageMaker's SDK, contains no ${names.join(" or ")}: ` +
          "name the script in its root as the SDK's entry_point (SAGEMAKER_PROGRAM)",
      );
    }
    return { module: fetched.folder, script: found === "manifest.json" ? undefined : found };
  }
  const submitted = named("SAGEMAKER_SUBMIT_DIRECTORY");
  const places = [...(submitted?.startsWith("/") ? [submitted] : []), ...folders];
  for (const module of places) {
    if (program !== undefined && stat(`${module}/${program}`)?.isFile) return { module, script: program };
    if (program !== undefined) continue;
    if (stat(`${module}/manifest.json`)?.isFile) return { module, script: undefined };
    if (stat(`${module}/${script}`)?.isFile) return { module, script };
    const packed = onlyArchiveIn(module);
    if (packed !== undefined) return { module: packed, script: undefined };
  }
  for (const module of program === undefined ? [archive, imageArchive] : []) {
    if (module !== undefined && stat(`${module}/manifest.json`)?.isFile) return { module, script: undefined };
  }
  const remote = submitted !== undefined && !submitted.startsWith("/")
    ? `; the source directory '${submitted}' of the SDK must be an absolute path, or begin with s3:// or gs://`
    : "";
  throw new UsageError(
    `The command line names no module, and there is no ${program ?? `${script}, manifest.json or single .tar.gz`} in ${
      places.join(", ")
    }: name a module, or put the code there (SAGEMAKER_PROGRAM names another script)${remote}`,
  );
}

/** Whether a folder is missing or empty. */
function isEmpty(folder: string): boolean {
  return !stat(folder)?.isDirectory || [...Deno.readDirSync(folder)].length === 0;
}

/** The archive in a folder that contains a single one. */
function onlyArchiveIn(folder: string): string | undefined {
  if (!stat(folder)?.isDirectory) return undefined;
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => /\.(?:tar\.gz|tgz)$/.test(name));
  return names.length === 1 ? `${folder}/${names[0]}` : undefined;
}

/** Whether code is an archive that may contain its model: one that is packed, or whose manifest names a folder for it. */
function carriesModel(module: string): boolean {
  if (stat(module)?.isFile) return true;
  try {
    return JSON.parse(Deno.readTextFileSync(`${module}/manifest.json`)).modelDirectory != null;
  } catch {
    return false;
  }
}
