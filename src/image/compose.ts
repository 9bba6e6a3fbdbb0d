/** Makes the configuration and the manifest of an image from those of its base. */

import type { Layer } from "./layer.ts";
import type { Base } from "./base.ts";
import { type Descriptor, digestLike, type ImageConfig, OCI } from "./oci.ts";

/** How containers of the image run: keys of the configuration's `config` that replace those of the base. */
export interface Running {
  readonly User: string;
  /** `NAME=VALUE`; a variable of the base with the same name is replaced. */
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly StopSignal: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  /** Docker's health check; OCI reserves the key. Times are in ns. */
  readonly Healthcheck?: Readonly<Record<string, unknown>>;
  readonly Labels: Readonly<Record<string, string>>;
}

/** A document of an image. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** What an image consists of. */
export interface Parts {
  readonly base: Base;
  readonly layers: readonly Layer[];
  readonly running: Running;
  /** Of the image, in the form of RFC 3339. */
  readonly created: string;
  /** The program that made it, such as `aimodellib 1.0`. */
  readonly author: string;
}

/** Makes the configuration of an image, from that of its base. */
export function composeConfig({ base, layers, running, created, author }: Parts): Document {
  const { config = {}, rootfs, history, ...others } = base.config;
  const { Healthcheck: _, ...inherited } = config;
  const merged = {
    ...inherited,
    ...running,
    Env: mergeEnv(stringsOf(config.Env), running.Env),
    Labels: { ...objectOf(config.Labels), ...running.Labels },
    ...mergeKeys("ExposedPorts", config, running),
    ...mergeKeys("Volumes", config, running),
  };
  const added = layers.map(({ what }) => ({ created, created_by: author, comment: what }));
  // Readers of a history expect one entry for each layer, or none at all.
  const before = history ?? rootfs.diff_ids.map(() => ({ created, comment: "base" }));
  const whole: ImageConfig = {
    ...others,
    architecture: base.config.architecture,
    os: base.config.os,
    created,
    config: merged,
    rootfs: { type: "layers", diff_ids: [...rootfs.diff_ids, ...layers.map(({ diffId }) => diffId)] },
    history: [...before, ...added],
  };
  return document(OCI.config, whole);
}

/** Makes the manifest of an image, which lists the layers of its base first. */
export function composeManifest({ base, layers, running }: Parts, config: Document): Document {
  const annotations = {
    ...running.Labels,
    ...(base.digest !== undefined && { "org.opencontainers.image.base.digest": base.digest }),
  };
  const all = [...base.layers.map(({ descriptor }) => descriptor), ...layers.map(({ descriptor }) => descriptor)];
  return document(OCI.manifest, {
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config: config.descriptor,
    layers: all,
    annotations,
  });
}

/** A JSON document with its descriptor. */
export function document(mediaType: string, value: unknown): Document {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { bytes, descriptor: { mediaType, digest: digestLike("sha256:", bytes), size: bytes.length } };
}

function mergeEnv(before: readonly string[], added: readonly string[]): string[] {
  const names = new Set(added.map(nameOf));
  return [...before.filter((variable) => !names.has(nameOf(variable))), ...added];
}

/** A variable of a base's environment; undefined if it is not set. */
export function variableOf(base: Base, name: string): string | undefined {
  return stringsOf(base.config.config?.Env).find((variable) => nameOf(variable) === name)?.slice(name.length + 1);
}

function nameOf(variable: string): string {
  return variable.split("=", 1)[0]!;
}

function mergeKeys(
  key: "ExposedPorts" | "Volumes",
  config: Readonly<Record<string, unknown>>,
  running: Running,
): Readonly<Record<string, object>> {
  const both = { ...objectOf(config[key]), ...running[key] };
  return Object.keys(both).length === 0 ? {} : { [key]: both };
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function objectOf(value: unknown): Readonly<Record<string, object>> {
  return typeof value === "object" && value !== null ? value as Readonly<Record<string, object>> : {};
}
