/**
 * Reads from Amazon S3, and stores that speak its protocol, with AWS's own client. The client finds region and credentials where
 * AWS's other programs find them; docs/decisions/0008-aws-client-for-s3.md says why it is this one.
 */

import { createRequire } from "node:module";
import { getLogger } from "@logtape/logtape";
import type { S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import { messageOf } from "../errors.ts";
import { unlessAborted } from "../with_limit.ts";
import type * as Aws from "./aws.ts";
import { StorageError } from "./errors.ts";
import { ATTEMPTS, type OpenObject, SILENCE_MS, type StorageContext, type Store, type StoredObject } from "./store.ts";

const log = getLogger(["aimodellib", "storage"]);

/** The region of the first request if no region is configured; S3 answers it with the region of the bucket. */
const FIRST_REGION = "us-east-1";

/** The longest part of a server's message in ours, in characters. */
const MAX_REASON = 300;

type Sdk = typeof Aws;

/** Prepares the client of S3, without a request. @throws {StorageError} if a variable names no URL */
export async function openS3(context: StorageContext): Promise<Store> {
  const { env } = context;
  const endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].find((name) => env(name));
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(env(endpoint)!)?.protocol ?? "")) {
    throw new StorageError(`${endpoint} must be a URL such as https://minio.example.com:9000, not '${env(endpoint)}'`);
  }
  // The client's packages call require() for modules of Node, which a bundle of ES modules does not have.
  const scope = globalThis as { require?: unknown };
  scope.require ??= createRequire(import.meta.url);
  const sdk: Sdk = await import(
    new URL(Deno.build.standalone ? "../threads/aws.js" : "./aws.ts", import.meta.url).href
  );
  const settings = {
    requestHandler: new sdk.FetchHttpHandler({ requestTimeout: SILENCE_MS }),
    maxAttempts: ATTEMPTS,
    // Servers other than AWS's are rarely reached by a host name for each bucket.
    forcePathStyle: endpoint !== undefined,
    logger: { trace() {}, debug() {}, info() {}, warn: warnOf, error() {} },
  };
  const region = env("AWS_REGION") || env("AWS_DEFAULT_REGION");
  const connect = (region?: string) => new sdk.S3Client({ ...settings, ...(region && { region }) });
  const client = connect(region);
  const hasRegion = await client.config.region().then(() => true, () => false);
  return new S3(sdk, hasRegion ? client : connect(FIRST_REGION), connect, context);
}

class S3 implements Store {
  readonly #sdk: Sdk;
  #client: S3Client;
  readonly #connect: (region: string) => S3Client;
  readonly #context: StorageContext;

  constructor(sdk: Sdk, client: S3Client, connect: (region: string) => S3Client, context: StorageContext) {
    this.#sdk = sdk;
    this.#client = client;
    this.#connect = connect;
    this.#context = context;
  }

  async *list(bucket: string, prefix: string): AsyncGenerator<readonly StoredObject[]> {
    const what = `list 's3://${bucket}/${prefix}'`;
    let token: string | undefined;
    do {
      // Names may contain characters that XML does not allow.
      const command = new this.#sdk.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        EncodingType: "url",
        ...(token !== undefined && { ContinuationToken: token }),
      });
      const page = await this.#send(what, this.#context.signal, async (options) => {
        try {
          return await this.#client.send(command, options);
        } catch (error) {
          // The client's own option for this fails with several requests at a time.
          const region = otherRegionIn(error);
          if (region === undefined || token !== undefined) throw error;
          this.#client.destroy();
          this.#client = this.#connect(region);
          return await this.#client.send(command, options);
        }
      });
      const decode = page.EncodingType === "url" ? decodeName : (name: string) => name;
      yield (page.Contents ?? []).map(({ Key = "", Size = 0, ETag }) => ({
        name: decode(Key),
        size: Size,
        // Of an object that was uploaded in parts, it is no checksum of the content; neither is it in a directory bucket.
        md5: bucket.endsWith("--x-s3") ? undefined : /^"?([0-9a-f]{32})"?$/.exec(ETag ?? "")?.[1],
        isDecoded: false,
        version: ETag,
      }));
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async open(
    bucket: string,
    { name, version }: StoredObject,
    start: number,
    signal: AbortSignal,
  ): Promise<OpenObject> {
    const command = new this.#sdk.GetObjectCommand({
      Bucket: bucket,
      Key: name,
      // Otherwise, fetch() would decompress an object that was stored with another encoding.
      ResponseContentEncoding: "identity",
      ...(version !== undefined && { IfMatch: version }),
      ...(start > 0 && { Range: `bytes=${start}-` }),
    });
    const answer = await this.#send(
      `fetch 's3://${bucket}/${name}'`,
      signal,
      (options) => this.#client.send(command, options),
    );
    return {
      start: answer.ContentRange === undefined ? 0 : start,
      body: answer.Body?.transformToWebStream() ?? new ReadableStream({ start: (controller) => controller.close() }),
      isPlain: answer.SSECustomerAlgorithm === undefined && !answer.ServerSideEncryption?.startsWith("aws:"),
    };
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }

  /** Sends a request, which the client repeats if that may help. @throws {StorageError} if it fails in the end */
  async #send<T>(
    what: string,
    signal: AbortSignal,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    try {
      // The client's search for credentials and its pauses can't be aborted.
      return await unlessAborted(send({ abortSignal: signal }), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new StorageError(`Could not ${what}: ${reasonOf(error, this.#context.env)}`, { cause: error });
    }
  }
}

/** The region of the bucket, if S3 refused a request to another one. */
function otherRegionIn(error: unknown): string | undefined {
  const { $metadata, $response } = error as Partial<S3ServiceException>;
  if ($metadata?.httpStatusCode !== 301 && $metadata?.httpStatusCode !== 400) return undefined;
  const region: unknown = $response?.headers?.["x-amz-bucket-region"];
  return typeof region === "string" && /^[a-z0-9-]{1,40}$/.test(region) ? region : undefined;
}

/** In a listing, S3 encodes a space as `+`. */
function decodeName(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

function warnOf(...words: readonly unknown[]): void {
  log.warn("{message}", { message: words.map(String).join(" ") });
}

/** Explains the client's error in a line. */
function reasonOf(error: unknown, env: StorageContext["env"]): string {
  const { name = "Error", $metadata } = error as Partial<S3ServiceException>;
  const status = $metadata?.httpStatusCode;
  const message = messageOf(error).replace(/\s+/g, " ").slice(0, MAX_REASON);
  const isNamed = name !== "Error" && name !== "TypeError";
  const isTold = message !== "" && message !== name && message !== "UnknownError";
  const said = [...(isNamed || !isTold ? [name] : []), ...(isTold ? [message] : [])].join(": ");
  return `${said}${status === undefined ? "" : ` (${status})`}${adviceFor(name, status, env)}`;
}

function adviceFor(name: string, status: number | undefined, env: StorageContext["env"]): string {
  switch (name) {
    case "CredentialsProviderError":
      if (env("AWS_PROFILE")) return `. Check the profile '${env("AWS_PROFILE")}' of AWS_PROFILE in ~/.aws`;
      return ". Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role";
    case "NoSuchBucket":
      return ": check the bucket, and AWS_ENDPOINT_URL if the store is not AWS's";
    case "InvalidObjectState":
      return ": restore the object from the archive first";
    case "ExpiredToken":
    case "InvalidAccessKeyId":
    case "SignatureDoesNotMatch":
      return ": check the credentials";
  }
  if (status === 401 || status === 403) {
    return ": check that these credentials may list the bucket and read its objects";
  }
  if (status === 412) return ": the object has changed since it was listed; try again";
  return "";
}
