/** Fetches a folder of an object store. */

import { statfsSync } from "node:fs";
import { StorageError } from "./errors.ts";
import { fetchObject } from "./object.ts";
import type { StorageContext, Store, StoredObject } from "./store.ts";
import { parseStorageUri, type StoragePlace } from "./uri.ts";

/** How many files are fetched at the same time. */
const AT_ONCE = 8;

/** The most objects of a folder. A model has few files; more are a whole bucket that was named by mistake. */
const MAX_OBJECTS = 100_000;

/** The number of files that were fetched, and their total size in bytes. */
export interface Fetched {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Fetches all objects below `gs://BUCKET/PREFIX` or `s3://BUCKET/PREFIX` into an existing, empty folder, and checks their lengths
 * and checksums.
 *
 * @throws {StorageError} if there are no objects, they don't fit on the disk, or one can't be fetched; files that were fetched
 * before stay
 */
export async function fetchFolder(uri: string, folder: string, context: StorageContext): Promise<Fetched> {
  const place = parseStorageUri(uri);
  const failed = new AbortController();
  const inner = { ...context, signal: AbortSignal.any([context.signal, failed.signal]) };
  using store = await openStore(place, inner);
  const objects = await listFiles(store, place, uri);
  const bytes = objects.reduce((sum, { size }) => sum + size, 0);
  demandRoom(bytes, folder, uri);
  const left = objects.values();
  const fetchNext = async () => {
    for (const object of left) {
      const about = { bucket: place.bucket, object, uri: `${place.scheme}://${place.bucket}/${object.name}` };
      await fetchObject(store, about, `${folder}/${object.name.slice(place.prefix.length)}`, inner);
    }
  };
  // Stop all downloads at the first failure: the caller may remove the folder.
  await Promise.all(Array.from({ length: AT_ONCE }, () => fetchNext().catch((error) => failed.abort(error))));
  context.signal.throwIfAborted();
  failed.signal.throwIfAborted();
  return { files: objects.length, bytes };
}

/** Opens the store of a URI, whose client is loaded only now: that of S3 is large. @throws {StorageError} if a setting is not valid */
export async function openStore({ scheme }: StoragePlace, context: StorageContext): Promise<Store> {
  switch (scheme) {
    case "gs":
      return new (await import("./gcs.ts")).CloudStorage(context);
    case "s3":
      return await (await import("./s3.ts")).openS3(context);
  }
}

/** Lists the objects of a folder. @throws {StorageError} if their names are not those of files in a folder */
async function listFiles(
  store: Store,
  { bucket, prefix }: StoragePlace,
  uri: string,
): Promise<readonly StoredObject[]> {
  const objects: StoredObject[] = [];
  let listed = 0;
  for await (const page of store.list(bucket, prefix)) {
    // An empty page counts as well, so that a listing ends.
    listed += Math.max(1, page.length);
    if (listed > MAX_OBJECTS) {
      throw new StorageError(`'${uri}' contains more than ${MAX_OBJECTS} objects: name the folder of the model`);
    }
    // Consoles create empty objects as folders.
    for (const object of page) if (!object.name.endsWith("/")) objects.push(object);
  }
  if (objects.length === 0) {
    throw new StorageError(`'${uri}' contains no objects: check the bucket, the path and the permissions`);
  }
  const names = new Set(objects.map(({ name }) => name));
  for (const name of names) {
    demandInside(name, prefix, uri);
    for (let slash = name.indexOf("/", prefix.length); slash > 0; slash = name.indexOf("/", slash + 1)) {
      const parent = name.slice(0, slash);
      if (!names.has(parent)) continue;
      throw new StorageError(`'${uri}' contains '${parent}' both as an object and as a folder: remove one of them`);
    }
  }
  return objects;
}

/** Checks an object's name, which may be any text. @throws {StorageError} if it is not a path inside the folder */
function demandInside(object: string, prefix: string, uri: string): void {
  const name = object.slice(prefix.length);
  if (
    !object.startsWith(prefix) || name.includes("\0") ||
    name.split("/").some((part) => part === "" || part === "." || part === "..")
  ) {
    throw new StorageError(`'${uri}' contains an object whose name is not a safe path: '${name}'`);
  }
}

/** Checks the room for a download. @throws {StorageError} if a folder's disk has less than `bytes` free */
export function demandRoom(bytes: number, folder: string, uri: string): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bytes <= bavail * bsize) return;
  throw new StorageError(
    `'${uri}' contains ${bytes} bytes, and the disk of '${folder}' has ${bavail * bsize} free: ` +
      "set TMPDIR to a folder with more room",
  );
}
