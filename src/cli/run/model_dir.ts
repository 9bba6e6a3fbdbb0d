/** Finds the directory of a model's artifacts, and fetches it if it is remote. */

import { getLogger } from "@logtape/logtape";
import { absolute } from "./module.ts";
import { makeTemporaryFolder } from "../../cache/temporary.ts";
import { UsageError } from "../../errors.ts";
import { stat } from "../../files.ts";
import type { fetchFolder } from "../../storage/mod.ts";
import { isStorageUri } from "../../storage/uri.ts";
import type { Io } from "../terminal/io.ts";

const log = getLogger(["aimodellib", "serve"]);

/** A model directory that is not open yet: a local folder, or a URI to fetch. */
export interface ModelDir {
  /** An absolute path or a URI, for the record of the run. */
  readonly name: string;
  /** Whether opening it takes a moment at most. */
  readonly local: boolean;
  /** Opens the directory. A fetched copy is removed when it is disposed. @throws {StorageError} if it can't be fetched */
  readonly open: (signal: AbortSignal) => Promise<OpenModelDir>;
}

/** A local folder with a model's artifacts, which exists until this is disposed. */
export interface OpenModelDir extends Disposable {
  readonly path: string;
}

/**
 * Finds a model's artifacts: by the command line, in the archive, or else by Vertex AI's variable `AIP_STORAGE_URI`.
 *
 * @param word the word of the command line: a folder, or a URI such as `gs://BUCKET/FOLDER`
 * @param carried the folder of the archive's own model
 * @throws {UsageError} if the folder does not exist, or nothing names one
 */
export function findModelDir(
  word: string | undefined,
  { env }: Pick<Io, "env">,
  carried?: string | undefined,
): ModelDir {
  const named = word ?? carried ?? (env("AIP_STORAGE_URI") || undefined);
  if (named === undefined) {
    throw new UsageError(
      "The model directory is missing: pass it after the script or the archive, or put the model into the archive with " +
        "'aimodellib package --model-dir'",
    );
  }
  if (isStorageUri(named)) return { name: named, local: false, open: (signal) => fetchModel(named, { env, signal }) };
  const path = absolute(named);
  if (!stat(path)?.isDirectory) {
    throw new UsageError(`The model directory '${named}' does not exist; train a model into it first`);
  }
  return { name: path, local: true, open: () => Promise.resolve({ path, [Symbol.dispose]: () => {} }) };
}

async function fetchModel(uri: string, context: Parameters<typeof fetchFolder>[2]): Promise<OpenModelDir> {
  const path = makeTemporaryFolder("model", context.env);
  const remove = () => Deno.removeSync(path, { recursive: true });
  try {
    const begin = performance.now();
    const { fetchFolder } = await import("../../storage/mod.ts");
    const { files, bytes } = await fetchFolder(uri, path, context);
    log.info("Fetched {files} files, {bytes} bytes, of '{uri}' in {seconds} s", {
      files,
      bytes,
      uri,
      seconds: Math.round(performance.now() - begin) / 1000,
    });
    return { path, [Symbol.dispose]: remove };
  } catch (error) {
    remove();
    throw error;
  }
}
