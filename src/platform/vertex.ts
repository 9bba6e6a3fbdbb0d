/**
 * Finds the folders that Vertex AI gives a training
 * (https://cloud.google.com/vertex-ai/docs/training/code-requirements#environment-variables). They are URIs of Cloud Storage, which
 * Vertex AI mounts at `/gcs`: `gs://BUCKET/FOLDER` is `/gcs/BUCKET/FOLDER`.
 */

import { UsageError } from "../errors.ts";
import { stat } from "../files.ts";

/** Reads an environment variable. */
type Env = (name: string) => string | undefined;

const MOUNT = "/gcs";

/**
 * The local path of a `gs://` URI where its bucket is mounted; another text itself, and undefined where it is not mounted.
 *
 * @param mount the folder of all buckets
 * @throws {UsageError} if the URI leads out of its bucket
 */
function mountedPath(uri: string, mount = MOUNT): string | undefined {
  const [, bucket, folder = ""] = /^gs:\/\/([^/]+)(\/.*)?$/s.exec(uri) ?? [];
  if (bucket === undefined) return uri;
  if (`${bucket}${folder}`.split("/").includes("..")) throw new UsageError(`'${uri}' must not contain '..'`);
  return stat(`${mount}/${bucket}`)?.isDirectory ? `${mount}/${bucket}${folder.replace(/\/+$/, "")}` : undefined;
}

/**
 * The local folder that training writes a model to.
 *
 * @param word a path, or a URI
 * @throws {UsageError} if it is a URI that is not mounted
 */
export function trainingFolder(word: string, mount = MOUNT): string {
  const path = mountedPath(word, mount);
  if (path !== undefined && !path.startsWith("s3://")) return path;
  throw new UsageError(
    `The model directory '${word}' is not a local folder, and training writes to local folders alone: name one, and copy it afterwards` +
      (word.startsWith("gs://") ? `, or mount the bucket at ${mount}, as Vertex AI does` : ""),
  );
}

/**
 * The folder for TensorBoard's logs that Vertex AI reads, or its URI where that is not mounted; undefined without one.
 *
 * @throws {UsageError} if the URI leads out of its bucket
 */
export function tensorBoardFolder(env: Env, mount = MOUNT): string | undefined {
  const named = env("AIP_TENSORBOARD_LOG_DIR");
  return named ? mountedPath(named, mount) ?? named : undefined;
}

/**
 * What `train` without arguments runs on Vertex AI: the archive of the image, into `AIP_MODEL_DIR`; undefined elsewhere.
 *
 * @param imageArchive the folder where images of archives have theirs
 */
export function vertexTraining(
  env: Env,
  imageArchive: string,
): { readonly module: string; readonly script: undefined; readonly modelDir: string } | undefined {
  const modelDir = env("AIP_MODEL_DIR");
  if (!modelDir || !stat(`${imageArchive}/manifest.json`)?.isFile) return undefined;
  return { module: imageArchive, script: undefined, modelDir };
}
