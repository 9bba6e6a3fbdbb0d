/** Finds the module and script that `train` or `serve` runs, and unpacks them if they come in an archive. */

import {
  ArchiveError,
  labelOf,
  type Limits,
  type Manifest,
  MANIFEST_NAME,
  named,
  obtainArchive,
  Origin,
  type ParsedManifest,
  readManifest,
  unknownKeys,
  WHEELS_FOLDER,
} from "../../archive/mod.ts";
import { demandPrivatePlace } from "../../bridge/mod.ts";
import { cacheDir } from "../../cache/folder.ts";
import { absolute, resolveModule } from "./module.ts";
import { UsageError } from "../../errors.ts";
import { stat } from "../../files.ts";
import type { Io } from "../terminal/io.ts";
import { demandSignature, type Trust, type TrustOptions } from "../archives/trust.ts";

/** The options that choose the module or the archive. */
export interface TargetOptions extends TrustOptions, Limits {
  /** The module's folder; without a script, an archive, packed or unpacked. */
  readonly module: string;
  readonly script: string | undefined;
}

/** A module and its script, which exist until this is disposed. */
export interface Target extends Disposable {
  /** The module's absolute path. */
  readonly module: string;
  /** The script's absolute path. */
  readonly script: string;
  /** The archive that contains the module; undefined for a module's own folder. */
  readonly archive?: TargetArchive;
}

/** An archive that is run. */
export interface TargetArchive {
  /** As the command line names it. */
  readonly name: string;
  readonly manifest: Manifest;
  /** The absolute path of the unpacked root. */
  readonly root: string;
  /** The archive's SHA-256, in hexadecimal digits; undefined for a folder that was unpacked earlier. */
  readonly sha256?: string;
  /** The note that `aimodellib unpack` left in a folder. */
  readonly origin?: Origin | undefined;
  /** The absolute path of the archive's own model. */
  readonly modelDir?: string;
  /** The absolute path of the archive's wheels. */
  readonly wheels?: string;
  /** Whether a signature was demanded and verified. */
  readonly signed?: boolean;
}

/**
 * Finds module and script. A packed archive is unpacked first, or taken from the cache.
 *
 * @throws {UsageError} if the module, the script or the archive does not exist
 * @throws {ArchiveError} if the archive is not valid, not signed as demanded, or has no script for the role
 */
export async function openTarget(
  role: "train" | "serve",
  options: TargetOptions,
  io: Io,
  signal: AbortSignal,
): Promise<Target> {
  const { module, script } = options;
  if (script !== undefined) {
    refuseKey(options, "a module");
    return { ...resolveModule(module, script), [Symbol.dispose]: () => {} };
  }
  if (isFolder(module)) {
    refuseKey(options, "an unpacked archive");
    const { archive, ...paths } = read(role, module, module, io);
    const origin = Origin.read(archive.root, archive.manifest);
    return { ...paths, archive: { ...archive, origin }, [Symbol.dispose]: () => {} };
  }
  const trust = demand(module, options);
  if (trust !== undefined) demandPrivatePlace(io.env);
  const unpacked = await obtainArchive(module, {
    cacheDir: cacheDir(io.env),
    env: io.env,
    witness: trust?.witness,
    limits: options,
    signal,
    say: io.stderr,
  });
  try {
    if (trust !== undefined) io.stderrLine(trust.text);
    const { archive, ...paths } = read(role, unpacked.root, module, io);
    return {
      ...paths,
      archive: { ...archive, sha256: unpacked.sha256, signed: trust !== undefined },
      [Symbol.dispose]: () => unpacked[Symbol.dispose](),
    };
  } catch (error) {
    unpacked[Symbol.dispose]();
    throw error;
  }
}

function demand(archive: string, options: TrustOptions): Trust | undefined {
  try {
    return demandSignature(archive, options);
  } catch (error) {
    throw named(error, labelOf(archive));
  }
}

function manifestOf(root: string, label: string): ParsedManifest {
  try {
    return readManifest(Deno.readFileSync(`${root}/${MANIFEST_NAME}`));
  } catch (error) {
    throw named(error, label);
  }
}

function read(role: "train" | "serve", root: string, name: string, io: Io) {
  const label = labelOf(name);
  const { manifest, unknown } = manifestOf(root, label);
  for (const notice of unknownKeys(label, unknown)) io.stderrLine(notice);
  const key = role === "train" ? "trainingScript" : "servingScript";
  const script = manifest[key];
  if (script === null) {
    const other = role === "train" ? manifest.servingScript : manifest.trainingScript;
    const only = other === null ? "" : `; it can only ${role === "train" ? "serve" : "train"}`;
    throw new ArchiveError(`can't ${role}: the ${key} in its ${MANIFEST_NAME} is null${only}`, { label });
  }
  const wheels = `${root}/${WHEELS_FOLDER}`;
  const hasWheels = manifest.module.split("/")[0] !== WHEELS_FOLDER && isFolder(wheels);
  const module = absolute(`${root}/${manifest.module}`);
  return {
    ...resolveModule(module, `${module}/${script}`),
    archive: {
      name,
      manifest,
      root: absolute(root),
      ...(manifest.modelDirectory !== undefined && { modelDir: absolute(`${root}/${manifest.modelDirectory}`) }),
      ...(hasWheels && { wheels: Deno.realPathSync(wheels) }),
    },
  };
}

function refuseKey({ key, signature }: TrustOptions, what: string): void {
  if (key !== undefined || signature !== undefined) {
    throw new UsageError(`--key and --signature need a packed archive: ${what} has no signature`);
  }
}

function isFolder(path: string): boolean {
  return stat(path)?.isDirectory ?? false;
}
