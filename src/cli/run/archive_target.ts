/** Finds the module and script in a Model Archive, packed or unpacked. */

// Not from its mod.ts, which would load all that packs, scans and signs archives: most starts find theirs unpacked.
import { obtainArchive } from "../../archive/cache.ts";
import { ArchiveError, labelOf, named } from "../../archive/errors.ts";
import {
  MANIFEST_NAME,
  type ParsedManifest,
  readManifest,
  unknownKeys,
  WHEELS_FOLDER,
} from "../../archive/manifest.ts";
import { Origin } from "../../archive/origin.ts";
import { cacheDir } from "../../cache/folder.ts";
import { demandPrivatePlace } from "../../bridge/mod.ts";
import { stat } from "../../files.ts";
import type { Io } from "../terminal/io.ts";
import { demandSignature, type Trust, type TrustOptions } from "../archives/trust.ts";
import { absolute, resolveModule } from "./module.ts";
import { refuseKey, type Target, type TargetOptions } from "./target.ts";

/**
 * Finds them in `module`, which is an archive. A packed one is unpacked first, or taken from the cache.
 *
 * @throws {UsageError} if the archive does not exist
 * @throws {ArchiveError} if the archive is not valid, not signed as demanded, or has no script for the role
 */
export async function openArchiveTarget(
  role: "train" | "serve",
  options: TargetOptions,
  io: Io,
  signal: AbortSignal,
): Promise<Target> {
  const { module } = options;
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

function isFolder(path: string): boolean {
  return stat(path)?.isDirectory ?? false;
}
