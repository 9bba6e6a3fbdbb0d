/** Reads the image that another one is built on: an OCI layout (a folder or a tar archive), or an archive of `docker save`. */

import { UsageError } from "../errors.ts";
import { exists } from "../files.ts";
import { readDockerArchive } from "./docker_archive.ts";
import { ImageError } from "./errors.ts";
import {
  blobPath,
  type Descriptor,
  digestLike,
  type ImageConfig,
  MAX_LAYERS,
  OCI,
  parseConfig,
  parseDescriptor,
  parseDescriptors,
  parseObject,
} from "./oci.ts";
import { type BaseLayer, openStore, readDocument, type Store } from "./store.ts";

/** An operating system and a processor, in the words of OCI: `linux`, `amd64`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** Undefined if any will do. */
  readonly variant?: string | undefined;
}

/** An image to build on. */
export interface Base extends Disposable {
  /** What messages call it: its path in quotes. */
  readonly label: string;
  /** The digest of its manifest; undefined for an archive of `docker save`, which has none. */
  readonly digest: string | undefined;
  readonly config: ImageConfig;
  readonly layers: readonly BaseLayer[];
}

/** How deep indexes may be nested. */
const MAX_DEPTH = 4;
/** The most images of an index. */
const MAX_MANIFESTS = 1000;

/**
 * Opens a base, and checks all of it but the content of its layers.
 *
 * @param path a folder or a tar archive; an OCI layout with several images takes a tag behind a colon
 * @throws {UsageError} if it does not exist, or has no image for the platform
 * @throws {ImageError} if it is damaged
 */
export function openBase(path: string, platform: Platform): Base {
  const [file, tag] = splitTag(path);
  const store = openStore(file);
  try {
    return { ...readBase(store, platform, tag), label: store.label, [Symbol.dispose]: () => store[Symbol.dispose]() };
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
}

function readBase(store: Store, platform: Platform, tag: string | undefined): Omit<Base, "label" | keyof Disposable> {
  const index = store.find("index.json");
  if (index === undefined) {
    const list = store.find("manifest.json");
    if (list === undefined) {
      throw new ImageError(
        `The base ${store.label} has neither an index.json (OCI layout) nor a manifest.json (docker save): make one with ` +
          "'skopeo copy docker://IMAGE oci:FOLDER', for example",
      );
    }
    const found = readDockerArchive(store, readDocument(list, `manifest.json of the base ${store.label}`), tag);
    checkPlatform(found.config, platform, store.label);
    return found;
  }
  const what = `index.json of the base ${store.label}`;
  const listed = parseDescriptors(parseObject(readDocument(index, what), what).manifests, what, MAX_MANIFESTS);
  const tagged = tag === undefined ? listed : listed.filter(({ annotations }) => {
    return annotations?.["org.opencontainers.image.ref.name"] === tag;
  });
  if (tagged.length === 0 && tag !== undefined) {
    const tags = listed.map(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] ?? "without a tag");
    throw new UsageError(`The base ${store.label} has no image with the tag '${tag}'. It has: ${tags.join(", ")}`);
  }
  const chosen = choose(store, tagged, platform, 0);
  const name = `the manifest ${chosen.digest} of the base ${store.label}`;
  const manifest = parseObject(readBlob(store, chosen, name), name);
  const config = parseDescriptor(manifest.config, name);
  const what2 = `the configuration ${config.digest} of the base ${store.label}`;
  const parsed = parseConfig(readBlob(store, config, what2), what2);
  checkPlatform(parsed, platform, store.label);
  const layers = parseDescriptors(manifest.layers, name, MAX_LAYERS).map((descriptor) => layerOf(store, descriptor));
  if (layers.length !== parsed.rootfs.diff_ids.length) {
    throw new ImageError(
      `The base ${store.label} is damaged: its manifest lists ${layers.length} layers, and its configuration ` +
        `${parsed.rootfs.diff_ids.length}`,
    );
  }
  return { digest: chosen.digest, config: parsed, layers };
}

/** Finds the one manifest for a platform among descriptors, which may be of further indexes. */
function choose(store: Store, listed: readonly Descriptor[], platform: Platform, depth: number): Descriptor {
  const usable = listed.filter(({ platform: of, mediaType }) => {
    return (mediaType === OCI.manifest || mediaType === OCI.index) && (of === undefined || fits(of, platform));
  });
  const [only, second] = usable;
  if (only === undefined) {
    const others = listed.flatMap(({ platform: of }) => of === undefined ? [] : [nameOf(of)]);
    throw new UsageError(
      `The base ${store.label} has no image for ${nameOf(platform)}. It has: ${
        [...new Set(others)].join(", ") || "none"
      }`,
    );
  }
  if (second !== undefined && usable.some(({ digest }) => digest !== only.digest)) {
    const tags = usable.map(({ annotations, digest }) => {
      return annotations?.["org.opencontainers.image.ref.name"] ?? digest;
    });
    throw new UsageError(
      `The base ${store.label} has several images for ${nameOf(platform)} (${
        tags.join(", ")
      }): choose one by its tag, as in ` +
        "--base LAYOUT:TAG",
    );
  }
  if (only.mediaType === OCI.manifest) return only;
  const what = `the index ${only.digest} of the base ${store.label}`;
  if (depth === MAX_DEPTH) throw new ImageError(`${what} is nested more than ${MAX_DEPTH} deep`);
  const inner = parseObject(readBlob(store, only, what), what);
  return choose(store, parseDescriptors(inner.manifests, what, MAX_MANIFESTS), platform, depth + 1);
}

function layerOf(store: Store, descriptor: Descriptor): BaseLayer {
  const content = store.find(blobPath(descriptor.digest));
  if (content === undefined && (descriptor.urls ?? []).length === 0) {
    throw new ImageError(`The base ${store.label} lacks its layer ${descriptor.digest}: fetch the base again`);
  }
  if (content !== undefined && content.size !== descriptor.size) {
    throw new ImageError(
      `The base ${store.label} is damaged: the layer ${descriptor.digest} has ${content.size} bytes and not ` +
        `${descriptor.size}. Fetch the base again`,
    );
  }
  return { descriptor, content };
}

/** Reads a document, and checks size and digest. */
function readBlob(store: Store, { digest, size }: Descriptor, what: string): Uint8Array {
  const stored = store.find(blobPath(digest));
  if (stored === undefined) throw new ImageError(`The base ${store.label} lacks ${what}: fetch the base again`);
  const bytes = readDocument(stored, what);
  if (bytes.length !== size || digestLike(digest, bytes) !== digest) {
    throw new ImageError(`${what} is damaged: its content has another size or digest. Fetch the base again`);
  }
  return bytes;
}

function checkPlatform(config: ImageConfig, platform: Platform, label: string): void {
  if (config.os === platform.os && config.architecture === platform.architecture) return;
  throw new UsageError(`The base ${label} is for ${nameOf(config)}, and not for ${nameOf(platform)}`);
}

function fits(of: NonNullable<Descriptor["platform"]>, { os, architecture, variant }: Platform): boolean {
  return of.os === os && of.architecture === architecture && (variant === undefined || of.variant === variant);
}

function nameOf({ os, architecture, variant }: NonNullable<Descriptor["platform"]>): string {
  return [os, architecture, variant].filter((part) => part !== undefined).join("/");
}

/** Splits `LAYOUT:TAG`, unless a file has that whole name. The tag may be a whole name, such as `registry.example:5000/iris:1`. */
function splitTag(path: string): [file: string, tag: string | undefined] {
  if (exists(path)) return [path, undefined];
  for (let colon = path.lastIndexOf(":"); colon > 0; colon = path.lastIndexOf(":", colon - 1)) {
    const file = path.slice(0, colon);
    if (exists(file)) return [file, path.slice(colon + 1)];
  }
  return [path, undefined];
}
