/** What `train` and `serve` are told to run, ready to be run. */

import {
  ArchiveError,
  type Limits,
  type Manifest,
  MANIFEST_NAME,
  obtainArchive,
  type ObtainOptions,
  Origin,
  parseManifest,
  type UnpackedArchive,
  WHEELS_FOLDER,
} from "../../archive/mod.ts";
import { cacheDir } from "../../cache/folder.ts";
import { absolute, resolveModule } from "./module.ts";
import { UsageError } from "../../errors.ts";
import { stat } from "../../files.ts";
import type { Io } from "../terminal/io.ts";
import { demandSignature, type TrustOptions } from "../archives/trust.ts";

/** What the command line says of it. */
export interface TargetOptions extends TrustOptions, Limits {
  /** Or an archive, packed or unpacked, if there is no script. */
  readonly module: string;
  readonly script: string | undefined;
}

/** A module and its script. */
export interface Target extends Disposable {
  /** Absolute paths. */
  readonly module: string;
  readonly script: string;
  /** Set for an archive. */
  readonly archive?: TargetArchive;
}

/** The archive that a module is from. */
export interface TargetArchive {
  /** As it was named. */
  readonly name: string;
  readonly manifest: Manifest;
  /** The absolute path of its root. */
  readonly root: string;
  /** In hexadecimal digits; not there for one that was unpacked by somebody else. */
  readonly sha256?: string;
  /** Of one that was unpacked by `aimodellib unpack`: where it is from, if it still holds that. */
  readonly origin?: Origin | undefined;
  /** The absolute path of the model that it carries. */
  readonly modelDir?: string;
  /** The absolute path of the wheels that it carries. */
  readonly wheels?: string;
  /** Whether a signature was demanded, and is good. */
  readonly signed?: boolean;
}

/**
 * Finds it; unpacks it if it is packed, and was not unpacked before.
 *
 * @throws {UsageError} if it is not there
 * @throws {ArchiveError} if it is no good archive, is not signed as demanded, or has no such script
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
  const trust = demandSignature(module, options);
  const unpacked = await obtain(module, {
    cacheDir: cacheDir(io.env),
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

async function obtain(name: string, options: ObtainOptions): Promise<UnpackedArchive> {
  try {
    return await obtainArchive(name, options);
  } catch (error) {
    if (!(error instanceof ArchiveError) || error.message.includes(`'${name}'`)) throw error;
    throw new ArchiveError(`The archive '${name}' can't be run. ${error.message}`);
  }
}

function read(role: "train" | "serve", root: string, name: string, io: Io) {
  const { manifest, unknown } = parseManifest(Deno.readFileSync(`${root}/${MANIFEST_NAME}`));
  for (const key of Object.keys(unknown)) {
    io.stderrLine(`The manifest of '${name}' has the key '${key}', which is not known here`);
  }
  const key = role === "train" ? "trainingScript" : "servingScript";
  const script = manifest[key];
  if (script === null) {
    const other = role === "train" ? manifest.servingScript : manifest.trainingScript;
    const only = other === null ? "" : `: it can only ${role === "train" ? "serve" : "train"}`;
    throw new ArchiveError(`'${name}' can't ${role}: the ${key} in its ${MANIFEST_NAME} is null${only}`);
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
    throw new UsageError(`--key and --signature are for packed archives: ${what} has no signature`);
  }
}

function isFolder(path: string): boolean {
  return stat(path)?.isDirectory ?? false;
}
