/** What `train` or `serve` runs: a module and its script, which may come in an archive. */

import type { Limits, Manifest, Origin } from "../../archive/mod.ts";
import type { TrustOptions } from "../archives/trust.ts";
import { UsageError } from "../../errors.ts";

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

/** Refuses a signature for what has none. @throws {UsageError} if one is demanded */
export function refuseKey({ key, signature }: TrustOptions, what: string): void {
  if (key !== undefined || signature !== undefined) {
    throw new UsageError(`--key and --signature need a packed archive: ${what} has no signature`);
  }
}
