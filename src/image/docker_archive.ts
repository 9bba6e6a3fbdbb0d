/** Reads an archive of `docker save` or `podman save`, whose layers have no digests but those of their tar archives. */

import { createHash } from "node:crypto";
import { UsageError } from "../errors.ts";
import { ImageError } from "./errors.ts";
import { digestLike, type ImageConfig, MAX_LAYERS, OCI, parseConfig } from "./oci.ts";
import { type BaseLayer, readDocument, type Store } from "./store.ts";

/** An image in `manifest.json`. */
interface Listed {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

/**
 * Reads the image of an archive.
 *
 * @param list the content of `manifest.json`
 * @throws {UsageError} if the archive has several images, and the tag does not choose one
 * @throws {ImageError} if the archive is damaged
 */
export function readDockerArchive(store: Store, list: Uint8Array, tag: string | undefined): {
  readonly digest: undefined;
  readonly config: ImageConfig;
  readonly layers: readonly BaseLayer[];
} {
  const { Config, Layers } = pick(store, list, tag);
  const stored = store.find(Config);
  const what = `the configuration ${Config} of the base ${store.label}`;
  if (stored === undefined) throw new ImageError(`The base ${store.label} lacks ${what}: save the image again`);
  const bytes = readDocument(stored, what);
  // Docker names the file after its digest.
  const [named] = /[0-9a-f]{64}/.exec(Config) ?? [];
  if (named !== undefined && digestLike("sha256:", bytes) !== `sha256:${named}`) {
    throw new ImageError(`${what} is damaged: its content has another digest. Save the image again`);
  }
  const config = parseConfig(bytes, what);
  const ids = config.rootfs.diff_ids;
  if (Layers.length !== ids.length || ids.length > MAX_LAYERS) {
    throw new ImageError(
      `The base ${store.label} is damaged: its manifest.json lists ${Layers.length} layers, and its configuration ${ids.length}`,
    );
  }
  return { digest: undefined, config, layers: Layers.map((path, i) => layerOf(store, path, ids[i]!)) };
}

function pick(store: Store, list: Uint8Array, tag: string | undefined): Listed {
  const what = `manifest.json of the base ${store.label}`;
  let images: readonly Listed[];
  try {
    images = JSON.parse(new TextDecoder().decode(list)) as readonly Listed[];
    if (!Array.isArray(images) || images.length === 0) throw new TypeError();
    for (const { Config, Layers } of images) {
      if (typeof Config !== "string" || !Array.isArray(Layers) || !Layers.every((path) => typeof path === "string")) {
        throw new TypeError();
      }
    }
  } catch {
    throw new ImageError(`${what} is damaged: it is not a list of images. Save the image again`);
  }
  const chosen = tag === undefined
    ? images
    : images.filter(({ RepoTags }) => RepoTags?.some((name: string) => name === tag || name.endsWith(`:${tag}`)));
  if (chosen.length === 1) return chosen[0]!;
  const names = images.flatMap(({ RepoTags }) => RepoTags ?? []).join(", ") || "no names";
  throw new UsageError(
    `The base ${store.label} has ${images.length} images (${names}): choose one by its tag, as in --base ARCHIVE:TAG`,
  );
}

/** A layer. If it is compressed, its digest is not the one that the configuration has, which is checked when it is decompressed. */
function layerOf(store: Store, path: string, diffId: string): BaseLayer {
  const content = store.find(path);
  if (content === undefined) {
    throw new ImageError(`The base ${store.label} lacks its layer ${path}: save the image again`);
  }
  const [start = new Uint8Array(0)] = content.read();
  if (start[0] === 0x1f && start[1] === 0x8b) {
    const hash = createHash("sha256");
    for (const chunk of content.read()) hash.update(chunk);
    const digest = `sha256:${hash.digest("hex")}`;
    return { descriptor: { mediaType: `${OCI.layer}+gzip`, digest, size: content.size }, content, diffId };
  }
  return { descriptor: { mediaType: OCI.layer, digest: diffId, size: content.size }, content };
}
