/** Fetches the code that SageMaker's SDK has put into an object store: `source_dir`, a `.tar.gz` without a manifest. */

import { ArchiveError, DEFAULT_MANIFEST, type Limits, naming, openArchive, unpack } from "../../archive/mod.ts";
import { makeTemporaryFolder } from "../../cache/temporary.ts";
import type { SubmittedCode } from "../../platform/sagemaker.ts";
import { fetchFile } from "../../storage/mod.ts";
import type { Io } from "../terminal/io.ts";

/**
 * Fetches an archive of code and unpacks it, with the checks of a Model Archive, into a temporary folder, which is removed on disposal.
 *
 * @param uri `s3://BUCKET/NAME` or `gs://BUCKET/NAME`
 * @throws {StorageError} if it can't be fetched
 * @throws {ArchiveError} if it is not a valid `.tar.gz`
 */
export async function fetchSubmittedCode(
  uri: string,
  limits: Limits,
  { env }: Pick<Io, "env">,
  signal: AbortSignal,
): Promise<SubmittedCode & Disposable> {
  const root = makeTemporaryFolder("code", env);
  const remove = () => {
    try {
      Deno.removeSync(root, { recursive: true });
    } catch {
      // A process of the script may still write there. It must not turn a run that succeeded into a failure.
    }
  };
  try {
    const packed = `${root}/packed`;
    const folder = `${root}/code`;
    await fetchFile(uri, packed, { env, signal });
    await naming(`'${uri}'`, async () => {
      using source = openArchive(packed);
      const { paths } = await unpack(source.read, folder, { limits, signal, defaultManifest: DEFAULT_MANIFEST });
      if (paths.size === 0) throw new ArchiveError("is empty");
    });
    Deno.removeSync(packed);
    return { uri, folder, [Symbol.dispose]: remove };
  } catch (error) {
    remove();
    throw error;
  }
}
