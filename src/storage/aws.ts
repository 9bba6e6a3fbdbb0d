/**
 * AWS's client for S3. The build makes a separate bundle of it, in one file: in parts, functions of its packages that are imported late
 * would not be found by their names, since these packages are CommonJS modules.
 */

export { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
export { FetchHttpHandler } from "@smithy/fetch-http-handler";
