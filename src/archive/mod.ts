/** Model Archives: packs, reads, checks, signs and unpacks them. */

export { ARCHIVES, obtainArchive, type ObtainOptions, type UnpackedArchive } from "./cache.ts";
export { changeOf, hashFile } from "./content.ts";
export { collect, type Collection } from "./collect.ts";
export { ArchiveError, labelOf, named, naming } from "./errors.ts";
export {
  DEFAULT_MANIFEST,
  formatManifest,
  joinPath,
  type Manifest,
  MANIFEST_NAME,
  MODEL_FOLDER,
  type ParsedManifest,
  readManifest,
  REQUIREMENTS_NAME,
  requirementsPath,
  RESOLVED_NAME,
  unknownKeys,
  WHEELS_FOLDER,
} from "./manifest.ts";
export { Origin } from "./origin.ts";
export { checkContents, checkGrowth, pack, type PackOptions, type Part } from "./pack.ts";
export { collectPart, type Plan, plan, type PlannedScript, type PlanOptions, withoutScript } from "./plan.ts";
export type { Limits, SafeEntry } from "./rules.ts";
export { scan, type ScanHandler, type ScanOptions, type ScanResult, type Witness } from "./scan.ts";
export { formatKeyId, formatPublicKey, formatSignature, parsePublicKey, parseSignature } from "./sign/format.ts";
export { formatSecretKey, generateKey, parseSecretKey } from "./sign/secret_key.ts";
export { Signer, Verifier } from "./sign/signature.ts";
export { RUNS, sweepRuns } from "./run_copy.ts";
export { type ArchiveSource, openArchive } from "./source.ts";
export { unpack } from "./unpack.ts";
