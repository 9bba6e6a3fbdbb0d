/** What lies where in a Model Archive, and what its manifest says by default. Runs without an archive use it as well. */

/** The manifest's file name. */
export const MANIFEST_NAME = "manifest.json";

/** The file in the module's folder that lists the packages to install. */
export const REQUIREMENTS_NAME = "requirements.txt";

/** The folder in the archive's root for the model of `package --model-dir`. */
export const MODEL_FOLDER = "model";

/** The folder in the archive's root for the wheels of `package --bundle-wheels`, from which requirements install without a network. */
export const WHEELS_FOLDER = "wheels";
/** The file in {@linkcode WHEELS_FOLDER} that lists the wheels to install, each with its version and hash. */
export const RESOLVED_NAME = "resolved.txt";

/** A manifest with all defaults filled in. Paths of code and model are relative to the archive's root, those of logs to a run's folder. */
export interface Manifest {
  /** The folder with the source files. @default "" */
  readonly module: string;
  /** A path relative to `module`; null if the archive can't train. @default null */
  readonly trainingScript: string | null;
  /** A path relative to `module`; null if the archive can't serve. @default null */
  readonly servingScript: string | null;
  /** @default "logs" */
  readonly logDirectory: string;
  /** The name of a log file, as a format of `strftime`. @default "%Y-%m-%dT%H-%M-%S.log" */
  readonly logNamingFormat: string;
  /** @default false */
  readonly enableTensorboard: boolean;
  /** @default "tb_logs" */
  readonly tensorboardDirectory: string;
  /** The folder of the archive's own model, relative to the archive's root; undefined if the archive has no model. */
  readonly modelDirectory?: string;
}

/** The defaults of all keys. */
export const DEFAULT_MANIFEST: Manifest = {
  module: "",
  trainingScript: null,
  servingScript: null,
  logDirectory: "logs",
  logNamingFormat: "%Y-%m-%dT%H-%M-%S.log",
  enableTensorboard: false,
  tensorboardDirectory: "tb_logs",
};
