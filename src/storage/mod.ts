/** Artifacts that are kept elsewhere. */

export { fetchFolder, isStorageUri, StorageError } from "./gcs.ts";
