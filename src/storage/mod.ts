/** Fetches model artifacts from Cloud Storage and Amazon S3. */

export { StorageError } from "./errors.ts";
export { fetchFile } from "./file.ts";
export { fetchFolder } from "./folder.ts";
