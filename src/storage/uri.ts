/** Parses the URIs of folders in object stores. */

import { StorageError } from "./errors.ts";

/** A folder in an object store. */
export interface StoragePlace {
  readonly scheme: "gs" | "s3";
  readonly bucket: string;
  /** What the names of the folder's objects begin with: empty, or with a `/` at the end. */
  readonly prefix: string;
}

/** The stores by the schemes of their URIs. */
const STORES = { gs: "Cloud Storage", s3: "Amazon S3" } as const;

/** The names of buckets; S3 has access points as well, whose ARN may stand in the place of a bucket's name. */
const BUCKET = {
  gs: /^[a-z0-9][\w.-]{1,220}[a-z0-9]$/,
  s3: /^(?:[A-Za-z0-9][\w.-]{1,253}[A-Za-z0-9]|arn:[\w-]+:s3[\w-]*:[\w-]*:\d+:accesspoint[:/][\w.-]+)$/,
} as const;

/** Whether a path is the URI of a folder in an object store: `gs://…` or `s3://…`. */
export function isStorageUri(path: string): boolean {
  return path.startsWith("gs://") || path.startsWith("s3://");
}

/** Parses `gs://BUCKET/FOLDER` or `s3://BUCKET/FOLDER`. @throws {StorageError} if it names no bucket */
export function parseStorageUri(uri: string): StoragePlace {
  const scheme = uri.startsWith("s3://") ? "s3" : "gs";
  const [, bucket = "", path = ""] = /^\w+:\/\/(arn:[^/]*accesspoint\/[^/]*|[^/]*)(?:\/(.*))?$/s.exec(uri) ?? [];
  if (!BUCKET[scheme].test(bucket)) {
    throw new StorageError(`'${uri}' is not a folder of ${STORES[scheme]}: write ${scheme}://BUCKET/FOLDER`);
  }
  return { scheme, bucket, prefix: path && `${path.replace(/\/+$/, "")}/` };
}
