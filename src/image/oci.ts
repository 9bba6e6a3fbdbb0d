/** The documents of an OCI image (OCI Image Format Specification 1.1), as far as they matter here, and checks of those that are read. */

import { createHash } from "node:crypto";
import { ImageError } from "./errors.ts";

/** A reference to content by its digest. */
export interface Descriptor {
  readonly mediaType: string;
  /** Such as `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  readonly platform?: {
    readonly os?: string;
    readonly architecture?: string;
    readonly variant?: string | undefined;
  };
  readonly annotations?: Readonly<Record<string, string>>;
  /** Where a layer that is not distributed with images can be downloaded. */
  readonly urls?: readonly string[];
}

/** An image's configuration; other keys are kept. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
  readonly history?: readonly Readonly<Record<string, unknown>>[];
  readonly [key: string]: unknown;
}

/** Media types of OCI, which this program writes. */
export const OCI = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

const DOCKER = "application/vnd.docker.";
/** The media types of OCI for those of Docker. */
const OF_DOCKER: Readonly<Record<string, string | undefined>> = {
  [`${DOCKER}distribution.manifest.list.v2+json`]: OCI.index,
  [`${DOCKER}distribution.manifest.v2+json`]: OCI.manifest,
  [`${DOCKER}image.rootfs.diff.tar`]: OCI.layer,
  [`${DOCKER}image.rootfs.diff.tar.gzip`]: `${OCI.layer}+gzip`,
  [`${DOCKER}image.rootfs.diff.tar.zstd`]: `${OCI.layer}+zstd`,
  [`${DOCKER}image.rootfs.foreign.diff.tar`]: "application/vnd.oci.image.layer.nondistributable.v1.tar",
  [`${DOCKER}image.rootfs.foreign.diff.tar.gzip`]: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
};

/** The longest index, manifest or configuration that is read, in bytes: registries refuse longer ones. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** The most layers of a base: file systems of containers can't stack more. */
export const MAX_LAYERS = 500;

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** An OCI media type for one of OCI or Docker. */
function ociType(mediaType: string): string {
  return OF_DOCKER[mediaType] ?? mediaType;
}

/** The path of a blob in a layout. */
export function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** The digest of some bytes, by the algorithm of another digest. */
export function digestLike(other: string, bytes: Uint8Array): string {
  const [algorithm] = other.split(":");
  return `${algorithm}:${createHash(algorithm!).update(bytes).digest("hex")}`;
}

/** Whether a value is a digest that can be checked. */
export function isDigest(value: unknown): value is string {
  return typeof value === "string" && DIGEST.test(value);
}

/** Parses an object of JSON. @param what names the document in errors @throws {ImageError} if it is not one */
export function parseObject(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // The error below says the same.
  }
  throw new ImageError(`${what} is damaged: it is not a JSON object. Fetch the base again`);
}

/** Checks a descriptor, and makes its media type one of OCI. @param what names the document that contains it @throws {ImageError} if it is not valid */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  const found = (typeof value === "object" && value !== null ? value : {}) as Partial<Descriptor>;
  const { mediaType = OCI.manifest, digest, size } = found;
  if (!isDigest(digest)) {
    throw new ImageError(`${what} refers to content by the digest ${JSON.stringify(digest)}, which is not a SHA-256`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || typeof mediaType !== "string") {
    throw new ImageError(`${what} says that ${digest} has the size ${JSON.stringify(size)}, which is not a number`);
  }
  return { ...found, mediaType: ociType(mediaType), digest, size };
}

/** The descriptors in a list. @throws {ImageError} if it is not a list of descriptors */
export function parseDescriptors(value: unknown, what: string, max: number): Descriptor[] {
  if (!Array.isArray(value) || value.length > max) {
    throw new ImageError(`${what} is damaged: it lacks its list of contents, or lists more than ${max}`);
  }
  return value.map((item) => parseDescriptor(item, what));
}

/** Parses an image's configuration and checks it. @throws {ImageError} if it is not valid */
export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  const value = parseObject(bytes, what) as Partial<ImageConfig>;
  const ids = value.rootfs?.diff_ids;
  if (typeof value.architecture !== "string" || typeof value.os !== "string") {
    throw new ImageError(`${what} does not say for which platform the image is: it is not an image's configuration`);
  }
  if (!Array.isArray(ids) || !ids.every(isDigest)) {
    throw new ImageError(`${what} is damaged: its rootfs.diff_ids are not a list of digests`);
  }
  return value as ImageConfig;
}
