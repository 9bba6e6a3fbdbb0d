/** Fetches one named object of an object store. */

import { StorageError } from "./errors.ts";
import { demandRoom, openStore } from "./folder.ts";
import { fetchObject } from "./object.ts";
import type { StorageContext, Store, StoredObject } from "./store.ts";
import { parseStorageUri } from "./uri.ts";

/**
 * Fetches the object `gs://BUCKET/NAME` or `s3://BUCKET/NAME` into a file that does not exist, and checks its length and checksum.
 *
 * @returns the number of bytes that were fetched
 * @throws {StorageError} if there is no such object, it does not fit on the disk, or it can't be fetched
 */
export async function fetchFile(uri: string, target: string, context: StorageContext): Promise<number> {
  const place = parseStorageUri(uri);
  using store = await openStore(place, context);
  const object = await find(store, place.bucket, place.prefix.slice(0, -1));
  if (object === undefined) {
    throw new StorageError(`'${uri}' does not exist: check the bucket, the path and the permissions`);
  }
  demandRoom(object.size, target.slice(0, target.lastIndexOf("/")), uri);
  await fetchObject(store, { bucket: place.bucket, object, uri }, target, context);
  return object.size;
}

/** Finds an object by its name, which precedes all others that begin with it. */
async function find(store: Store, bucket: string, name: string): Promise<StoredObject | undefined> {
  for await (const page of store.list(bucket, name)) return page.find((object) => object.name === name);
  return undefined;
}
