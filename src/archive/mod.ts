/** Model Archives: making them, reading them, and trusting what they say. */

export { ARCHIVES, obtainArchive, type ObtainOptions, type UnpackedArchive } from "./cache.ts";
export { changeOf, hashFile } from "./content.ts";
export { collect, type Collection } from "./collect.ts";
export { ArchiveError } from "./errors.ts";
export {
  DEFAULT_MANIFEST,
  formatManifest,
  joinPath,
  type Manifest,
  MANIFEST_NAME,
  meantBy,
  MODEL_FOLDER,
  type ParsedManifest,
  parseManifest,
  REQUIREMENTS_NAME,
  requirementsPath,
  RESOLVED_NAME,
  WHEELS_FOLDER,
} from "./manifest.ts";
export { Origin } from "./origin.ts";
export { checkContents, checkGrowth, pack, type PackOptions, type Part } from "./pack.ts";
export { type Plan, plan, type PlannedScript, type PlanOptions, withoutScript } from "./plan.ts";
export { DEFAULT_LIMITS, type Limits, type SafeEntry } from "./rules.ts";
export { scan, type ScanHandler, type ScanOptions, type ScanResult, type Witness } from "./scan.ts";
export { formatKeyId, formatPublicKey, formatSignature, parsePublicKey, parseSignature } from "./sign/format.ts";
export { formatSecretKey, generateKey, parseSecretKey } from "./sign/secret_key.ts";
export { Signer, Verifier } from "./sign/signature.ts";
export { RUNS, sweepRuns } from "./run_copy.ts";
export { type ArchiveSource, openArchive } from "./source.ts";
export { unpack } from "./unpack.ts";
