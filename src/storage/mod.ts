/** Fetches model artifacts from Cloud Storage. */

export { fetchFolder, isStorageUri, StorageError } from "./gcs.ts";
