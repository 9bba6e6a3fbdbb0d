/**
 * Writes an image as a tar archive with an OCI layout. It also has the `manifest.json` of `docker save`, for versions of Docker that
 * do not read layouts.
 */

import { createHash } from "node:crypto";
import { encodeHeader, TAR_END } from "../archive/tar/encode.ts";
import { paddingOf } from "../archive/tar/entry.ts";
import type { Base } from "./base.ts";
import { composeConfig, composeManifest, type Document, type Parts } from "./compose.ts";
import { ImageError } from "./errors.ts";
import { blobPath, OCI } from "./oci.ts";
import { chunksOf } from "./tree.ts";

/** How an image is written. */
export interface WriteOptions {
  /** Such as `model:latest`. */
  readonly tag: string;
  /** The time of all entries, in seconds since 1970. */
  readonly mtime: number;
  readonly signal: AbortSignal;
  readonly write: (bytes: Uint8Array) => void;
}

/** Writes images. Begin with the base, because its layers are checked while they are written. */
export class ImageTar {
  readonly #options: WriteOptions;
  readonly #written = new Set<string>();

  constructor(options: WriteOptions) {
    this.#options = options;
    for (const path of ["blobs", "blobs/sha256"]) this.#header(path, "directory", 0);
  }

  /** Copies the layers of the base. @throws {ImageError} if a layer has another digest */
  addBase({ layers, label }: Base): void {
    for (const { descriptor: { digest, size }, content } of layers) {
      if (content === undefined || !this.#begins(digest, size)) continue;
      const hash = createHash(digest.split(":")[0]!);
      for (const chunk of content.read()) {
        this.#options.signal.throwIfAborted();
        hash.update(chunk);
        this.#options.write(chunk);
      }
      const found = `${digest.split(":")[0]}:${hash.digest("hex")}`;
      if (found !== digest) {
        throw new ImageError(
          `The base ${label} is damaged: its layer ${digest} has the digest ${found}. Fetch the base again`,
        );
      }
      this.#pad(size);
    }
  }

  /** Adds layers, configuration and manifest, and ends the archive. @returns the digest of the image's manifest */
  finish(parts: Parts): string {
    for (const { path, descriptor: { digest, size } } of parts.layers) {
      if (!this.#begins(digest, size)) continue;
      for (const chunk of chunksOf(path)) {
        this.#options.signal.throwIfAborted();
        this.#options.write(chunk);
      }
      this.#pad(size);
    }
    const config = composeConfig(parts);
    const manifest = composeManifest(parts, config);
    this.#blob(config);
    this.#blob(manifest);
    const { tag } = this.#options;
    const { architecture, os } = parts.base.config;
    const annotations = {
      "io.containerd.image.name": fullName(tag),
      "org.opencontainers.image.ref.name": tag.slice(tag.lastIndexOf(":") + 1),
    };
    const descriptor = { ...manifest.descriptor, platform: { architecture, os }, annotations };
    this.#json("index.json", { schemaVersion: 2, mediaType: OCI.index, manifests: [descriptor] });
    const layers = [...parts.base.layers, ...parts.layers].map(({ descriptor: { digest } }) => blobPath(digest));
    this.#json("manifest.json", [{ Config: blobPath(config.descriptor.digest), RepoTags: [tag], Layers: layers }]);
    this.#json("oci-layout", { imageLayoutVersion: "1.0.0" });
    this.#options.write(TAR_END);
    return manifest.descriptor.digest;
  }

  #blob({ descriptor: { digest, size }, bytes }: Document): void {
    if (!this.#begins(digest, size)) return;
    this.#options.write(bytes);
    this.#pad(size);
  }

  /** Writes a blob's header, unless the archive has the blob already: layers may be the same. */
  #begins(digest: string, size: number): boolean {
    if (this.#written.has(digest)) return false;
    this.#written.add(digest);
    this.#header(blobPath(digest), "file", size);
    return true;
  }

  #json(path: string, value: unknown): void {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    this.#header(path, "file", bytes.length);
    this.#options.write(bytes);
    this.#pad(bytes.length);
  }

  #header(path: string, kind: "file" | "directory", size: number): void {
    this.#options.write(encodeHeader({ path, kind, size, executable: false, target: "" }, this.#options.mtime));
  }

  #pad(size: number): void {
    this.#options.write(new Uint8Array(paddingOf(size)));
  }
}

/** A name as containerd and podman store it: with a registry. */
function fullName(tag: string): string {
  const [first, second] = tag.split("/");
  if (second === undefined) return `docker.io/library/${tag}`;
  return /[.:]|^localhost$/.test(first!) ? tag : `docker.io/${tag}`;
}
