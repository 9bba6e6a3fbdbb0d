/** Checks the values that appear in manifests. */

import { UsageError } from "../../errors.ts";

/** Where the model is when a pod starts. */
export type ModelPlace =
  /** In the image, beside the archive. */
  | { readonly at: "image" }
  | { readonly at: "archive" }
  /** In a volume: the claim, and a folder in it. */
  | { readonly at: "claim"; readonly claim: string; readonly folder: string | undefined; readonly uri: string }
  | { readonly at: "uri"; readonly uri: string };

/** A name that Services accept too, which are stricter than RFC 1123: it begins with a letter. */
const NAME = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
/** A subdomain by RFC 1123. */
const CLAIM = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
/** A reference to an image: registry and port, path, tag and digest. */
const IMAGE =
  /^(?=.{1,512}$)(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;
/** A URI. `serve --model` separates its words by commas. */
const URI = /^[a-z][a-z0-9+.-]*:\/\/[\w.~%:@/?#!$&'()*+;=-]+$/;

/** Derives a name from an archive's file name; it may be invalid. */
export function defaultName(archive: string): string {
  const file = archive.slice(archive.lastIndexOf("/") + 1).replace(/\.(tar\.gz|tgz)$/, "");
  return file.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "");
}

/**
 * Checks the name of a resource.
 *
 * @param longest the most characters, after which the cluster can add its own
 * @param archive the path that the name is derived from; undefined for one of the command line
 * @throws {UsageError} if it is invalid
 */
export function checkName(name: string, longest: number, archive: string | undefined): void {
  if (NAME.test(name) && name.length <= longest) return;
  const rule = `at most ${longest} of a-z, 0-9 and '-', the first a letter, the last not '-'`;
  throw new UsageError(
    archive === undefined
      ? `--name must be ${rule}, not '${name}'`
      : `No name can be made from '${archive}': pass --name with ${rule}`,
  );
}

/** Checks the reference of an image. @throws {UsageError} if it is invalid */
export function checkImage(image: string): void {
  if (IMAGE.test(image)) return;
  throw new UsageError(`--image must be a reference such as registry.example.com/model:1, not '${image}'`);
}

/** Parses the value of `--model-uri`. @throws {UsageError} if it is not a URI, or names no claim and folder */
export function parseModelUri(uri: string): ModelPlace {
  if (!URI.test(uri)) {
    throw new UsageError(
      `--model-uri must be a URI such as gs://BUCKET/FOLDER or pvc://CLAIM/FOLDER, without commas, not '${uri}'`,
    );
  }
  if (!uri.startsWith("pvc://")) return { at: "uri", uri };
  const [claim = "", ...folders] = uri.slice("pvc://".length).replace(/\/$/, "").split("/");
  if (!CLAIM.test(claim) || folders.some((part) => part === "" || part === "." || part === "..")) {
    throw new UsageError(
      `--model-uri must name a PersistentVolumeClaim as pvc://CLAIM or pvc://CLAIM/FOLDER, not '${uri}'`,
    );
  }
  return { at: "claim", claim, folder: folders.length === 0 ? undefined : folders.join("/"), uri };
}
